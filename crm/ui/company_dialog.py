"""Whose lead it is, outside: the company beside a lead's facts, to rename or to exchange for another one."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from crm.access import Person, acting_as
from crm.changes import Outcome
from crm.companies import reads
from crm.companies.reads import CompanyRow
from crm.companies.use_cases import rename_company
from crm.errors import CrmError
from crm.leads.use_cases import move_to_company
from crm.ui import facts, messages, words
from crm.ui.viewer import viewer

Row = Mapping[Any, Any]
SHORTEST = 2
WAYS = {"another": "Another company", "rename": "Another name for it"}
NONE = "no company"


def draw_line(row: Row) -> None:
    """The company's name, and the way to change it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="lead_company"):
        name = f"<b>{escape(row['company'])}</b>" if row["company"] else "<span class='tl-muted'>none yet</span>"
        st.html(f"<div class='tl-company'><small>Company</small>{name}</div>", width="stretch")
        if st.button("Change", key="lead.company", type="tertiary", help="Choose another company, or rename this one"):
            open_for(row)


@st.dialog("Company")
def open_for(row: Row) -> None:
    """Another company for this lead, or another name for its company."""
    person = viewer("lead", "edit")
    with acting_as(person) as session:
        own = reads.company(session, row["company_id"]) if row["company_id"] else None
    may_rename = own is not None and person.reach("company", "edit").covers(team_id=own.team_id, owner_id=own.owner_id, person_id=person.id)
    way = "another"
    if may_rename:
        way = st.segmented_control("Change", list(WAYS), default="another", required=True, format_func=WAYS.__getitem__, key="lead.company.way",
                                   label_visibility="collapsed")  # fmt: skip
    if own and way == "rename":
        _ask_name(person, own)
    else:
        _ask_company(person, row)


def _ask_name(person: Person, own: CompanyRow) -> None:
    with st.form("lead.company.rename", border=False):
        name = st.text_input("Name", own.name, max_chars=300, key=f"lead.company.name.{own.id}.{own.version}")
        st.caption(f"It shows on {words.count(own.leads, 'lead')} of this company.")
        is_sent = st.form_submit_button("Rename", type="primary")
    if is_sent:
        _write(person, f"{own.name} is called {name.strip()} now.", lambda session: rename_company(session, own.id, own.version, name, source="form"))


def _ask_company(person: Person, row: Row) -> None:
    sought = st.text_input("Find or name a company", placeholder="Petra Supplies", max_chars=300, key=f"lead.company.q.{row['id']}", live="400ms").strip()
    choices = _choices(person, row, sought)
    names = {each_id: label.rsplit(" · ", 1)[0] for each_id, label in choices.items()}
    picked = st.radio("Company", list(choices), format_func=choices.__getitem__, key=f"lead.company.pick.{sought}", label_visibility="collapsed")
    if st.button("Save", key="lead.company.save", type="primary", disabled=picked is None):
        wanted = sought if picked == 0 else None if picked == -1 else picked
        said = f"{row['name']} belongs to {names[picked] if picked and picked > 0 else sought} now." if wanted else f"{row['name']} has no company now."
        _write(person, said, lambda session: move_to_company(session, row, wanted, source="form"))


def _choices(person: Person, row: Row, sought: str) -> dict[int, str]:
    """Company ids and what they are called; 0 makes a new one, -1 takes the company away."""
    if len(sought) < SHORTEST:
        if not row["company_id"]:
            st.caption(f"Type {SHORTEST} letters of its name or more.")
            return {}
        return {-1: NONE.capitalize()}
    with acting_as(person) as session:
        found = reads.companies_called(session, sought)
    choices = {each.id: f"{each.name} · {words.count(each.leads, 'lead')}" for each in found if each.id != row["company_id"]}
    if person.may("company", "create") and all(each.name.casefold() != sought.casefold() for each in found):
        choices[0] = f"New company “{sought}”"
    if not choices:
        st.caption("Nothing else is called so.")
    return choices


def _write(person: Person, said: str, do: Any) -> None:
    try:
        with acting_as(person) as session:
            outcome: Outcome = do(session)
    except CrmError as error:
        st.error(error.detail)
        return
    facts.begin_anew()
    messages.leave(said, outcome.change_set_id)
    st.rerun()
