"""The dialogs that add a contact to a company, and change or remove one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import streamlit as st
from sqlalchemy.orm import Session

from crm.access import Person, acting_as
from crm.changes import Outcome
from crm.companies import reads, use_cases
from crm.companies.reads import ContactRow
from crm.companies.records import CONTACT
from crm.errors import CrmError
from crm.ui import dialogs, messages, record_form
from crm.ui.lookups import look_up
from crm.ui.viewer import viewer

NAMES = ("name", "title", "email", "phone")
GONE = "It is not here any more: somebody removed it meanwhile."


@st.dialog("New contact")
def add(company_id: int) -> None:
    """Somebody who works there."""
    person = viewer("lead")
    lookups = look_up(person)
    with acting_as(person) as session:
        company = reads.company(session, company_id)
    if company is None:
        st.caption(GONE)
        return
    with st.form("lead.contact.form", border=False):
        empty: dict[str, Any] = {"team_id": company.team_id, "custom": {}}
        given = record_form.draw(CONTACT, NAMES, empty, person, lookups, lambda name: f"lead.contact.new.{company_id}.{name}")
        is_sent = st.form_submit_button("Add", type="primary", key="lead.contact.add")
    if is_sent:
        values = record_form.changed(CONTACT, given, empty, lookups)
        _write(person, f"{given['name'].strip()} is a contact of {company.name} now.", lambda session: use_cases.add_contact(
            session, {**values, "company_id": company.id}, source="form",
        ))  # fmt: skip


def change(contact_id: int) -> None:
    """What is known of them, to change; or without them."""
    dialogs.show("Contact", draw_one, contact_id)


def draw_one(contact_id: int) -> None:
    person = viewer("lead")
    with acting_as(person) as session:
        own = dialogs.seen(f"contact {contact_id}", lambda: reads.contact(session, contact_id))
    if own is None:
        st.caption(GONE)
        return
    _draw_form(own, person)
    if person.reach("contact", "delete").covers(team_id=own.team_id, owner_id=own.owner_id, person_id=person.id) and st.button(
        "Remove", key="lead.contact.remove", type="tertiary", icon=":material/delete:"
    ):
        said = f"{own.name} is removed."
        _write(person, said, lambda session: use_cases.remove_contact(session, own.id, own.version, name=own.name, source="form"))


def _draw_form(own: ContactRow, person: Person) -> None:
    lookups, row = look_up(person), asdict(own)
    with st.form("lead.contact.form", border=False):
        given = record_form.draw(CONTACT, NAMES, row, person, lookups, lambda name: f"lead.contact.{own.id}.{own.version}.{name}")
        is_sent = st.form_submit_button("Save", type="primary", key="lead.contact.save")
    if is_sent:
        values = record_form.changed(CONTACT, given, row, lookups)
        if not values:
            st.caption(record_form.NOTHING_DIFFERS)
            return
        _write(person, f"{own.name} is saved.", lambda session: use_cases.edit_contact(session, own.id, own.version, values, name=own.name, source="form"))


def _write(person: Person, said: str, do: Callable[[Session], Outcome]) -> None:
    """Write it and say so; or say in the dialog why not, with what was typed still there."""
    try:
        with acting_as(person) as session:
            outcome = do(session)
    except CrmError as error:
        st.error(error.detail)
        return
    messages.leave(said, outcome.change_set_id)
    st.rerun()
