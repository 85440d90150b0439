"""Custom fields as a draft would leave them, and the edits that make it so: what their page and the file show and change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from crm.configuration.drafts import Draft, DraftEdit
from crm.configuration.order import Key, positions
from crm.fields.kinds import Definition
from crm.fields.records import CUSTOM_FIELD

PARTS = ("label", "kind", "options", "is_required", "is_unique", "default_value", "help")
Place = tuple[str, int | None]
"""Of which records, and of which team (None: every team) fields are."""


@dataclass(frozen=True, slots=True)
class PlannedField:
    """One field as it is meant to be. `was` is it as it stands, None for a new one; `name` is the key somebody chose for a new one."""

    key: Key
    label: str
    kind: str = "text"
    options: tuple[str, ...] = ()
    is_required: bool = False
    is_unique: bool = False
    default_value: Any = None
    help: str | None = None
    position: int = 0
    is_removed: bool = False
    was: Definition | None = None
    name: str | None = None

    @property
    def values(self) -> dict[str, Any]:
        """As a draft holds them."""
        return {part: list(self.options) if part == "options" else getattr(self, part) for part in PARTS}

    def with_parts(self, parts: dict[str, Any]) -> PlannedField:
        given: dict[str, Any] = {name: tuple(value or ()) if name == "options" else value for name, value in parts.items() if name in (*PARTS, "position")}
        return replace(self, **given)


def subject_of(place: Place) -> str:
    record_type, team_id = place
    return f"fields:{record_type}:{team_id or 'everybody'}"


def standing(field: Definition) -> PlannedField:
    return PlannedField(
        field.id, field.label, field.kind, field.options, field.is_required, field.is_unique, field.default, field.help, field.position, was=field
    )  # fmt: skip


def plan(fields: Sequence[Definition], draft: Draft | None) -> list[PlannedField]:
    """The fields of one place in their new order, removed ones too."""
    found: dict[Key, PlannedField] = {field.id: standing(field) for field in fields}
    for edit in draft.of(CUSTOM_FIELD.name) if draft else ():
        if edit.record_id in found:
            found[edit.record_id] = replace(found[edit.record_id].with_parts(dict(edit.wanted)), is_removed=edit.removes)
        elif edit.record_id is None and edit.ref:
            found[edit.ref] = PlannedField(edit.ref, "", name=edit.wanted.get("key")).with_parts(dict(edit.wanted))
    return sorted(found.values(), key=lambda field: (field.position, field.was is None))


def _stood(field: PlannedField) -> tuple[int, int]:
    return (field.was.position, field.was.id) if field.was else (field.position, 0)


def back_among(fields: Sequence[PlannedField], removed: PlannedField) -> list[PlannedField]:
    """The fields with one that was removed where it stood."""
    others, stood = [field for field in fields if field.key != removed.key], _stood(removed)
    place = next((i for i, field in enumerate(others) if field.is_removed or (field.was and _stood(field) > stood)), len(others))
    return [*others[:place], replace(removed, is_removed=False), *others[place:]]


def edits_of(place: Place, fields: Sequence[PlannedField], before: Draft | None) -> list[DraftEdit]:
    """What must be written so that the place's fields become these, in this order.

    A field that the draft changes already keeps the version it was seen with: what somebody else changed since then is met as a conflict.
    """
    staying = [field for field in fields if not field.is_removed]
    known = sorted((field.was for field in staying if field.was), key=lambda was: (was.position, was.id))
    places = positions([field.key for field in staying], {was.id: was.position for was in known})
    edits: list[DraftEdit] = []
    for field in fields:
        if field.was is None:
            if not field.is_removed:
                edits.append(DraftEdit(CUSTOM_FIELD.name, None, _made(place, field, places[field.key]), ref=str(field.key)))
            continue
        kept = before.edit_of(CUSTOM_FIELD.name, field.was.id) if before else None
        seen = kept.seen_version if kept else field.was.version
        if field.is_removed:
            edits.append(DraftEdit(CUSTOM_FIELD.name, field.was.id, {"deleted_at": True}, seen))
        elif wanted := _differing(field, field.was, places[field.key]):
            edits.append(DraftEdit(CUSTOM_FIELD.name, field.was.id, wanted, seen))
    return edits


def _made(place: Place, field: PlannedField, position: int) -> dict[str, Any]:
    record_type, team_id = place
    chosen = {"key": field.name} if field.name else {}
    return {"record_type": record_type, "team_id": team_id, **chosen, **field.values, "position": position}


def _differing(field: PlannedField, was: Definition, position: int) -> dict[str, Any]:
    before = standing(was).values
    found = {part: value for part, value in field.values.items() if value != before[part]}
    return found | ({"position": position} if position != was.position else {})
