"""How something went, week by week."""

from __future__ import annotations

from crm.charts.parts import Drawing, drawing, line
from crm.charts.seen import Seen


def _weeks(seen: Seen, column: str, name: str, unit: str) -> Drawing | None:
    """A line over the days of the weeks, each by the day that the report names it after."""
    is_money = column.endswith("_usd")
    x = [f"{row['week']:%-d %b %Y}" for row in seen.rows]
    trace = line(x, [row[column] for row in seen.rows], name=name, tone="accent", is_money=is_money)
    return drawing(trace, y_title=unit, says=f"{name}, week by week")


def won(seen: Seen) -> Drawing | None:
    column = seen.first_shown("won_value_usd", "won")
    return _weeks(seen, column, "Won", "USD" if column != "won" else "Leads")


def stale(seen: Seen) -> Drawing | None:
    return _weeks(seen, "over_target", "Over their stage's target", "Leads")


def activity(seen: Seen) -> Drawing | None:
    return _weeks(seen, "activities", "Calls, meetings, mails and notes", "Activities")


def neglected(seen: Seen) -> Drawing | None:
    return _weeks(seen, "customers", "Neglected customers", "Customers")
