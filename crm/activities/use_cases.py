"""What people note down about a lead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from crm.activities.records import ACTIVITY
from crm.changes import Edit, Outcome, apply, delete_edit


def add_activity(session: Session, lead_id: int, values: Mapping[str, Any], *, source: str) -> Outcome:
    """A call, meeting, note, mail or message with a lead one sees. Raises `Invalid`, `NotFound`, `Refused`."""
    label = str(values.get("kind") or "activity").replace("_", " ").capitalize()
    return apply(session, [Edit(ACTIVITY.name, None, {**values, "lead_id": lead_id})], source=source, label=label, on_conflict="refuse")


def edit_activity(session: Session, activity_id: int, seen_version: int, values: Mapping[str, Any], *, source: str) -> Outcome:
    return apply(session, [Edit(ACTIVITY.name, activity_id, values, seen_version)], source=source, label="Activity", on_conflict="refuse")


def delete_activity(session: Session, activity_id: int, seen_version: int, *, source: str) -> Outcome:
    return apply(session, [delete_edit(ACTIVITY.name, activity_id, seen_version)], source=source, label="Activity removed", on_conflict="refuse")
