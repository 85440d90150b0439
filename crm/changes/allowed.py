"""Whether an edit may be made at all: what stands, how far the person's grant reaches, which earlier date is told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from crm.access import Person, missing_grant
from crm.changes.edits import Edit
from crm.changes.records import RecordType
from crm.clock import now
from crm.errors import CrmError, Gone, Invalid, NotFound

OWN = "edit oneself"


def standing(kind: RecordType, edit: Edit, row: Mapping[str, Any], *, is_undo: bool) -> CrmError | None:
    """Why this record cannot be edited at all: merged, deleted, or not of a kind that is ever deleted."""
    label = kind.label.lower()
    is_unmerge = is_undo and "merged_into_id" in edit.wanted
    if row.get("merged_into_id") is not None and not is_unmerge:
        return Gone(f"This {label} was merged into another one.", merged_into=row["merged_into_id"])
    if row.get("deleted_at") is not None and "deleted_at" not in edit.wanted:
        return NotFound(f"This {label} was deleted. Undo the deletion to edit it.")
    if "deleted_at" in edit.wanted and not kind.is_deletable:
        return Invalid(f"A {label} cannot be deleted.", field="deleted_at")
    return None


def may_change(person: Person, kind: RecordType, action: str, edit: Edit, row: Mapping[str, Any] | None, *, is_undo: bool) -> bool:
    """The grant's reach. While undoing, the wall knows more: it lets an author take back their own last change."""
    if action == OWN:
        return not person.is_read_only
    if is_undo:
        return person.may_write(kind.resource)
    assert row is not None
    actions = {action} if action != "delete" or edit.wanted.keys() <= {"deleted_at", "merged_into_id"} else {action, kind.grant or "edit"}
    reaches = [person.reach(kind.resource, each) for each in actions]
    return all(reach.covers(team_id=row["team_id"], owner_id=row["owner_id"], person_id=person.id) for reach in reaches)


def check_assign(person: Person, kind: RecordType, current: Mapping[str, Any], writes: Mapping[str, Any]) -> None:
    """Raise `Refused` where the record would go to a team or an owner out of reach."""
    if kind.grant is not None or not {"team_id", "owner_id"} & writes.keys():
        return
    after = {**current, **writes}
    assign = person.reach(kind.resource, "assign")
    if not assign.covers(team_id=after.get("team_id"), owner_id=after.get("owner_id"), person_id=person.id):
        raise missing_grant(kind.resource, "assign", here=not assign.is_none)


def check_reach(person: Person, kind: RecordType, action: str, team_id: int | None, owner_id: int | None) -> None:
    """Raise `Refused` where a new record would stand out of reach."""
    if not person.reach(kind.resource, action).covers(team_id=team_id, owner_id=owner_id, person_id=person.id):
        raise missing_grant(kind.resource, action, here=True)


def check_effective(kind: RecordType, at: datetime | None, last_change_at: datetime | None) -> None:
    """An earlier date must be real, past, and not before what is recorded already."""
    if at is None:
        return
    label = kind.label.lower()
    if not kind.has_effective_at:
        raise Invalid(f"A {label} has no earlier dates.", field="effective_at")
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise Invalid("An earlier date needs its time and time zone.", field="effective_at")
    if at > now() + timedelta(minutes=1):
        raise Invalid(f"{at:%d %b %Y} is in the future: a {label} changes when it happens.", field="effective_at")
    if last_change_at is not None and at < last_change_at:
        raise Invalid(f"{at:%d %b %Y} is before this {label}'s last recorded change ({last_change_at:%d %b %Y}). Give a later date.", field="effective_at")
