"""What people do with views: save, change, remove. Each runs inside one `acting_as` transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from crm.changes import Edit, Outcome, apply, delete_edit
from crm.views.records import VIEW


def save_view(session: Session, values: Mapping[str, Any], *, source: str) -> Outcome:
    """A new view of the person's own. Raises `Invalid`, or `Refused` where it is shared further than they may."""
    return apply(session, [Edit(VIEW.name, None, values)], source=source, label=f"View {values.get('name') or ''}".strip(), on_conflict="refuse")


def change_view(session: Session, view_id: int, seen_version: int, values: Mapping[str, Any], *, name: str, source: str) -> Outcome:
    """Rename it, pin it, share it, make it ask for something else. Raises `Stale` when somebody was first."""
    return apply(session, [Edit(VIEW.name, view_id, values, seen_version)], source=source, label=f"View {name}", on_conflict="refuse")


def remove_view(session: Session, view_id: int, seen_version: int, *, name: str, source: str) -> Outcome:
    """Undo brings it back."""
    return apply(session, [delete_edit(VIEW.name, view_id, seen_version)], source=source, label=f"View {name} removed", on_conflict="refuse")
