"""Team and activity: who has what open, who won, who called and met, and how far are their goals? For everybody who may see reports."""

from crm.ui.reports import shell, team
from crm.ui.viewer import viewer

person = viewer("report")
page = shell.begin(person, "Team and activity", team.TAKES)
with shell.reading(page) as reader:
    found = team.read(reader, page)
team.draw(found, page)
shell.end(page, reader)
