"""What charts are made of, as plain data in the shape that plotly takes. What a click stands for travels with its points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape, unescape
from typing import Any

HEIGHT = 260
LONGEST_NAME = 24
MOST_LABELS = 8
"""So many names stand below upright bars on a phone without being turned."""
FEW = 6
"""Up to so many, an axis that counts has a line for each whole number, and none for parts of one."""
COLOURS: Mapping[str, str] = {
    "accent": "#6366F1", "soft": "#A9ADF8", "won": "#22A06B", "lost": "#E5484D", "quiet": "#98A2B3", "late": "#E58A13", "line": "rgba(133, 144, 162, .35)",
    "muted": "#768296", "nothing": "rgba(0, 0, 0, 0)",
}  # fmt: skip
"""They stand on white and on the dark ground alike: a chart that is there keeps its colours when somebody changes the theme."""
FONT = {"color": COLOURS["muted"]}
SCALE = ((0, "#E8E9FE"), (1, "#4F46E5"))
"""Of shares; opaque, so that plotly finds a colour for the text that can be read on it."""
Trace = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Drawing:
    """`says`: what it shows, for those who do not see it."""

    traces: Sequence[Trace]
    layout: Mapping[str, Any]
    says: str = ""

    def as_plotly(self) -> dict[str, Any]:
        return {"data": list(self.traces), "layout": dict(self.layout)}


def bars(x: Sequence[Any], y: Sequence[Any], *, name: str, tone: str, stands_for: Sequence[Any] | None = None, unit: str = "", is_money: bool = False) -> Trace:
    """Upright bars. `stands_for`: what a click on each asks for."""
    shown = "$%{y:,.0f}" if is_money else "%{y:,.4~g}"
    return {
        "type": "bar", "x": list(x), "y": numbers(y), "name": name, "marker": {"color": COLOURS[tone], "cornerradius": 3},
        "customdata": _said(stands_for), "hovertemplate": f"%{{x}}<br>{name} <b>{shown}{unit}</b><extra></extra>",
    }  # fmt: skip


def lying(
    y: Sequence[Any], x: Sequence[Any], *, name: str, tone: str, stands_for: Sequence[Any] | None = None, unit: str = "", is_money: bool = False
) -> Trace:
    """Lying bars, the first one on top: for names."""
    shown = "$%{x:,.0f}" if is_money else "%{x:,.4~g}"
    return {
        "type": "bar", "orientation": "h", "y": list(y), "x": numbers(x), "name": name, "marker": {"color": COLOURS[tone], "cornerradius": 3},
        "customdata": _said(stands_for), "hovertemplate": f"%{{y}}<br>{name} <b>{shown}{unit}</b><extra></extra>",
    }  # fmt: skip


def line(x: Sequence[Any], y: Sequence[Any], *, name: str, tone: str, is_dotted: bool = False, is_money: bool = False, unit: str = "") -> Trace:
    shown = "$%{y:,.0f}" if is_money else "%{y:,.4~g}"
    return {
        "type": "scatter", "mode": "lines+markers", "x": list(x), "y": numbers(y), "name": name, "cliponaxis": False,
        "line": {"color": COLOURS[tone], "width": 2, "dash": "dot" if is_dotted else "solid"},
        "marker": {"size": 6, "color": COLOURS[tone]}, "hovertemplate": f"%{{x}}<br>{name} <b>{shown}{unit}</b><extra></extra>",
    }  # fmt: skip


def marks(y: Sequence[Any], x: Sequence[Any], *, name: str, unit: str = "") -> Trace:
    """A stroke across each lying bar, for what it is measured against."""
    return {
        "type": "scatter", "mode": "markers", "x": numbers(x), "y": list(y), "name": name,
        "marker": {"symbol": "line-ns", "size": 16, "line": {"width": 2, "color": COLOURS["muted"]}},
        "hovertemplate": f"%{{y}}<br>{name.lower()} <b>%{{x:,}}{unit}</b><extra></extra>",
    }  # fmt: skip


def waterfall(x: Sequence[str], y: Sequence[Any], *, is_money: bool) -> Trace:
    """Steps from a start, the first one, to an end, the last one."""
    shown = "$%{delta:,.0f}</b><br>then $%{final:,.0f}" if is_money else "%{delta:,}</b><br>then %{final:,}"
    return {
        "type": "waterfall", "x": list(x), "y": numbers(y), "measure": ["absolute", *["relative"] * (len(x) - 2), "total"],
        "totals": {"marker": {"color": COLOURS["accent"]}}, "increasing": {"marker": {"color": COLOURS["soft"]}},
        "decreasing": {"marker": {"color": COLOURS["quiet"]}}, "connector": {"mode": "spanning", "line": {"color": COLOURS["line"]}},
        "hovertemplate": f"%{{x}} <b>{shown}<extra></extra>",
    }  # fmt: skip


def heat(x: Sequence[Any], y: Sequence[Any], z: Sequence[Sequence[Any]], *, says: str) -> Trace:
    """Shades of the accent, by months since the beginning: for cohorts. A share of None stays empty."""
    said = [["" if value is None else f"{round(100 * float(value))}" for value in row] for row in z]
    return {
        "type": "heatmap", "x": list(x), "y": list(y), "z": [[None if value is None else float(value) for value in row] for row in z],
        "colorscale": [list(stop) for stop in SCALE],
        "showscale": False, "xgap": 2, "ygap": 2, "zmin": 0, "zmax": 1, "text": said, "texttemplate": "%{text}",
        "hovertemplate": f"%{{y}}, month %{{x}}<br>{says} <b>%{{z:.1%}}</b><extra></extra>",
    }  # fmt: skip


def height_of(lines: Sequence[Any], *, each: int = 30) -> int:
    """Of a chart of lying bars, so many pixels `each`; one bar does not fill it."""
    return 50 + each + each * max(2, len(lines))


def drawing(
    *traces: Trace, x_title: str = "", y_title: str = "", height: int = HEIGHT, is_stacked: bool = False, says: str = ""
) -> Drawing | None:  # fmt: skip
    """The chart; None where there is nothing to see in it."""
    shown = [trace for trace in traces if _has_marks(trace)]
    if not shown:
        return None
    is_lying = any(trace.get("orientation") == "h" for trace in traces)
    named = len(traces) > 1
    along, across = ("y", "x") if is_lying else ("x", "y")
    names = list(dict.fromkeys(name for trace in shown for name in trace[along]))
    layout: dict[str, Any] = {
        "height": height, "margin": {"l": 8, "r": 8, "t": 26 if named else 8, "b": 8}, "barmode": "stack" if is_stacked else "group",
        "bargap": 0.35 if len(names) > 1 else 0.6,
        "showlegend": named,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "title": {"text": ""}, "traceorder": "normal", "font": FONT},
        "xaxis": _axis(x_title), "yaxis": _axis(y_title),
        "dragmode": False, "clickmode": "event+select", "hoverlabel": {"namelength": -1},
        "paper_bgcolor": COLOURS["nothing"], "plot_bgcolor": COLOURS["nothing"], "font": FONT,
    }  # fmt: skip
    layout[f"{across}axis"] |= {"rangemode": "tozero", **_counted(shown, across)}
    if is_lying:
        layout["yaxis"] |= {"autorange": "reversed", **_named(names)}
    else:
        layout["xaxis"] |= {"type": "category", "tickangle": 0, **_below(names)}
    if any(trace["type"] == "heatmap" for trace in traces):
        layout["xaxis"] |= {"showgrid": False, "tickmode": "linear"}
        layout["yaxis"] = _axis(y_title) | {"showgrid": False}
    return Drawing(shown, layout, says)


def labels(names: Sequence[Any], *, nobody: str = "Nobody") -> list[str]:
    """Names as a chart takes them: what looks like markup is text, and two that are called alike are two."""
    return unique([escape(str(name or nobody), quote=False) for name in names])


def unique(names: Sequence[str]) -> list[str]:
    """Names that look as they are and are not taken for one another: a chart adds up what is called alike."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        found.append(name + "\u200b" * seen.get(name, 0))
        seen[name] = seen.get(name, 0) + 1
    return found


def shortened(name: str, longest: int) -> str:
    return escape(cut(name, longest), quote=False)


def cut(name: str, longest: int) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1].rstrip()}…"


def _has_marks(trace: Trace) -> bool:
    """Whether anything of it is not zero: axes around nothing tell nothing."""
    return trace["type"] == "heatmap" or any(trace["x" if trace.get("orientation") == "h" or trace.get("mode") == "markers" else "y"])


def _named(names: Sequence[Any]) -> dict[str, Any]:
    """Long names are cut on the axis, so that bars keep their room on a phone; pointing at a bar tells the whole name."""
    whole = [unescape(str(name)) for name in names]
    if all(len(name) <= LONGEST_NAME for name in whole):
        return {}
    return {"tickmode": "array", "tickvals": list(names), "ticktext": [shortened(name, LONGEST_NAME) for name in whole]}


def _below(names: Sequence[Any]) -> dict[str, Any]:
    """Names below upright bars, upright themselves: of many only each second or third, its year on a line of its own where that is another one."""
    shown = list(names)[:: -(-len(names) // MOST_LABELS) or 1]
    texts, year = [], ""
    for name in map(str, shown):
        head, _, tail = name.rpartition(" ")
        texts.append((head if tail == year else f"{head}<br>{tail}") if head and tail.isdecimal() else name)
        year = tail
    return {"tickmode": "array", "tickvals": shown, "ticktext": texts}


def _counted(traces: Sequence[Trace], across: str) -> dict[str, Any]:
    """Few whole things are not counted in halves."""
    values = [value for trace in traces if trace["type"] in ("bar", "waterfall") for value in trace[across] if value]
    return {"dtick": 1} if values and sum(abs(value) for value in values) <= FEW and all(float(value).is_integer() for value in values) else {}


def _axis(title: str) -> dict[str, Any]:
    """Its texts in a colour of our own too: those of the theme stay behind when the theme changes."""
    found: dict[str, Any] = {"title": {"text": title, "font": FONT}, "tickfont": FONT, "automargin": True, "gridcolor": COLOURS["line"], "zeroline": False}
    return {**found, "fixedrange": True}


def numbers(values: Sequence[Any]) -> list[float | None]:
    """Decimals as plotly takes them."""
    return [None if value is None else float(value) for value in values]


def _said(stands_for: Sequence[Any] | None) -> list[list[str]] | None:
    return None if stands_for is None else [["" if each is None else str(each)] for each in stands_for]
