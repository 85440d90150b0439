"""Who has what open, who won, and who called, met and wrote."""

from __future__ import annotations

from typing import Any

from crm.charts.parts import Drawing, drawing, height_of, labels, lying
from crm.charts.seen import Seen

KINDS = (
    ("calls", "Calls", "accent"),
    ("meetings", "Meetings", "won"),
    ("mails", "Mails", "soft"),
    ("messages", "Messages", "late"),
    ("notes", "Notes", "quiet"),
)
MOST = 12


def owners(seen: Seen) -> Drawing | None:
    """Won and open value by owner; a click stands for the owner."""
    rows = at_work(seen.rows)[:MOST]
    names, ids, is_money = labels([row["owner"] for row in rows]), [row["owner_id"] for row in rows], seen.shows("won_value_usd")
    columns = (("won_value_usd", "Won", "won"), ("weighted_usd", "Open, weighted", "soft")) if is_money else (("won", "Won", "won"), ("open", "Open", "soft"))
    return drawing(
        *(lying(names, [row[column] for row in rows], name=name, tone=tone, stands_for=ids, is_money=is_money) for column, name, tone in columns),
        x_title="USD" if is_money else "Leads", height=height_of(rows, each=40), says="Won and open value by owner",
    )  # fmt: skip


def at_work(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Owners who have something open, or won something; the others have nothing but goals, and losses."""
    return [row for row in rows if row["open"] or row["won"]]


def activity(seen: Seen) -> Drawing | None:
    """Activities by person and kind; a click stands for the person."""
    rows = seen.rows[:MOST]
    names, ids = labels([row["person"] for row in rows], nobody="Nobody signed in"), [row["person_id"] for row in rows]
    traces = [lying(names, [row[kind] for row in rows], name=name, tone=tone, stands_for=ids) for kind, name, tone in KINDS]
    return drawing(*traces, x_title="Activities", is_stacked=True, height=height_of(rows, each=40), says="Activities by person and kind")
