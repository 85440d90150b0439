"""The lead beside the board: its facts to edit and its story, while the board stays where it is."""

from __future__ import annotations

from html import escape
from typing import Any

import streamlit as st

from crm import clock
from crm.access import Person, acting_as
from crm.errors import CrmError
from crm.leads import reads
from crm.leads.as_of import Past, lead_as_of
from crm.ui import alert_panel, company_card, facts, lead_head, look, story, unsaved_guard
from crm.ui.board import moves, wall
from crm.ui.lookups import Lookups
from crm.ui.viewer import viewer

PARAM = "lead"
EDITS = "board.edits"
UNDOABLE = 3


def asked_for() -> int | None:
    """The lead that the address names; None for no lead."""
    given = st.query_params.get(PARAM, "")
    return int(given) if given.isdecimal() and 0 < len(given) < 19 else None


def turn_to(lead_id: int) -> None:
    """Open that lead beside the board; 0 closes it. The address says it."""
    if lead_id:
        st.query_params[PARAM] = str(lead_id)
    else:
        st.query_params.pop(PARAM, None)


@st.fragment
def draw(lookups: Lookups, past: Past | None) -> None:
    """The panel, running alone while somebody works in it; nothing when no lead is open."""
    person = viewer("lead")
    _listen()
    lead_id = asked_for()
    with st.container(key="board_opener"):
        wall.draw_opener(lead_id)
    if lead_id is None:
        return
    with acting_as(person) as session:
        row: Any = lead_as_of(session, lead_id, past) if past else reads.lead(session, lead_id)
    with st.container(key="board_lead"):
        _draw_top(lead_id)
        if row is None or row["deleted_at"] or row["merged_into_id"]:
            look.empty("This lead is not here.", "It was deleted, or never yours to see." if not past else "It did not exist on that day, as far as was known.")
            return
        st.html(f"<div class='tl-beside'>{_title(row)}</div>")
        lead_head.facts_line(row, lookups, person, at=past.before if past else clock.now())
        may_edit = person.reach("lead", "edit").covers(team_id=row["team_id"], owner_id=row["owner_id"], person_id=person.id)
        with st.container(key="board_lead_facts"):
            _draw_facts(row, person, lookups, may_edit=may_edit and not past)
        if not past:
            with st.container(key="board_lead_alerts"):
                alert_panel.draw(row, person, lookups)
        with st.container(key="board_lead_story"):
            if not past and person.may("activity", "create"):
                story.draw_composer(lead_id, person)
            story.draw(row, person, lookups, past=past, undoable_most=UNDOABLE)
    unsaved_guard.guard_forms({"board_lead_facts": facts.filled_from(), "board_lead_story": story.filled_from(lead_id)})


def _draw_facts(row: Any, person: Person, lookups: Lookups, *, may_edit: bool) -> None:
    """To read at first, which is there at once; to edit where that is asked for, until it is saved."""
    if st.session_state.get(EDITS) == row["id"] and facts.is_begun_anew():
        del st.session_state[EDITS]
    if may_edit and st.session_state.get(EDITS) == row["id"]:
        company_card.draw(row, person, lookups, may_change=True)
        facts.draw_form(row, person, lookups)
        return
    facts.draw_plain(row, lookups)
    if may_edit and st.button("Edit", key="board.edit", icon=":material/edit:", type="tertiary"):
        _begin_to_edit(row["id"])
        st.rerun(scope="fragment")


def _begin_to_edit(lead_id: int) -> None:
    st.session_state[EDITS] = lead_id
    st.session_state.pop(facts.STATE, None)


def _listen() -> None:
    """Open what the wall asks for, whoever wrote it there."""
    given = wall.heard_open()
    if given is not None:
        try:
            turn_to(moves.read_id(given, "id"))
            if given.get("edits") is True:
                _begin_to_edit(moves.read_id(given, "id"))
        except CrmError as error:
            st.toast(error.detail)


def _draw_top(lead_id: int) -> None:
    with st.container(horizontal=True, key="board_lead_top", vertical_alignment="center"):
        st.page_link("pages/lead.py", label="Open the page", icon=":material/open_in_full:", query_params={"id": str(lead_id)})
        st.space("stretch")
        if st.button("", icon=":material/close:", key="board.close", type="tertiary", help="Close"):
            turn_to(0)
            st.rerun(scope="fragment")


def _title(row: Any) -> str:
    company = f"<span>{escape(row['company'])}</span>" if row["company"] and row["company"] != row["name"] else ""
    return f"<h2>{escape(row['name'])}</h2>{company}"
