"""What report pages are made of: the headline, four tiles, blocks that say what they show, lines that open their leads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any

import streamlit as st

from crm.charts.amounts import days, share, usd
from crm.ui import words
from crm.ui.reports import framing
from crm.ui.reports.framing import Frame
from crm.ui.reports.reading import Read

__all__ = ["days", "share", "usd"]

LEADS = "pages/leads.py"
LINES = 12


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure: how it was before (`change`, in words), whether more is good (None: neither), and how it went.

    `against`: what the change is against, where it is not what it is for the tiles beside it.
    `behind`: the address of the leads that the figure is of, as they are now; None where no list of leads has just those.
    """

    label: str
    value: str
    change: str = ""
    is_more_good: bool | None = True
    trend: Sequence[Any] = ()
    hint: str = ""
    against: str = ""
    behind: Mapping[str, Any] | None = None


def draw_headline(said: str, *, of: str = "") -> None:
    """`of`: what alone it is about, where something is picked."""
    st.html(f"<p class='tl-headline'>{escape(f'{of}: {said}' if of else said)}</p>")


def draw_tiles(tiles: Sequence[Tile], against: str = "") -> None:
    """Side by side; two in a row on a phone. `against`: what the changes are against."""
    with st.container(key=framing.key_in("report_tiles")), st.grid(len(tiles), min_column_width=150, gap="small"):
        for number, tile in enumerate(tiles):
            _draw_tile(tile, against, framing.key_in(f"report_tile_{number}"))


def _draw_tile(tile: Tile, against: str, key: str) -> None:
    is_moved = bool(tile.change) and not tile.change.startswith(("+0%", "+0 "))
    colour: Any = "off" if tile.is_more_good is None or not is_moved else "normal" if tile.is_more_good else "inverse"
    trend = [float(value) for value in tile.trend if value is not None]
    with st.container(key=key, gap=None, height="stretch"):
        st.metric(
            tile.label, tile.value, tile.change or None, delta_color=colour, border=True, help=tile.hint or None,
                delta_description=(tile.against or against) if tile.change else None,
            chart_data=trend if len(trend) > 1 else None, chart_type="area", height="stretch", delta_arrow="auto" if is_moved else "off",
        )  # fmt: skip
        if tile.behind is not None:
            st.page_link(LEADS, label=f"Open the leads behind “{tile.label}”", icon=":material/arrow_forward:", query_params=dict(tile.behind), width="content")


def change(now: Any, before: Any, *, unit: str = "%") -> str:
    """ "+14%", "-3 points", or nothing where there is nothing to compare. `unit`: % for parts of before, points for shares, d for days."""
    if now is None or before is None:
        return ""
    if unit == "%":
        return f"{round(100 * (float(now) / float(before) - 1)):+,}%" if before else ""
    if unit == "points":
        points = round(100 * (float(now) - float(before)))
        return f"{points:+} {'point' if abs(points) == 1 else 'points'}"
    return f"{float(now) - float(before):+.0f} {unit}"


def moved(now: Any, before: Any) -> str:
    """ "14% less than", "as much as": for sentences; empty where there was nothing before."""
    if not before:
        return ""
    percent = round(100 * (float(now) / float(before) - 1))
    return "as much as" if percent == 0 else f"{abs(percent):,}% {'more' if percent > 0 else 'less'} than"


@contextmanager
def block(title: str, read: Read | None, *, key: str, empty: str = "", hint: str = "", with_remarks: bool = False) -> Iterator[bool]:
    """A titled part of the page, with what its figures are below it; `with_remarks`: it shows what the report has remarks on. Answers whether there is anything
    to draw."""
    standing = framing.frame()
    with st.container(key=f"report_block_{framing.key_in(key)}", border=True, gap="small", height="stretch" if standing else "content"):
        _draw_title(title, standing)
        if read is not None and read.words:
            st.html(f"<p class='tl-muted'>{escape(read.words)}</p>")
            yield False
            return
        has_rows = read is None or bool(read.rows)
        if not has_rows:
            draw_empty(empty, hint)
        yield has_rows
        if read is not None and read.result is not None:
            st.html(f"<p class='tl-states'>{escape(' '.join(read.result.states(with_remarks=with_remarks)))}</p>")


def draw_empty(said: str, hint: str) -> None:
    """In place of a part in which there is nothing: so, and what to do next."""
    st.html(f"<div class='tl-empty'><b>{escape(said)}</b><span>{escape(hint)}</span></div>")


def _draw_title(title: str, standing: Frame | None) -> None:
    """With the way to the whole page, where the part stands among others."""
    if standing is None:
        st.html(f"<h3 class='tl-block'>{escape(title)}</h3>")
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False, key=f"report_title_{standing.key}"):
        st.html(f"<h3 class='tl-block'>{escape(standing.title or title)}</h3>", width="stretch")
        st.page_link(standing.page, label="Open", icon=":material/arrow_forward:", icon_position="right", query_params=dict(standing.query), width="content")
    if standing.remark:
        st.html(f"<p class='tl-muted'>{escape(standing.remark)}</p>")


def draw_lines(
    key: str, lines: Sequence[tuple[str, Mapping[str, Any] | None, Sequence[str]]], heads: Sequence[str], *, page: str = LEADS, most: int = LINES
) -> None:
    """A line each: its name, which opens what is behind it (None: nothing does), and its figures under `heads`."""
    key = framing.key_in(key)
    with st.container(key=f"report_lines_{key}", gap=None):
        st.html(f"<div class='tl-cells tl-cells-head'><b></b>{_cells(heads)}</div>")
        for number, (name, query, figures) in enumerate(lines[:most]):
            with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False, key=f"report_line_{key}_{number}"):
                if query is None:
                    st.html(f"<span class='tl-plain'>{escape(name)}</span>")
                else:
                    st.page_link(page, label=name or words.NOTHING, query_params=dict(query))
                st.html(f"<div class='tl-cells'>{_cells(figures)}</div>", width="stretch")
        if len(lines) > most:
            st.html(f"<p class='tl-states'>{len(lines) - most:,} more are in the export.</p>")


def _cells(figures: Sequence[str]) -> str:
    return "".join(f"<span>{escape(figure)}</span>" for figure in figures)
