"""What people do with templates: write, change, remove, fill in for a lead. Each runs inside one `acting_as` transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from crm.access import person_of
from crm.changes import Edit, Outcome, apply, delete_edit
from crm.companies.reads import ContactRow
from crm.errors import NotFound
from crm.fields.catalogue import catalogue
from crm.leads import reads as leads
from crm.templates.merge_fields import Filling, fields_for
from crm.templates.merging import Gap, Piece, check_known, fill, merges, parse
from crm.templates.records import TEMPLATE


@dataclass(frozen=True, slots=True)
class Written:
    """A text filled in for one lead. `gaps`: what had nothing to say, each field once. `address`: where it would go, "" where nobody says."""

    subject: str
    body: str
    gaps: Sequence[Gap]
    address: str
    contact_id: int | None
    contacts: Sequence[ContactRow]


def add_template(session: Session, values: Mapping[str, Any], *, source: str) -> Outcome:
    """A new template of a team, or everybody's. Raises `Invalid` or `Refused`."""
    label = f"New template {values.get('name') or ''}".strip()
    return apply(session, [Edit(TEMPLATE.name, None, values)], source=source, label=label, on_conflict="refuse")


def edit_template(session: Session, template_id: int, seen_version: int, values: Mapping[str, Any], *, name: str, source: str) -> Outcome:
    """Write what differs. Raises `Stale` when somebody was first, `Invalid` or `Refused`."""
    return apply(session, [Edit(TEMPLATE.name, template_id, values, seen_version)], source=source, label=f"Template {name}", on_conflict="refuse")


def remove_template(session: Session, template_id: int, seen_version: int, *, name: str, source: str) -> Outcome:
    """What was written with it stays. Undo brings it back."""
    return apply(session, [delete_edit(TEMPLATE.name, template_id, seen_version)], source=source, label=f"Template {name} removed", on_conflict="refuse")


def write(session: Session, lead_id: int, *, subject: str, body: str, contact_id: int | None = None) -> Written:
    """The two texts with what their fields come to for this lead, as the person sees it. Raises `Invalid` for a text that cannot be read,

    and `NotFound` for a lead that they do not see or a contact that is none of its.
    """
    person_of(session).require("lead", "view")
    texts = _pieces(subject, body)
    lead = leads.lead(session, lead_id)
    if lead is None or lead["deleted_at"] or lead["merged_into_id"]:
        raise NotFound("There is no such lead, or you may not see it.")
    filling = Filling(session, lead, contact_id)
    values = {merge.name: filling.value(merge.name) for pieces in texts for merge in merges(pieces)}
    (said_subject, first), (said_body, rest) = fill(texts[0], values, has_lines=False), fill(texts[1], values, has_lines=True)
    gaps = {gap.name: gap for gap in reversed((*first, *rest))}
    contact = filling.contact
    return Written(said_subject, said_body, list(reversed(gaps.values())), filling.address, contact.id if contact else None, filling.contacts)


def _pieces(subject: str, body: str) -> tuple[list[Piece], list[Piece]]:
    return parse(subject, field="subject"), parse(body, field="body")


def check(session: Session, team_id: int | None, *, subject: str, body: str) -> None:
    """Raises `Invalid` where a template of this team could not be saved with these texts, in the words that saving has."""
    known = fields_for(catalogue(session), team_id)
    for pieces, field in zip(_pieces(subject, body), ("subject", "body"), strict=True):
        check_known(pieces, known, field=field)
