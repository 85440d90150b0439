"""Months one after the other: a report has no row where nothing happened, but a line over time must not leave the month out."""

from __future__ import annotations

from datetime import date
from typing import Any

from crm.goals.rules import months_on
from crm.ui.reports.reading import Read

COUNTED = ("won", "lost", "won_value_usd", "lost_value_usd")


def every_month(read: Read) -> list[dict[str, Any]]:
    """The rows of a win rate by month, and one in which nothing ended for each month of its period between; none where there are no rows at all."""
    if not read.rows or read.result is None or read.result.period is None:
        return []
    known = {str(row["group"])[:7]: row for row in read.rows}
    nothing = dict.fromkeys(read.rows[0]) | {column: 0 for column in COUNTED if read.shows(column)}
    return [known.get(f"{month:%Y-%m}") or {**nothing, "group": f"{month:%Y-%m}"} for month in months_of(read.result.period)]


def months_of(period: tuple[date, date]) -> list[date]:
    """The first days of the months from the first day's to the last day's."""
    first, last = (day.replace(day=1) for day in period)
    found = [first]
    while found[-1] < last:
        found.append(months_on(found[-1], 1))
    return found
