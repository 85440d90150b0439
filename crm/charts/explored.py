"""The chart of an exploration: bars, lines or stacked bars, in colours that stand on white and on the dark ground alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm.charts import amounts, parts
from crm.charts.parts import COLOURS, Drawing, Trace, shortened, unique
from crm.explore.use_cases import Exploration, Group
from crm.reports.exploring import Measure

BARS, LINES, STACKED = "bars", "lines", "stacked"
PALETTE = ("#6366F1", "#14A3A8", "#E58A13", "#D6518F", "#3B9EE8", "#8E5BD9", "#7FA832", "#B07A4F")
TONES: Mapping[str, str] = {"open": "accent", "won": "won", "lost": "lost", "dormant": "quiet"}
LONGEST, LONGEST_IN_LEGEND = 30, 22
THINNEST, BAR, TALLEST = 13, 30, 900
TITLES: Mapping[str, str] = {"usd": "USD", "share": "Won, %", "days": "Days, half of them within"}


def say(measure: Measure, value: Any) -> str:
    """A number as people read it."""
    if value is None:
        return "–"
    if measure.unit == "usd":
        return amounts.usd(value)
    return amounts.share(value) if measure.unit == "share" else amounts.days(value) if measure.unit == "days" else f"{value:,}"


def drawing(found: Exploration, kind: str, *, compact: bool = False) -> Drawing | None:
    """The chart of a kind (bars, lines or stacked; lines are for what goes over time); a click stands for "group.split", both by number."""
    is_lying = not found.by.unit
    kind = BARS if kind == LINES and is_lying else kind
    traces = [_trace(found, kind, number, split, is_lying=is_lying) for number, split in enumerate(found.splits or [None])]
    title = "" if compact else TITLES.get(found.measure.unit, found.measure.label)
    return parts.drawing(
        *traces, is_stacked=kind == STACKED, height=_height(found, kind, compact=compact) if is_lying else 230 if compact else 320, says=alt(found),
        x_title=title if is_lying else "", y_title="" if is_lying else title,
    )  # fmt: skip


def alt(found: Exploration) -> str:
    """What the chart shows, for those who do not see it."""
    split = f" and {found.split.label.lower()}" if found.split.name else ""
    return f"{found.measure.label} by {found.by.label.lower()}{split}"


def _height(found: Exploration, kind: str, *, compact: bool) -> int:
    beside = len(found.splits) if found.splits and kind != STACKED else 1
    each = max(BAR - (6 if compact else 0), beside * THINNEST + 8)
    return min(TALLEST, 70 + each * max(2, len(found.groups)))


def _trace(found: Exploration, kind: str, number: int, split: Group | None, *, is_lying: bool) -> Trace:
    values = [_plotted(found, found.value(group.row) if split is None else found.cell(group, split)) for group in found.groups]
    said = [_hover(found, group, split) for group in found.groups]
    names = unique([shortened(group.name, LONGEST) for group in found.groups])
    colour = _colour(found, number, split)
    trace: Trace = {
        "name": shortened(split.name, LONGEST_IN_LEGEND) if split else found.measure.label, "hovertext": said, "hovertemplate": "%{hovertext}<extra></extra>",
        "customdata": [[f"{place}.{number}"] for place in range(len(names))], **({"x": values, "y": names} if is_lying else {"x": names, "y": values}),
    }  # fmt: skip
    if kind == LINES:
        return {**trace, "type": "scatter", "mode": "lines+markers", "line": {"color": colour, "width": 2}, "marker": {"size": 7, "color": colour}}
    corners = {} if kind == STACKED else {"cornerradius": 3}
    return {**trace, "type": "bar", "marker": {"color": colour, **corners}, **({"orientation": "h"} if is_lying else {})}


def _plotted(found: Exploration, value: Any) -> float | None:
    """Nothing counted is none of it, but no rate at all."""
    if value is None:
        return 0.0 if found.adds_up else None
    return float(value) * (100 if found.measure.unit == "share" else 1)


def _hover(found: Exploration, group: Group, split: Group | None) -> str:
    row = group.row if split is None else found.cells.get((group.place, split.place))
    where = " · ".join(shortened(each.name, 80) for each in (group, split) if each)
    return f"{where}<br>{found.measure.label} <b>{say(found.measure, found.value(row))}</b>"


def _colour(found: Exploration, number: int, split: Group | None) -> str:
    if split is None:
        return PALETTE[0]
    if found.split.name == "kind" and split.key and split.key in TONES:
        return COLOURS[TONES[split.key]]
    if split.is_rest or split.key is None:
        return COLOURS["quiet"] if split.is_rest else "#C0C6D1"
    return PALETTE[number % len(PALETTE)]
