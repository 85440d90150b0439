"""What people do with companies and contacts. Each runs inside one `acting_as` transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy.orm import Session

from crm.access import person_of
from crm.changes import Edit, Outcome, apply, delete_edit
from crm.companies import reads
from crm.companies.records import COMPANY, CONTACT


def edit_company(session: Session, company_id: int, seen_version: int, values: Mapping[str, Any], *, name: str, source: str) -> Outcome:
    """Write what is said of a company, for all its leads. Raises `Stale` when somebody was first, `Invalid` or `Refused`."""
    return apply(session, [Edit(COMPANY.name, company_id, values, seen_version)], source=source, label=f"Company {name}", on_conflict="refuse")


def add_company(session: Session, values: Mapping[str, Any], *, source: str, label: str = "New company", brought: Collection[str] = ()) -> Outcome:
    """A new company from given values; `brought` ones are known already, as `Edit` takes them. Raises `Invalid` or `Refused`."""
    return apply(session, [Edit(COMPANY.name, None, values, brought=frozenset(brought))], source=source, label=label, on_conflict="refuse")


def remove_company(session: Session, company_id: int, seen_version: int, *, name: str, source: str) -> Outcome:
    """Its leads and contacts stay. Undo brings it back."""
    return apply(session, [delete_edit(COMPANY.name, company_id, seen_version)], source=source, label=f"Company {name} removed", on_conflict="refuse")


def add_contact(session: Session, values: Mapping[str, Any], *, source: str) -> Outcome:
    """A new contact: of its company's team and one's own, unless the values say otherwise. Raises `Invalid` or `Refused`."""
    whole = {"owner_id": person_of(session).id or None, **values}
    if "team_id" not in whole and whole.get("company_id") and (company := reads.company(session, whole["company_id"])):
        whole["team_id"] = company.team_id
    return apply(session, [Edit(CONTACT.name, None, whole)], source=source, label=f"New contact {values.get('name') or ''}".strip(), on_conflict="refuse")


def edit_contact(session: Session, contact_id: int, seen_version: int, values: Mapping[str, Any], *, name: str, source: str) -> Outcome:
    """Write what is said of a contact. Raises `Stale` when somebody was first, `Invalid` or `Refused`."""
    return apply(session, [Edit(CONTACT.name, contact_id, values, seen_version)], source=source, label=f"Contact {name}", on_conflict="refuse")


def remove_contact(session: Session, contact_id: int, seen_version: int, *, name: str, source: str) -> Outcome:
    """Undo brings it back."""
    return apply(session, [delete_edit(CONTACT.name, contact_id, seen_version)], source=source, label=f"Contact {name} removed", on_conflict="refuse")
