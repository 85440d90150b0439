"""Paints a chart as a PNG: title above, what its figures are below, on white. No browser, no network, no font but those that come with the library.

It knows what `crm.charts.parts` makes, and nothing else of what plotly can.
"""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Sequence
from html import unescape
from typing import IO, Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure as Sheet
from matplotlib.font_manager import fontManager
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from crm.charts.parts import COLOURS, SCALE, Drawing, Trace, cut

WIDTH, DPI, SCALE_UP = 960, 96, 2
LEAST_HEIGHT, MOST_HEIGHT = 320, 2400
PAD, LINE, HEAD = 28, 19, 28
LONGEST_TEXT = 2000
LEAST_LINE, MOST_IN_LEGEND = 14, 40
NOTHING = "There is nothing to see here."
INK, MUTED, GRID = "#16181D", "#667085", "#E4E7EC"
_FONTS = ("DejaVu Sans", "Noto Sans", "Noto Sans Arabic", "Noto Sans CJK SC", "Noto Sans CJK JP", "Arial Unicode MS")
"""The first comes with the library and knows Latin, Greek, Cyrillic and Arabic; the others help where the machine has them."""
_known = {font.name for font in fontManager.ttflist}
# What people type is text: a dollar in a name begins no formula.
matplotlib.rcParams.update({"text.parse_math": False, "text.usetex": False, "font.family": [name for name in _FONTS if name in _known], "font.size": 9.5})


def paint(drawing: Drawing | None, title: str, footer: Sequence[str], file: IO[bytes]) -> None:
    """Writes the PNG. `drawing`: None where there is nothing to see, and the picture says so."""
    head, foot = _wrapped([title], 72), _wrapped(footer, 138)
    plot = _height(drawing) if drawing else 160
    top, bottom = PAD + HEAD * len(head), 12 + LINE * len(foot) + PAD
    height = top + plot + bottom
    sheet = Sheet(figsize=(WIDTH / DPI, height / DPI), dpi=DPI * SCALE_UP, facecolor="white")
    canvas = FigureCanvasAgg(sheet)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of letters that no font here knows: they are boxes
        _write(sheet, head, PAD, HEAD, height, size=14.5, color=INK, weight="bold")
        _write(sheet, foot, top + plot + 12, LINE, height, size=9, color=MUTED)
        if drawing:
            _draw(sheet, drawing, top=top / height, bottom=bottom / height)
        else:
            _write(sheet, [NOTHING], top + plot // 2 - 10, LINE, height, size=11, color=MUTED)
        canvas.print_png(file)


def _height(drawing: Drawing) -> int:
    """Of the plot: somewhat more than on a page, and each name on a line of its own."""
    names = _names_along(drawing, "y") if _is_lying(drawing) else []
    return min(MOST_HEIGHT, max(LEAST_HEIGHT, int(drawing.layout["height"] * 1.15), LEAST_LINE * len(names)))


def _is_lying(drawing: Drawing) -> bool:
    return bool(drawing.layout["yaxis"].get("autorange") == "reversed")


def _names_along(drawing: Drawing, along: str) -> list[Any]:
    return list(dict.fromkeys(name for trace in drawing.traces for name in trace[along]))


def _wrapped(texts: Sequence[str], width: int) -> list[str]:
    return [line for text in texts for line in textwrap.wrap(_readable(text), width) or [""]]


def _plain(text: object) -> str:
    """What a chart says, as it is read: for plotly it is written as markup."""
    return _readable(unescape(str(text)))


def _readable(text: str) -> str:
    """Without what no letter stands for; its line breaks are ours."""
    said = text[:LONGEST_TEXT].replace("\u200b", "")
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in said)


def _write(sheet: Sheet, lines: Sequence[str], top: int, step: int, height: int, *, size: float, color: str, weight: str = "normal") -> None:
    for number, line in enumerate(lines):
        sheet.text(PAD / WIDTH, 1 - (top + number * step) / height, line, fontsize=size, color=color, fontweight=weight, va="top", ha="left")


def _draw(sheet: Sheet, drawing: Drawing, *, top: float, bottom: float) -> None:
    sheet.set_layout_engine("constrained", rect=(PAD / WIDTH, bottom, 1 - 2 * PAD / WIDTH, 1 - top - bottom), w_pad=0.02, h_pad=0.04)
    axes = sheet.add_subplot()
    is_lying = _is_lying(drawing)
    names = _names_along(drawing, "y" if is_lying else "x")
    if drawing.traces[0]["type"] == "heatmap":
        _heat(axes, drawing.traces[0])
    else:
        _marks(axes, drawing, names, is_lying=is_lying)
        _values(axes, drawing, is_lying=is_lying)
    _names(axes, drawing, names, is_lying=is_lying)
    _titles(axes, drawing)
    if drawing.layout["showlegend"]:
        _legend(axes, drawing.traces)


def _marks(axes: Axes, drawing: Drawing, names: Sequence[Any], *, is_lying: bool) -> None:
    """Bars side by side or on one another, strokes and lines across them, each where its name stands."""
    at = {name: place for place, name in enumerate(names)}
    beside = {id(trace): number for number, trace in enumerate(trace for trace in drawing.traces if trace["type"] == "bar")}
    is_stacked, room = drawing.layout["barmode"] == "stack", 1 - drawing.layout["bargap"]
    width = room if is_stacked else room / max(1, len(beside))
    ends = [0.0] * len(names)
    for trace in drawing.traces:
        places, values = _points(trace, at, is_lying=is_lying)
        if trace["type"] == "bar":
            shift = 0.0 if is_stacked else (beside[id(trace)] - (len(beside) - 1) / 2) * width
            starts = [ends[place] if is_stacked else 0.0 for place in places]
            _bars(axes, [place + shift for place in places], values, width, starts, trace["marker"]["color"], is_lying=is_lying)
            for place, value in zip(places, values, strict=True):
                ends[place] += value or 0
        elif trace["type"] == "waterfall":
            _steps(axes, trace, width)
        else:
            _line(axes, trace, places, values, is_lying=is_lying)
    axes.autoscale_view()
    if len(beside) == len(drawing.traces) == 1:
        _say_values(axes, drawing, ends, is_lying=is_lying)


def _points(trace: Trace, at: dict[Any, int], *, is_lying: bool) -> tuple[list[int], list[float | None]]:
    names, values = (trace["y"], trace["x"]) if is_lying else (trace["x"], trace["y"])
    return [at[name] for name in names], list(values)


def _bars(axes: Axes, places: Sequence[float], values: Sequence[float | None], width: float, starts: Sequence[float], colour: Any, *, is_lying: bool) -> None:
    """All at once: tens of thousands, each for itself, took minutes and half a gigabyte."""
    corners = [_corners(place, start, start + (value or 0.0), width, is_lying=is_lying) for place, start, value in zip(places, starts, values, strict=True)]
    axes.add_collection(PolyCollection(corners, facecolors=colour, edgecolors="none", linewidths=0, zorder=2))


def _corners(place: float, start: float, end: float, width: float, *, is_lying: bool) -> list[tuple[float, float]]:
    low, high = place - width / 2, place + width / 2
    if is_lying:
        return [(start, low), (start, high), (end, high), (end, low)]
    return [(low, start), (high, start), (high, end), (low, end)]


def _steps(axes: Axes, trace: Trace, width: float) -> None:
    """Each step from where the one before ended; the first and the last one stand on the ground."""
    level, last = 0.0, len(trace["y"]) - 1
    for place, value in enumerate(value or 0.0 for value in trace["y"]):
        is_whole = place in (0, last)
        colour = trace["totals" if is_whole else "increasing" if value >= 0 else "decreasing"]["marker"]["color"]
        axes.bar([place], [value], width=width, bottom=[0.0 if is_whole else level], color=colour, zorder=2)
        level = value if is_whole else level + value
        if place < last:
            axes.plot([place - width / 2, place + 1 + width / 2], [level, level], color=GRID, linewidth=1, zorder=1)
        axes.annotate(short(value), (place, max(level, level - value) if not is_whole else value), ha="center", va="bottom", fontsize=9, color=MUTED)


def _line(axes: Axes, trace: Trace, places: Sequence[int], values: Sequence[float | None], *, is_lying: bool) -> None:
    said = [float("nan") if value is None else value for value in values]
    across = (said, places) if is_lying else (places, said)
    axes.plot(*across, **_style(trace), zorder=3)


def _style(trace: Trace) -> dict[str, Any]:
    if trace["mode"] == "markers":
        return {"linestyle": "none", "marker": "|", "markersize": 13, "markeredgewidth": 2, "color": trace["marker"]["line"]["color"]}
    dash = ":" if trace["line"].get("dash") == "dot" else "-"
    return {"linestyle": dash, "linewidth": 2, "marker": "o", "markersize": 4.5, "color": trace["line"]["color"]}


def _say_values(axes: Axes, drawing: Drawing, values: Sequence[float], *, is_lying: bool) -> None:
    """Nobody can point at a picture: where there is one bar for each name, its value stands beside it."""
    if len(values) > 16:
        return
    for place, value in enumerate(values):
        if is_lying:
            axes.annotate(f" {short(value)}", (value, place), fontsize=9, color=MUTED, va="center", ha="left")
        else:
            axes.annotate(short(value), (place, value), fontsize=9, color=MUTED, va="bottom", ha="center")


def short(value: float, _place: object = None) -> str:
    """ "12", "3.5k", "1.2M"."""
    size = abs(value)
    for step, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if size >= step:
            return f"{value / step:.4g}{unit}" if size < 1e15 else f"{value:.1e}"
    return f"{value:,.4g}"


def _heat(axes: Axes, trace: Trace) -> None:
    shades = LinearSegmentedColormap.from_list("shares", [colour for _, colour in SCALE])
    cells = [[float("nan") if value is None else value for value in row] for row in trace["z"]]
    axes.pcolormesh(cells, cmap=shades, vmin=0, vmax=1, edgecolors="white", linewidth=2)
    for down, row in enumerate(trace["text"]):
        for across, said in enumerate(row):
            shade = trace["z"][down][across] or 0
            axes.text(across + 0.5, down + 0.5, said, ha="center", va="center", fontsize=8.5, color="white" if shade > 0.45 else INK)


def _values(axes: Axes, drawing: Drawing, *, is_lying: bool) -> None:
    """The axis that counts: from nothing, in whole steps where only few things are counted."""
    axis, step = (axes.xaxis if is_lying else axes.yaxis), drawing.layout["xaxis" if is_lying else "yaxis"].get("dtick")
    axis.set_major_locator(MultipleLocator(step) if step else MaxNLocator(6))
    axis.set_major_formatter(FuncFormatter(short))
    axis.grid(True, color=GRID, linewidth=0.8, zorder=0)
    axes.margins(x=0.08 if is_lying else None, y=None if is_lying else 0.1)
    low = min(0.0, (axes.get_xlim() if is_lying else axes.get_ylim())[0] if _goes_below(drawing, is_lying=is_lying) else 0.0)
    (axes.set_xlim if is_lying else axes.set_ylim)(low, None)


def _goes_below(drawing: Drawing, *, is_lying: bool) -> bool:
    return any(value is not None and value < 0 for trace in drawing.traces if trace["type"] != "waterfall" for value in trace["x" if is_lying else "y"])


def _names(axes: Axes, drawing: Drawing, names: Sequence[Any], *, is_lying: bool) -> None:
    if drawing.traces[0]["type"] == "heatmap":
        trace = drawing.traces[0]
        axes.set_xticks([place + 0.5 for place in range(len(trace["x"]))], [_plain(name) for name in trace["x"]])
        axes.set_yticks([place + 0.5 for place in range(len(trace["y"]))], [_plain(name) for name in trace["y"]])
    else:
        axis = drawing.layout["yaxis" if is_lying else "xaxis"]
        shown = dict(zip(axis.get("tickvals", names), axis.get("ticktext", names), strict=True))
        said = [cut(_plain(str(text).replace("<br>", "\n")), 60) for text in shown.values()]
        places = [names.index(name) for name in shown]
        (axes.set_yticks if is_lying else axes.set_xticks)(places, said)
        (axes.set_ylim if is_lying else axes.set_xlim)(*((len(names) - 0.4, -0.6) if is_lying else (-0.6, len(names) - 0.4)))
    axes.tick_params(length=0, colors=MUTED, labelsize=9.5)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _titles(axes: Axes, drawing: Drawing) -> None:
    for write, axis in ((axes.set_xlabel, "xaxis"), (axes.set_ylabel, "yaxis")):
        if text := drawing.layout[axis]["title"]["text"]:
            write(_plain(text.replace("<br>", " ")), color=MUTED, fontsize=9.5)


def _legend(axes: Axes, traces: Sequence[Trace]) -> None:
    """Of more than find room, the first ones, and how many more there are."""
    named = traces[:MOST_IN_LEGEND]
    marks: list[Any] = [Line2D([], [], **_style(trace)) if trace["type"] == "scatter" else Patch(color=_colour(trace)) for trace in named]
    names = [cut(_plain(trace["name"]), 40) for trace in named]
    if len(traces) > len(named):
        marks.append(Patch(alpha=0))
        names.append(f"and {len(traces) - len(named):,} more")
    axes.legend(
        marks, names, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=min(5, len(traces)), frameon=False, labelcolor=MUTED, fontsize=9.5, handlelength=1.2,
        columnspacing=1.4, borderaxespad=0.2,
    )  # fmt: skip


def _colour(trace: Trace) -> Any:
    colour = trace["marker"]["color"]
    return colour if isinstance(colour, str) else COLOURS["accent"]
