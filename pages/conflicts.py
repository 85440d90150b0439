"""Conflicts: where did my edits meet somebody else's, and whose should stand? For everybody; each sees their own."""

import streamlit as st

from crm.access import acting_as
from crm.changes import open_conflicts
from crm.ui import conflict_dialog, look, messages, words
from crm.ui.lookups import look_up
from crm.ui.viewer import viewer

person = viewer("lead", is_private=True)
lookups = look_up(person)
with acting_as(person) as session:
    found = open_conflicts(session)
    names = conflict_dialog.names_of(session, found)

look.head("Conflicts", words.count(len(found), "field") + " waiting", "only yours", "now")
messages.draw(person)
if not found:
    if st.session_state.get("conflicts.apply"):
        conflict_dialog.settle(person, {})
        st.rerun()
    look.empty(
        "Nothing waits for you.", "When a colleague changes the same field before you save, both values wait here until you choose. Nothing is overwritten."
    )
    st.stop()

choices = conflict_dialog.draw(found, names, lookups, key="page", opens=True)
with st.container(horizontal=True, vertical_alignment="center", key="conflicts_bar"):
    st.html("<span class='tl-muted'>Theirs stands already; mine is written once you apply.</span>", width="stretch")
    if st.button("Apply", key="conflicts.apply", type="primary", shortcut="Ctrl+S"):
        conflict_dialog.settle(person, choices)
        st.rerun()
