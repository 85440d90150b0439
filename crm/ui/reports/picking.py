"""What is clicked in a chart narrows the others. It stands in the address, so that the page can be sent, loaded anew and gone back from.

A chart's points carry what they stand for. A click puts that into the address under the chart's name, and pages read it from there only; what is there and
makes no sense is taken out again, with a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import partial
from html import escape
from typing import Any

import streamlit as st

from crm.ui.reports import framing

GENERATION, DROPPED = "reports.picks", "reports.dropped"
LONGEST = 300
LEFT_OUT = "What the link had picked is not on this page, so it shows all."


def param_of(chart: str) -> str:
    """How the address calls what is picked in the chart: "only_owners" for "win.owners"."""
    return f"only_{chart.rpartition('.')[2]}"


def key_of(chart: str) -> str:
    """The chart's widget key. Clearing what is picked makes charts anew."""
    return f"reports.{framing.key_in(chart)}.{st.session_state.get(GENERATION, 0)}"


def picked(chart: str) -> str | None:
    """What the address says was picked in the chart; None for nothing. Blocks of a dashboard have nothing picked in them."""
    return None if framing.frame() else _read(st.query_params.get(param_of(chart)))


def clicked(chart: str) -> str | None:
    """What the chart itself shows as picked; a browser may send anything."""
    try:
        found = st.session_state[key_of(chart)]["selection"]["points"][0]["customdata"]
    except (KeyError, IndexError, TypeError):
        return None
    return _read(found[0] if isinstance(found, (list, tuple)) and found else found)


def _read(said: Any) -> str | None:
    return None if said is None else str(said).replace("\x00", "")[:LONGEST] or None


def on_click(chart: str) -> Any:
    """What a click in the chart does, before the page runs: into the address with it, or out of it where it was taken back."""
    return partial(_take, chart)


def _take(chart: str) -> None:
    found = clicked(chart)
    if found is None:
        _clear([chart])
    else:
        st.query_params[param_of(chart)] = found


def _clear(charts: Iterable[str]) -> None:
    for chart in charts:
        st.query_params.pop(param_of(chart), None)


def picked_id(chart: str) -> int | None:
    """What is picked, where it is somebody's or something's id; anybody may write an address."""
    found = picked(chart) or ""
    return int(found) if found.isascii() and found.isdecimal() and len(found) < 19 else None


def picked_month(chart: str, period: tuple[date, date]) -> date | None:
    """The first day of the month that is picked, where it is one of those from the first day's to the last day's."""
    try:
        found = date.fromisoformat(f"{picked(chart)}-01")
    except ValueError:
        return None
    return found if period[0].replace(day=1) <= found <= period[1] else None


def picked_stage(chart: str, rows: Iterable[Mapping[str, Any]]) -> str | None:
    """The id of the stage that is picked, where the rows know it; a chip says its name."""
    found = picked(chart)
    name = next((row["stage"] for row in rows if str(row["stage_id"]) == found), None)
    draw_chips({chart: ("Stage", name)})
    return found if name else None


def draw_chips(said: Mapping[str, tuple[str, str | None]]) -> None:
    """What the charts are narrowed to, with a way back; in the same place, where nothing is picked, that something can be.

    `said`: each chart of the page, before it is drawn -> what is picked in it, and what that is called (nothing where nobody knows it).
    """
    _drop([chart for chart, (_, name) in said.items() if picked(chart) and not name])
    if any(clicked(chart) not in (None, picked(chart)) for chart in said):  # somebody went back, or on, in the browser
        _make_anew()
    named = [f"{what}: {name}" for chart, (what, name) in said.items() if name and picked(chart)]
    with st.container(horizontal=True, key="report_picked", vertical_alignment="center", gap="small"):
        if st.session_state.pop(DROPPED, False):
            st.html(f"<span class='tl-muted' role='status'>{LEFT_OUT}</span>", width="content")
        if not named:
            st.html("<span class='tl-muted tl-click'>Click a bar, and the other charts show only what it stands for.</span>", width="content")
            return
        st.html(f"<span class='tl-muted'>The other charts show only</span> {''.join(_chip(each) for each in named)}", width="content")
        if st.button("Show all", key="reports.show_all", type="tertiary", icon=":material/close:"):
            _clear(said)
            _make_anew()
            st.rerun()


def _drop(charts: list[str]) -> None:
    """Take out what makes no sense, and run the page as if it had not been there."""
    if charts:
        _clear(charts)
        st.session_state[DROPPED] = True
        st.rerun()


def _make_anew() -> None:
    """Charts that are made anew show nothing as picked by themselves."""
    st.session_state[GENERATION] = st.session_state.get(GENERATION, 0) + 1


def month_name(month: date | None) -> str:
    """ "Oct 2026", as the charts call it."""
    return f"{month:%b %Y}" if month else ""


def _chip(said: str) -> str:
    return f"<span class='tl-chip'>{escape(said)}</span>"
