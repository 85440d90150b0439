"""What is clicked in a chart narrows the others: a chart's points carry what they stand for, and a click asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from html import escape
from typing import Any

import streamlit as st

from crm.ui.reports import framing

GENERATION = "reports.picks"
LONGEST = 300


def key_of(chart: str) -> str:
    """The chart's widget key. Clearing what is picked makes charts anew."""
    return f"reports.{framing.key_in(chart)}.{st.session_state.get(GENERATION, 0)}"


def picked(chart: str) -> str | None:
    """What was clicked in the chart at this run's start; None for nothing."""
    try:
        points = st.session_state[key_of(chart)]["selection"]["points"]
        found = points[0]["customdata"]
    except (KeyError, IndexError, TypeError):
        return None
    said = found[0] if isinstance(found, (list, tuple)) and found else found
    return None if said is None else str(said).replace("\x00", "")[:LONGEST] or None


def picked_id(chart: str) -> int | None:
    """The same where it is somebody's or something's id; a browser may send anything."""
    found = picked(chart) or ""
    return int(found) if found.isascii() and found.isdecimal() and len(found) < 19 else None


def picked_month(chart: str, period: tuple[date, date]) -> date | None:
    """The first day of the month that was clicked, where it is one of those from the first day's to the last day's."""
    try:
        found = date.fromisoformat(f"{picked(chart)}-01")
    except ValueError:
        return None
    return found if period[0].replace(day=1) <= found <= period[1] else None


def picked_stage(chart: str, rows: Iterable[Mapping[str, Any]]) -> str | None:
    """The id of the stage that was clicked, where the rows know it; a chip says its name."""
    found = picked(chart)
    name = next((row["stage"] for row in rows if str(row["stage_id"]) == found), None)
    draw_chips({"Stage": name})
    return found if name else None


def draw_chips(said: dict[str, Any]) -> None:
    """What the charts are narrowed to, with a way back; in the same place, where nothing is picked, that something can be."""
    named = [f"{name}: {value}" for name, value in said.items() if value]
    with st.container(horizontal=True, key="report_picked", vertical_alignment="center", gap="small"):
        if not named:
            st.html("<span class='tl-muted'>Click a bar, and the other charts show only what it stands for.</span>", width="content")
            return
        st.html(f"<span class='tl-muted'>The other charts show only</span> {''.join(_chip(each) for each in named)}", width="content")
        if st.button("Show all", key="reports.show_all", type="tertiary", icon=":material/close:"):
            st.session_state[GENERATION] = st.session_state.get(GENERATION, 0) + 1
            st.rerun()


def month_name(month: date | None) -> str:
    """ "Oct 2026", as the charts call it."""
    return f"{month:%b %Y}" if month else ""


def _chip(said: str) -> str:
    return f"<span class='tl-chip'>{escape(said)}</span>"
