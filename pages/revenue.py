"""Customers and revenue: what was ordered, where, and who came back? For everybody who may see reports and customers."""

from crm.ui.reports import revenue, shell
from crm.ui.viewer import viewer

person = viewer("report")
page = shell.begin(person, "Customers and revenue", revenue.TAKES, usual=90)
with shell.reading(page) as reader:
    found = revenue.read(reader, page.asked)
revenue.draw(found, page)
shell.end(page, reader)
