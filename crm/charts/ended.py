"""What was won and lost: by month, by whom, from where, and why not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crm.charts.months import every_month, month_of, months_shown
from crm.charts.parts import Drawing, bars, drawing, height_of, labels, lying
from crm.charts.seen import Seen

MOST_BARS = 10
NOT_GIVEN = "Not given"
"""What the queries call a loss without a reason, and leads without a source."""
_BECAME = (("won", "won"), ("open", "soft"), ("dormant", "quiet"), ("lost", "lost"))


def by_month(seen: Seen) -> Drawing | None:
    """Won and lost leads; a click stands for the month."""
    rows = every_month(seen.result)
    x, months = [month_of(row["group"]) for row in rows], [str(row["group"])[:7] for row in rows]
    traces = [bars(x, [row[kind] for row in rows], name=kind.capitalize(), tone=kind, stands_for=months) for kind in ("won", "lost")]
    return drawing(*traces, y_title="Leads", says="Won and lost leads by month")


def by_group(seen: Seen) -> Drawing | None:
    """What each group won; a click stands for the group's id."""
    if seen.result.filters.get("by") == "month":
        return by_month(seen)
    rows, by = seen.rows[:MOST_BARS], seen.first_shown("won_value_usd", "won")
    bar = lying(labels([row["group"] for row in rows]), [row[by] for row in rows], name="Won", tone="won", is_money=by != "won",
                stands_for=[row["group_id"] for row in rows])  # fmt: skip
    of = seen.result.filters.get("by", "owner")
    return drawing(bar, x_title="USD won" if by != "won" else "Leads won", height=height_of(rows), says=f"Value won by {of}")


def sources(seen: Seen) -> Drawing | None:
    """Leads by source and what became of them; a click stands for the source."""
    rows = seen.rows[:MOST_BARS]
    names, stand_for = labels([row["source"] for row in rows]), [None if row["source"] == NOT_GIVEN else row["source"] for row in rows]
    traces = [lying(names, [row[kind] for row in rows], name=kind.capitalize(), tone=tone, stands_for=stand_for) for kind, tone in _BECAME]
    return drawing(*traces, x_title="Leads that began", height=height_of(rows), is_stacked=True, says="Leads by source and what became of them")


def reasons(seen: Seen) -> Drawing | None:
    """Lost leads by reason; a click stands for the reason."""
    rows = seen.rows[:MOST_BARS]
    names = [row["reason"] for row in rows]
    bar = lying(labels(names), [row["lost"] for row in rows], name="Lost", tone="lost", stands_for=names)
    return drawing(bar, x_title="Leads lost", height=height_of(rows), says="Lost leads by reason")


def lost_for(seen: Seen) -> Drawing | None:
    """Leads lost for the one reason, by month, or by whatever else they are grouped by; a click stands for the group."""
    rows, grouping = of_reason(seen.rows, seen.of), seen.result.grouping
    assert grouping is not None
    if grouping.by.unit and seen.result.period:
        known = {row["group_key"]: row["leads"] for row in rows}
        months = months_shown(seen.result.period, filter(None, known))
        keys = [f"{month:%Y-%m}" for month in months]
        bar = bars([f"{month:%b %Y}" for month in months], [known.get(key, 0) for key in keys], name="Lost", tone="lost", stands_for=keys)
        return drawing(bar, y_title="Leads lost", says="Leads lost for it, by month")
    rows = rows[:MOST_BARS]
    names, stand_for = labels([row["group"] for row in rows]), [row["group_key"] for row in rows]
    bar = lying(names, [row["leads"] for row in rows], name="Lost", tone="lost", stands_for=stand_for)
    return drawing(bar, x_title="Leads lost", height=height_of(rows), says=f"Leads lost for it, by {grouping.by.label.lower()}")


def of_reason(rows: Sequence[dict[str, Any]], reason: str) -> list[dict[str, Any]]:
    """Of leads that were lost, grouped within their reasons: the groups of the one, the largest first."""
    found = [row for row in rows if not row["split_is_rest"] and not row["group_is_rest"] and (row["split_key"] or NOT_GIVEN) == reason]
    return sorted(found, key=lambda row: -row["leads"])
