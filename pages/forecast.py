"""Forecast: what may open leads bring, month by month, against what was won, said before and meant? For everybody who may see reports."""

from crm.ui.reports import forecast, shell
from crm.ui.viewer import viewer

person = viewer("report")
page = shell.begin(person, "Forecast", forecast.TAKES)
with shell.reading(page) as reader:
    found = forecast.read(reader, page)
forecast.draw(found, page)
shell.end(page, reader)
