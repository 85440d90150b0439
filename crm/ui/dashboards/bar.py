"""Above a dashboard: which one, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from crm.access import Person, acting_as
from crm.dashboards import reads
from crm.dashboards.reads import Dashboard
from crm.dashboards.ready_made import READY_MADE
from crm.ui import look
from crm.ui.dashboards import acts, choice, dialogs
from crm.ui.lookups import Lookups

ACTS = {"change": "Rename or share…", "keep": "Open with these filters", "copy": "Copy", "remove": "Remove"}


def draw(listed: Sequence[Dashboard], chosen: Dashboard, person: Person, lookups: Lookups) -> bool:
    """Answers whether the dashboard is being put together, rather than looked at."""
    with acting_as(person) as session:
        may_edit, may_remove = (reads.may(session, chosen, action) for action in ("edit", "delete"))
    is_edited = may_edit and bool(st.session_state.get(choice.EDITING))
    with st.container(horizontal=True, key="dashboards_bar", vertical_alignment="center", gap="small"):
        choice.draw(listed, chosen, person, lookups)
        if may_edit and st.button(
            "Done" if is_edited else "Edit", icon=":material/check:" if is_edited else ":material/edit:", key="dashboards.edit",
            type="primary" if is_edited else "secondary",
        ):  # fmt: skip
            st.session_state[choice.EDITING] = not is_edited
            st.session_state.pop(choice.OPENED, None)  # the filters were out of sight meanwhile
            st.rerun()
        if may_make(person):
            if st.button("New", icon=":material/add:", key="dashboards.new", type="tertiary"):
                dialogs.draw_new(person, lookups)
            _draw_acts(chosen, person, lookups, may_edit=may_edit, may_remove=may_remove, is_edited=is_edited)
    return is_edited


def may_make(person: Person) -> bool:
    return not person.is_viewed and person.may("view", "create")


def _draw_acts(chosen: Dashboard, person: Person, lookups: Lookups, *, may_edit: bool, may_remove: bool, is_edited: bool) -> None:
    shut = {*(() if may_edit else ("change", "keep")), *(() if may_remove else ("remove",)), *(("keep",) if is_edited else ())}
    picked = st.menu_button(
        "", [act for act in ACTS if act not in shut], format_func=ACTS.__getitem__, key=f"dashboards.acts.{chosen.id}", icon=":material/more_horiz:",
        help="More", type="tertiary",
    )  # fmt: skip
    if picked == "change":
        dialogs.draw_change(chosen, person, lookups)
    elif picked:
        {"keep": acts.keep_filters, "copy": acts.copy, "remove": acts.remove}[str(picked)](person, chosen)
        st.rerun()


def draw_none(person: Person, lookups: Lookups) -> None:
    """Nothing is in sight yet: say what a dashboard is, and offer ready-made ones."""
    look.empty("No dashboards yet.", "Put the figures that you look at every week on one page: your own, or your team's.")
    if not may_make(person):
        return
    with st.container(horizontal=True, horizontal_alignment="center", key="dashboards_begin", gap="small"):
        for name, ready in READY_MADE.items():
            if st.button(ready.name, key=f"dashboards.begin.{name}", help=ready.says.capitalize(), icon=":material/dashboard:"):
                dialogs.draw_new(person, lookups, name)
        if st.button("An empty one", key="dashboards.begin.empty", icon=":material/add:"):
            dialogs.draw_new(person, lookups)
