"""What was changed here earlier, and by whom, each with the way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape

import streamlit as st

from crm import clock
from crm.access import acting_as
from crm.changes.recent import recent_shaping
from crm.ui import dialogs, messages, words
from crm.ui.viewer import viewer

KINDS: Mapping[str, tuple[str, ...]] = {"pipeline": ("pipeline", "stage"), "field": ("custom_field",), "role": ("role", "grant", "field_rule")}
"""The records that a page shapes, by what one configures there."""


def show(page: str, resource: str, begin_anew: Callable[[], None]) -> None:
    dialogs.show("Earlier changes", draw, page, resource, begin_anew, width="medium")


def draw(page: str, resource: str, begin_anew: Callable[[], None]) -> None:
    """The newest first, as far as one sees them; whatever somebody has built on since stays, and is named."""
    person = viewer(resource, "configure")
    with acting_as(person) as session:
        found = recent_shaping(session, KINDS[resource])
    if not found:
        st.caption("Nothing was changed here yet. What is applied shows here, and can be taken back.")
    for row in found:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{page}_earlier_{row['id']}"):
            said = f"{row['person'] or 'the system'}, {words.count(row['records'], 'record')}, {clock.ago(row['created_at'])}"
            label = escape(row["label"] or row["source"].capitalize())
            st.html(f"<div class='tl-recent'><b>{label}</b><span>{escape(said)}</span></div>", width="stretch")
            if st.button("Undo", key=f"{page}.earlier.{row['id']}", type="tertiary"):
                messages.take_back(person, row["id"])
                begin_anew()
                st.rerun()
