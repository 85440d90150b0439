"""Explore's way onto a dashboard: what is shown now becomes a block of it."""

from __future__ import annotations

import streamlit as st

from crm.access import Person, acting_as
from crm.dashboards import reads, use_cases
from crm.dashboards.reads import Dashboard
from crm.dashboards.rules import EXPLORATION, EXPLORE, LONGEST_TITLE
from crm.ui import saved_views
from crm.ui.dashboards import acts, bar, choice
from crm.ui.lookups import Lookups
from crm.ui.view_params import Screen
from crm.views.rules import Address

NEW = 0


def draw(person: Person, lookups: Lookups, screen: Screen, title: str) -> None:
    """The button, for those who keep dashboards. `title`: what the block is called unless they say otherwise."""
    if bar.may_make(person) and st.button("Pin to a dashboard", icon=":material/push_pin:", type="tertiary", key="explore.pin"):
        draw_pin(person, lookups, saved_views.now(screen), title)


@st.dialog("Pin to a dashboard", width="small")
def draw_pin(person: Person, lookups: Lookups, address: Address, title: str) -> None:
    """Which one, and what it is called there."""
    with acting_as(person) as session:
        mine = {found.id: found for found in reads.dashboards(session) if reads.may(session, found, "edit")}
    picked = st.selectbox(
        "Dashboard", [*mine, NEW], key="explore.pin.dashboard",
        format_func=lambda id_: f"{mine[id_].name} · {choice.whose(mine[id_], person, lookups)}" if id_ else "A new one of mine",
    ) or NEW  # fmt: skip
    called = (st.text_input("Title", title[:LONGEST_TITLE], key="explore.pin.title", max_chars=LONGEST_TITLE) or title).strip()
    if st.button("Pin it", type="primary", key="explore.pin.save") and _pin(person, mine.get(picked), address, called):
        st.rerun()


def _pin(person: Person, found: Dashboard | None, address: Address, title: str) -> bool:
    block = {"kind": EXPLORATION, "what": EXPLORE, "title": title[:LONGEST_TITLE] or None, "parameters": {"address": address}}
    if found is None:
        said = f"“{title}” stands on a new dashboard of yours, “Pinned”. You find it under Dashboards."
        return bool(acts.in_dialog(person, lambda session: use_cases.make_dashboard(session, {"name": "Pinned"}, [block], source="page"), said))
    said = f"“{title}” stands on the dashboard “{found.name}” now."
    return bool(acts.in_dialog(person, lambda session: use_cases.add_block(session, found, block, source="page"), said))
