"""Win and loss: how much of what ended was won, by whom, from where, and why was the rest lost? For everybody who may see reports."""

from crm.ui.reports import shell, win_loss
from crm.ui.viewer import viewer

person = viewer("report")
page = shell.begin(person, "Win and loss", win_loss.TAKES, usual=90)
with shell.reading(page) as reader:
    found = win_loss.read(reader, page.asked)
win_loss.draw(found, page)
shell.end(page, reader)
