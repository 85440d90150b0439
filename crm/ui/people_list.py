"""The list on the People page: a line for each person, with where they work and what stands between them and the app."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from html import escape

import streamlit as st

from crm import clock
from crm.people.reads import Row
from crm.ui import look, people_dialogs, words

MOST = 200


def draw(rows: Sequence[Row], sought: str, *, today: date) -> None:
    """Those who fit what is sought."""
    shown = [row for row in rows if row.mentions(sought)]
    if not shown:
        look.empty("Nobody here", "Try fewer letters, or add a person.")
    with st.container(key="people_list", gap=None):
        for row in shown[:MOST]:
            with st.container(horizontal=True, vertical_alignment="center", key=f"people_row_{row.id}"):
                st.html(_line(row, today), width="stretch")
                if st.button("Manage", key=f"people.manage.{row.id}", type="tertiary", help=f"Teams, roles and sign-in of {row.name}"):
                    people_dialogs.manage(row)
    if len(shown) > MOST:
        st.caption(f"The first {MOST} of {len(shown):,}. Search to narrow them down.")


def _line(row: Row, today: date) -> str:
    places = "; ".join(f"{place.role} in {place.team}" if place.team else place.role for place in row.places) or "no role yet"
    seen = f"seen {clock.ago(row.last_seen_at)}" if row.last_seen_at else ""
    invited = f"{row.state} until {words.day(row.invited_until.date(), today=today)}" if row.is_invited and row.invited_until else row.state
    state = " · ".join(part for part in (invited, _absence(row, today), seen) if part)
    return (
        f"<div class='tl-person{' tl-off' if row.disabled_at else ''}'><div><b>{escape(row.name)}</b><span>{escape(row.email)}</span></div>"
        f"<div>{escape(places)}</div><div class='tl-muted'>{escape(state)}</div></div>"
    )


def _absence(row: Row, today: date) -> str:
    """ "away until 12 Dec", "away from 3 Dec"; empty when it is over."""
    if row.absent_from is None or (row.absent_until is not None and row.absent_until < today):
        return ""
    if row.absent_from > today:
        return f"away from {words.day(row.absent_from, today=today)}"
    return f"away until {words.day(row.absent_until, today=today)}" if row.absent_until else "away"
