"""Stale and neglected: what stands too long, and who heard nothing from us? For everybody who may see reports."""

from crm.ui.reports import shell, stale
from crm.ui.viewer import viewer

person = viewer("report")
page = shell.begin(person, "Stale and neglected", stale.TAKES, usual=90)
with shell.reading(page) as reader:
    found = stale.read(reader, page.asked)
stale.draw(found, page)
shell.end(page, reader)
