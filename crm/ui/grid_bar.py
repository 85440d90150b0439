"""The bar under the grid: what is typed and not saved, Save and Discard; what the last save came to, Look and Undo."""

from __future__ import annotations

from datetime import datetime, timedelta
from html import escape

import streamlit as st

from crm import clock
from crm.access import Person
from crm.ui import drafts as unsaved
from crm.ui import grid
from crm.ui.lookups import Lookups
from crm.ui.unsaved_guard import guard

LOOK, SAVES_SINCE = "leads.look", "leads.saves_since"
LATE = timedelta(seconds=2)
"""A browser at its limits may tell of Save before it tells of the cell that was typed last."""


def draw(found: grid.Sheet, person: Person, lookups: Lookups) -> None:
    """Buttons act at once; the page then runs again as a whole."""
    pending = found.pending
    with st.container(horizontal=True, key="leads_bar", vertical_alignment="center", gap="small"):
        st.html(_words(found), width="stretch")
        if pending:
            with st.popover("What", type="tertiary"):
                st.html(_list(pending, lookups))
        elif found.message:
            _draw_answers(found, person)
        if person.may("lead", "edit"):
            if st.button("Discard", key="leads.discard", disabled=not pending):
                grid.discard(found)
                st.rerun()
            is_pressed = st.button("Save", key="leads.save", type="primary" if pending else "secondary", shortcut="Ctrl+S")
            if _is_to_save(is_pressed=is_pressed, is_typed=bool(pending)):
                grid.save(found, person, lookups)
                st.rerun()
    if found.message and found.message.refused:
        st.html("<ul class='tl-refused'>" + "".join(f"<li><b>{escape(name)}</b> {escape(why)}</li>" for name, why in found.message.refused) + "</ul>")
    guard(sum(len(draft.cells) for draft in pending.values()))


def _is_to_save(*, is_pressed: bool, is_typed: bool) -> bool:
    """Whether Save meets something typed: a press that meets nothing yet waits a moment for it."""
    if not is_typed:
        if is_pressed:
            st.session_state[SAVES_SINCE] = clock.now()
        return False
    since: datetime | None = st.session_state.pop(SAVES_SINCE, None)
    return is_pressed or (since is not None and clock.now() - since < LATE)


def _draw_answers(found: grid.Sheet, person: Person) -> None:
    message = found.message
    if message and message.conflicts and st.button("Look", key="leads.look_button", type="tertiary"):
        st.session_state[LOOK] = True
        st.rerun()
    if message and message.change_set_id and st.button("Undo", key="leads.undo", type="tertiary"):
        found.message = grid.take_back(person, message.change_set_id)
        found.keeps_order = True
        st.rerun()


def _words(found: grid.Sheet) -> str:
    if found.pending:
        before = f"{escape(found.message.text)} " if found.message else ""
        return f"<span class='tl-bar tl-dirty'>{before}{unsaved.cells_and_rows(found.pending)} changed, not saved</span>"
    if found.message:
        return f"<span class='tl-bar tl-done'>{escape(found.message.text)}</span>"
    return "<span class='tl-bar'>Type, paste or fill into the cells; Ctrl+S saves.</span>"


def _list(pending: unsaved.Drafts, lookups: Lookups) -> str:
    shown = unsaved.lines(pending, {name: field.label for name, field in lookups.names.fields.items()})
    rows = "".join(
        f"<tr><td>{escape(lead)}</td><td>{escape(column)}</td><td>{escape(before)}</td><td>→ {escape(wanted)}</td></tr>"
        for lead, column, before, wanted in shown[:40]
    )
    more = f"<p>and {len(shown) - 40} more</p>" if len(shown) > 40 else ""
    return f"<table class='tl-changes'>{rows}</table>{more}"
