"""Whose lead it is, outside: the company beside a lead's facts, to rename or to exchange for another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
NEW, NONE = 0, -1


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
    found = _found(person, row, sought)
    choices = _choices(person, row, found, sought)
    if not choices:
        st.caption("Nothing else is called so." if len(sought) >= SHORTEST else f"Type {SHORTEST} letters of its name or more.")
    # Chosen already is only what is clearly meant: the company called exactly so, or the one answer to what was typed.
    is_clear = list(choices) == [NEW] or any(each.name.casefold() == sought.casefold() for each in found[:1])
    picked = st.radio("Company", list(choices), index=0 if is_clear else None, format_func=choices.__getitem__, key=f"lead.company.pick.{sought}",
                      label_visibility="collapsed")  # fmt: skip
    if not st.button("Save", key="lead.company.save", type="primary", disabled=picked is None) or picked is None:
        return
    if picked == NONE:
        _write(person, f"{row['name']} has no company now.", lambda session: move_to_company(session, row, None, source="form"))
    else:
        name = next((each.name for each in found if each.id == picked), sought)
        wanted = sought if picked == NEW else picked
        _write(person, f"{row['name']} belongs to {name} now.", lambda session: move_to_company(session, row, wanted, source="form"))


def _found(person: Person, row: Row, sought: str) -> Sequence[CompanyRow]:
    """The companies to choose from: all but the lead's own."""
    if len(sought) < SHORTEST:
        return ()
    with acting_as(person) as session:
        return [each for each in reads.companies_called(session, sought) if each.id != row["company_id"]]


def _choices(person: Person, row: Row, found: Sequence[CompanyRow], sought: str) -> dict[int, str]:
    """Company ids, `NEW` and `NONE`, and how they read."""
    if len(sought) < SHORTEST:
        return {NONE: "No company"} if row["company_id"] else {}
    choices = {each.id: f"{each.name} · {words.count(each.leads, 'lead')}" for each in found}
    known = {each.name.casefold() for each in found} | {str(row["company"] or "").casefold()}
    if person.may("company", "create") and sought.casefold() not in known:
        choices[NEW] = f"New company “{sought}”"
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
