"""Whose lead it is, outside, beside its facts: the company, what is known of it, and the people there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from html import escape
from typing import Any

import streamlit as st

from crm.access import Person, acting_as
from crm.changes.records import RecordType
from crm.companies import reads
from crm.companies.reads import CompanyRow, ContactRow
from crm.companies.records import COMPANY, CONTACT
from crm.ui import company_dialog, contact_dialog, custom_fields, record_form
from crm.ui.lookups import Lookups

Row = Mapping[Any, Any]


def draw(row: Row, person: Person, lookups: Lookups, *, may_change: bool) -> None:
    """As of now, whoever looks; `may_change`: whether the lead is theirs to give to another company."""
    with acting_as(person) as session:
        own = reads.company(session, row["company_id"]) if row["company_id"] else None
        contacts = reads.contacts_of(session, own.id) if own else ()
    with st.container(key="lead_company", gap=None):
        _draw_line(row, own, lookups, may_change=may_change)
        for each in contacts:
            _draw_contact(each, person, lookups)
        if own and person.may("contact", "create") and st.button("Contact", icon=":material/person_add:", key="lead.contact.new", type="tertiary"):
            contact_dialog.add(own.id)


def _draw_line(row: Row, own: CompanyRow | None, lookups: Lookups, *, may_change: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="lead_company_line"):
        name = f"<b>{escape(row['company'])}</b>" if row["company"] else "<span class='tl-muted'>none yet</span>"
        more = _line(COMPANY, (own.website, own.phone, own.market), asdict(own), lookups) if own else ""
        st.html(f"<div class='tl-company'><small>Company</small>{name}{more}</div>", width="stretch")
        if may_change and st.button("Change", key="lead.company", type="tertiary", help="Choose another company, or say more of this one"):
            company_dialog.open_for(row)


def _draw_contact(each: ContactRow, person: Person, lookups: Lookups) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"lead_contact_{each.id}"):
        more = _line(CONTACT, (each.title, each.email, each.phone), asdict(each), lookups)
        st.html(f"<div class='tl-company'><span>{escape(each.name)}</span>{more}</div>", width="stretch")
        may_edit = person.reach("contact", "edit").covers(team_id=each.team_id, owner_id=each.owner_id, person_id=person.id)
        if may_edit and st.button(f"Edit {each.name}", key=f"lead.contact.{each.id}", type="tertiary", icon=":material/edit:"):
            contact_dialog.change(each.id)


def _line(kind: RecordType, plain: Iterable[str | None], row: Mapping[str, Any], lookups: Lookups) -> str:
    """What else is known, on a quiet line: plain parts as they are, custom ones with their labels."""
    parts = [part for part in plain if part]
    for field in record_form.fields_of(kind, row, lookups):
        if said := custom_fields.shown(field, row["custom"].get(field.key), lookups):
            parts.append(f"{field.label}: {said}")
    return f"<span class='tl-about'>{' · '.join(map(escape, parts))}</span>" if parts else ""
