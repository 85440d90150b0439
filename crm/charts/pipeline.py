"""Where leads stand, how far they get, what moved, and how long they stay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from crm.charts.parts import COLOURS, Drawing, bars, drawing, height_of, labels, lying, marks, waterfall
from crm.charts.seen import Seen

TONES: Mapping[str, str] = {"open": "accent", "won": "won", "lost": "lost", "dormant": "quiet"}
MOST_STAGES = 14


def stages(seen: Seen) -> Drawing | None:
    """Value, or leads, in each stage; a click stands for the stage."""
    by = seen.first_shown("value_usd", "leads")
    said, is_money = ("Value", True) if by == "value_usd" else ("Leads", False)
    bar = lying(_names(seen.rows), [row[by] for row in seen.rows], name=said, tone="accent", stands_for=[row["stage_id"] for row in seen.rows],
                is_money=is_money)  # fmt: skip
    bar["marker"]["color"] = _colours(seen.rows)
    return drawing(bar, x_title="USD" if is_money else "Leads", height=height_of(seen.rows), says=f"{said} in each stage")


def _colours(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return [COLOURS[TONES.get(row["kind"], "quiet")] for row in rows]


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Of stages, each with its pipeline where there are several."""
    several = len({row["pipeline_id"] for row in rows}) > 1
    return labels([f"{row['stage']} · {row['pipeline']}" if several else row["stage"] for row in rows])


def funnel(seen: Seen) -> Drawing | None:
    """How many leads reached each stage, or one after it."""
    bar = lying(_names(seen.rows), [row["reached"] for row in seen.rows], name="Reached it", tone="accent")
    bar["marker"]["color"] = _colours(seen.rows)
    return drawing(bar, x_title="Leads that reached it", height=height_of(seen.rows), says="Leads that reached each stage")


def movement(seen: Seen) -> Drawing | None:
    """From what was there at the start to what is there at the end, of all open stages or of the one that it is about."""
    rows = [row for row in seen.rows if (str(row["stage_id"]) == seen.of if seen.of else row["kind"] == "open")]
    is_money = seen.shows("end_usd")
    steps = steps_of(rows, is_money=is_money)
    if not any(steps.values()):
        return None
    says = "From the open value at the start of the period to that at its end" if is_money else "From the open leads at the start to those at the end"
    return drawing(waterfall(list(steps), list(steps.values()), is_money=is_money), y_title="USD" if is_money else "Leads", says=says)


def steps_of(rows: Sequence[Mapping[str, Any]], *, is_money: bool) -> dict[str, Any]:
    """What the stages held, what each kind of movement added to it, and what they hold: the first with the middle ones is the last."""
    end = "_usd" if is_money else ""
    won, lost = (_sum(rows, f"{kind}{end}") for kind in ("won", "lost"))
    between = _sum(rows, f"in{end}") - (_sum(rows, f"out{end}") - won - lost)
    steps = {"Start": _sum(rows, f"start{end}"), "Began": _sum(rows, f"created{end}"), "Moved": between, "Won": -won, "Lost": -lost}
    changed = {"Value": _sum(rows, "value_changed_usd")} if is_money else {}
    return {**steps, **changed, "End": _sum(rows, f"end{end}")}


def _sum(rows: Iterable[Mapping[str, Any]], name: str) -> Any:
    return sum((row[name] or 0 for row in rows), 0)


def by_month(seen: Seen) -> Drawing | None:
    """What was open at the end of each month."""
    by = seen.first_shown("open_value_usd", "open")
    is_money = by != "open"
    bar = bars([f"{row['month']:%b %Y}" for row in seen.rows], [row[by] for row in seen.rows], name="Open", tone="accent", is_money=is_money)
    return drawing(bar, y_title="USD" if is_money else "Leads", says="Open at the end of each month")


def velocity(seen: Seen) -> Drawing | None:
    """Median and ninetieth percentile of days in each stage that anybody was in, against its target; a click stands for the stage."""
    rows = in_use(seen.rows)
    names, ids = _names(rows), [row["stage_id"] for row in rows]
    return drawing(
        lying(names, [row["median_days"] for row in rows], name="Median", tone="accent", stands_for=ids, unit=" d"),
        lying(names, [row["p90_days"] for row in rows], name="9 of 10 within", tone="soft", stands_for=ids, unit=" d"),
        marks(names, [row["target_days"] for row in rows], name="Target", unit=" d"),
        x_title="Days in the stage", height=height_of(rows, each=46), says="Median and ninetieth percentile of days per stage against its target",
    )  # fmt: skip


def in_use(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The stages that somebody is in, or moved on from."""
    return [row for row in rows if row["moved_on"] or row["leads"]][:MOST_STAGES]
