"""The company of a lead, to exchange for another one, or to say more of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import streamlit as st
from sqlalchemy.orm import Session

from crm.access import Person, acting_as
from crm.changes import Outcome
from crm.companies import reads
from crm.companies.reads import CompanyRow
from crm.companies.records import COMPANY
from crm.companies.use_cases import edit_company
from crm.errors import CrmError
from crm.leads.use_cases import move_to_company
from crm.ui import dialogs, facts, messages, record_form, words
from crm.ui.lookups import look_up
from crm.ui.viewer import viewer

Row = Mapping[Any, Any]
SHORTEST = 2
WAYS = {"another": "Another company", "details": "What we know of it"}
NAMES = ("name", "website", "phone", "market")
NEW, NONE = 0, -1


def open_for(row: Row) -> None:
    """Another company for this lead, or what is known of its company."""
    dialogs.show("Company", draw_one, row)


def draw_one(row: Row) -> None:
    person = viewer("lead", "edit")
    with acting_as(person) as session:
        own = dialogs.seen(f"company {row['company_id']}", lambda: reads.company(session, row["company_id"])) if row["company_id"] else None
    may_edit = own is not None and person.reach("company", "edit").covers(team_id=own.team_id, owner_id=own.owner_id, person_id=person.id)
    way = "another"
    if may_edit:
        way = st.segmented_control("Change", list(WAYS), default="another", required=True, format_func=WAYS.__getitem__, key="lead.company.way",
                                   label_visibility="collapsed")  # fmt: skip
    if own and way == "details":
        _ask_details(person, own)
    else:
        _ask_company(person, row)


def _ask_details(person: Person, own: CompanyRow) -> None:
    lookups, row = look_up(person), asdict(own)
    with st.form("lead.company.details", border=False):
        given = record_form.draw(COMPANY, NAMES, row, person, lookups, lambda name: f"lead.company.{own.id}.{own.version}.{name}")
        st.caption(f"It shows on {words.count(own.leads, 'lead')} of this company.")
        is_sent = st.form_submit_button("Save", type="primary", key="lead.company.details.save")
    if is_sent:
        values = record_form.changed(COMPANY, given, row, lookups)
        if not values:
            st.caption(record_form.NOTHING_DIFFERS)
            return
        said = f"{own.name} is called {values['name'].strip()} now." if list(values) == ["name"] else f"What we know of {own.name} is saved."
        _write(person, said, lambda session: edit_company(session, own.id, own.version, values, name=own.name, source="form"), of_lead=False)


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
        _write(person, f"{row['name']} has no company now.", lambda session: move_to_company(session, row, None, source="form"), of_lead=True)
    else:
        name = next((each.name for each in found if each.id == picked), sought)
        wanted = sought if picked == NEW else picked
        _write(person, f"{row['name']} belongs to {name} now.", lambda session: move_to_company(session, row, wanted, source="form"), of_lead=True)


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


def _write(person: Person, said: str, do: Callable[[Session], Outcome], *, of_lead: bool) -> None:
    """`of_lead`: the lead moved on too, so its form is filled anew; else what is typed there stays."""
    try:
        with acting_as(person) as session:
            outcome = do(session)
    except CrmError as error:
        st.error(error.detail)
        return
    if of_lead:
        facts.begin_anew()
    messages.leave(said, outcome.change_set_id)
    st.rerun()
