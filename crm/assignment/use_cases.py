"""What those who configure a team do with its assignment rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from crm.assignment.records import ASSIGNMENT_RULE
from crm.changes import Edit, Outcome, apply, delete_edit


def save_rule(session: Session, rule_id: int | None, seen_version: int | None, values: Mapping[str, Any], *, source: str) -> Outcome:
    """A new rule, or one changed as it was seen. Raises `Invalid`, `Refused`, `Stale`."""
    label = f"Assignment rule {values.get('name') or ''}".strip()
    return apply(session, [Edit(ASSIGNMENT_RULE.name, rule_id, values, seen_version)], source=source, label=label, on_conflict="refuse")


def remove_rule(session: Session, rule_id: int, seen_version: int, *, source: str) -> Outcome:
    """It gives out no more leads; those it gave stay whose they are. Undo brings it back."""
    return apply(session, [delete_edit(ASSIGNMENT_RULE.name, rule_id, seen_version)], source=source, label="Assignment rule removed", on_conflict="refuse")


def put_in_order(session: Session, rules: Sequence[tuple[int, int, int]], *, source: str) -> Outcome:
    """Rules given as (id, version seen, position), all of them or none."""
    edits = [Edit(ASSIGNMENT_RULE.name, rule_id, {"position": position}, version) for rule_id, version, position in rules]
    return apply(session, edits, source=source, label="Order of assignment rules", on_conflict="refuse")
