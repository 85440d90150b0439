"""Charts on pages: each is drawn from its report by `crm.charts`, narrows the others where it is clicked, and can leave as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from crm.charts.catalogue import chart_named
from crm.charts.parts import Drawing, Trace
from crm.charts.seen import Seen
from crm.ui.reports import drawn, framing, picking
from crm.ui.reports.reading import Read

FADED = 0.3
CONFIG = {"displaylogo": False, "modeBarButtons": [["toImage"]], "responsive": True}


def draw(
    key: str, read: Read, name: str = "", *, beside: Read | None = None, of: str = "", markets: Mapping[str, str] | None = None, is_picked: bool = True
) -> None:
    """The report's chart of that name (the usual one for none) under its key; nothing where there is nothing to see in it.

    `is_picked`: a click narrows the others; among the blocks of a dashboard none does.
    """
    if read.result is None:
        return
    seen = Seen(read.result, beside.result if beside else None, of, markets or {})
    chart = chart_named(read.name, name)
    drawing = chart.build(seen)
    if drawing is not None:
        drawn.keep(drawn.Drawn(chart.title_of(seen), read, name, beside, of))
        place(key, drawing, is_picked=is_picked)


def offer(read: Read) -> None:
    """The report's usual chart as a picture for whoever wants one, where the page itself says it otherwise."""
    if read.result is not None:
        drawn.keep(drawn.Drawn(chart_named(read.name).title_of(Seen(read.result)), read))


def place(key: str, drawing: Drawing, *, is_picked: bool = True) -> None:
    """A drawing that is there already. `is_picked`: what is clicked stands in the address, and what the address says stands out in it."""
    figure, picked = drawing.as_plotly(), picking.picked(key) if is_picked else None
    if picked and not picking.clicked(key):  # the page was opened so
        figure["data"] = [_faded(trace, picked) for trace in figure["data"]]
    show(key, figure, says=drawing.says, on_select=picking.on_click(key) if is_picked else "ignore")


def show(key: str, figure: Mapping[str, Any], *, says: str, on_select: Any) -> None:
    """What plotly takes, under its key; among the blocks of a dashboard nothing is clicked."""
    clicks = {"on_select": on_select, "selection_mode": "points"} if on_select != "ignore" and framing.frame() is None else {}
    st.plotly_chart(figure, key=picking.key_of(key), config=CONFIG, alt=says, **clicks)


def _faded(trace: Trace, picked: str) -> Trace:
    """All but the bars that stand for what is picked."""
    if trace["type"] != "bar" or not trace["customdata"]:
        return trace
    return {**trace, "marker": {**trace["marker"], "opacity": [1 if said[0] == picked else FADED for said in trace["customdata"]]}}
