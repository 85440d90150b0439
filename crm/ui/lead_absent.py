"""Where a lead's page has no lead to show: hidden, missing, deleted, merged, or not there yet on that day."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from crm import clock
from crm.access import Person, acting_as
from crm.changes import changes_of
from crm.ui import look, messages, past_day
from crm.ui.lookups import Lookups


def asked_for() -> int:
    """The lead's id in the address; 0 where it names none."""
    given = st.query_params.get("id", "")
    return int(given) if given.isdecimal() and len(given) < 19 else 0


def draw(row: Mapping[Any, Any] | None, person: Person, lookups: Lookups) -> None:
    """Why there is nothing to see, and what to do next. Hidden and missing are never told apart."""
    if row is None:
        look.head("Lead")
        look.empty("There is no such lead, or it is not yours to see.", "Go back to the list, or ask whoever sent you the link which team it belongs to.")
        return
    look.head(row["name"], row["team"], row["pipeline"])
    if row["merged_into_id"]:
        look.empty("This lead was merged into another one.", "Its story went with it.")
        st.page_link("pages/lead.py", label="Open the lead it is part of now", query_params={"id": str(row["merged_into_id"])})
        return
    with acting_as(person) as session:
        change = next((c for c in changes_of(session, "lead", row["id"], most=20) if c["fields"].get("deleted_at", (None, None))[1]), None)
    who = lookups.names.person(change["person_id"]) if change else "somebody"
    look.empty(f"This lead was deleted by {who} {clock.ago(row['deleted_at'])}.", "Nothing of it is lost: undo brings it back with its whole story.")
    if change and change["change_set_id"] and person.may("lead", "delete") and st.button("Undo the deletion", key="lead.undelete", type="primary"):
        messages.take_back(person, change["change_set_id"])
        st.rerun()


def draw_past_line(day: str, *, exists: bool, known: str = "") -> None:
    """The yellow line that says which day one looks at, with the knowledge of which (empty: of now), and the way back."""
    with st.container(horizontal=True, key="as_of_line", vertical_alignment="center"):
        said = f", as we knew it on {known}" if known else ""
        words = (
            f"This is the page as it was at the end of {day}{said}." if exists else f"On {day}{said}, this lead did not exist, or was not where you may look."
        )
        st.html(f"<span>{escape(words)} Orders and last contact are today's.</span>" if exists else f"<span>{escape(words)}</span>", width="stretch")
        st.button("Back to now", key="lead.now", type="tertiary", on_click=past_day.forget)
