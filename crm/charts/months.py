"""Months one after the other: a report has no row where nothing happened, but a line over time must not leave the month out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from crm.goals.rules import months_on
from crm.reports.use_cases import ReportResult

LONG = 60
"""Over more months than so many, a chart begins with the first one that there is something of: a period may begin in the year 1."""
COUNTED = ("won", "lost", "won_value_usd", "lost_value_usd")


def every_month(result: ReportResult | None) -> list[dict[str, Any]]:
    """The rows of a win rate by month, and one in which nothing ended for each month of its period between; none where there are no rows at all."""
    if result is None or not result.rows or result.period is None:
        return []
    known = {str(row["group"])[:7]: row for row in result.rows}
    nothing = dict.fromkeys(result.rows[0]) | {column: 0 for column in COUNTED if result.shows(column)}
    return [known.get(key) or {**nothing, "group": key} for key in (f"{month:%Y-%m}" for month in months_shown(result.period, known))]


def month_of(group: Any) -> str:
    """ "2026-10" as people say it."""
    try:
        return f"{date.fromisoformat(f'{str(group)[:7]}-01'):%b %Y}"
    except ValueError:
        return str(group)


def months_shown(period: tuple[date, date], known: Iterable[str]) -> list[date]:
    """The months of the period that its chart shows. `known`: those that there is something of, as "2026-10"."""
    months, first = months_of(period), min(known, default="")
    if len(months) <= LONG or not first:
        return months[-LONG:]
    return [month for month in months if month >= date.fromisoformat(f"{first}-01")]


def months_of(period: tuple[date, date]) -> list[date]:
    """The first days of the months from the first day's to the last day's."""
    first, last = (day.replace(day=1) for day in period)
    found = [first]
    while found[-1] < last:
        found.append(months_on(found[-1], 1))
    return found
