"""What people do with leads. Each runs inside one `acting_as` transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import person_of
from crm.changes import Edit, OnConflict, Outcome, apply, delete_edit
from crm.companies.records import COMPANY
from crm.leads.records import LEAD


def create_lead(session: Session, values: Mapping[str, Any], *, source: str, company_name: str | None = None) -> Outcome:
    """A new lead from given values; `company_name` finds the company by its exact name or makes it, in the same change set.

    Raises `Invalid` or `Refused`; nothing is written then. The lead is the last result.
    """
    values = dict(values)
    change_set_id = None
    if company_name and company_name.strip():
        found = session.scalar(text("select id from crm.companies where lower(name) = lower(:n) and deleted_at is null order by id limit 1"), {"n": company_name.strip()})
        if found is None:
            made = apply(
                session, [Edit(COMPANY.name, None, {"name": company_name, "team_id": values.get("team_id"), "market": values.get("market")})],
                source=source, label="New lead", on_conflict="refuse",
            )  # fmt: skip
            found, change_set_id = made.results[0].record_id, made.change_set_id
        values["company_id"] = found
    return apply(session, [Edit(LEAD.name, None, values)], source=source, label="New lead", on_conflict="refuse", change_set_id=change_set_id)


def edit_leads(session: Session, edits: Sequence[tuple[int, int, Mapping[str, Any]]], *, source: str, label: str = "", on_conflict: OnConflict = "keep") -> Outcome:
    """Write (id, version seen, values) of several leads as one change set."""
    return apply(session, [Edit(LEAD.name, lead_id, wanted, seen) for lead_id, seen, wanted in edits], source=source, label=label, on_conflict=on_conflict)


def edit_leads_in_bulk(session: Session, edits: Sequence[tuple[int, int, Mapping[str, Any]]], *, source: str) -> Outcome:
    """As `edit_leads`, for doors that send many at once: needs the bulk grant."""
    person_of(session).require("lead", "bulk")
    return edit_leads(session, edits, source=source, label="Bulk edit")


def delete_leads(session: Session, seen: Sequence[tuple[int, int]], *, source: str, on_conflict: OnConflict = "keep") -> Outcome:
    """Delete (softly) leads given as (id, version seen). A lead that somebody changed meanwhile becomes a conflict."""
    return apply(session, [delete_edit(LEAD.name, lead_id, version) for lead_id, version in seen], source=source, label="Deleted leads", on_conflict=on_conflict)
