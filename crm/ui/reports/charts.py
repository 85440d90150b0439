"""Charts on pages: each is drawn from its report by `crm.charts`, narrows the others where it is clicked, and can leave as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from crm.charts.catalogue import chart_named
from crm.charts.parts import Drawing
from crm.charts.seen import Seen
from crm.ui.reports import drawn, framing, picking
from crm.ui.reports.reading import Read

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
    """A drawing that is there already."""
    options: dict[str, Any] = {"key": picking.key_of(key), "config": CONFIG, "alt": drawing.says}
    if is_picked and framing.frame() is None:
        options |= {"on_select": "rerun", "selection_mode": "points"}
    st.plotly_chart(drawing.as_plotly(), **options)
