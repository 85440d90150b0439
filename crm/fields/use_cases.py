"""What people do with custom fields. Each runs inside one `acting_as` transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.orm import Session

from crm.access import person_of
from crm.changes import Edit, Outcome, apply, delete_edit
from crm.errors import Invalid
from crm.fields import conversion
from crm.fields.catalogue import own_catalogue
from crm.fields.conversion import Conversion
from crm.fields.kinds import KINDS, Definition
from crm.fields.records import CUSTOM_FIELD

BATCH = 2000


@dataclass(slots=True)
class Impact:
    """What an edit of fields does beside the fields themselves, in plain sentences."""

    lines: list[str] = field(default_factory=list)
    is_losing: bool = False


def preview_fields(session: Session, edits: Sequence[Edit]) -> Impact:
    """What these edits of fields would do. Writes nothing; needs the grant. A removed field or option loses nothing."""
    person_of(session).require("field", "configure")
    impact = Impact()
    for before, wanted in _changed(session, edits):
        if "deleted_at" in wanted:
            impact.lines.append(f"“{before.label}” is removed from lists and pages. Its values are kept; undo brings them back.")
            continue
        after = after_of(before, wanted)
        if conversion.needs_conversion(before, after):
            found = conversion.preview(session, before, after)
            impact.is_losing |= bool(found.lost)
            impact.lines.append(f"“{after.label}” becomes {KINDS.get(after.kind, after.kind).lower()}. {found.words}")
        elif gone := [option for option in before.options if option not in after.options]:
            impact.lines.append(f"“{after.label}” no longer offers {', '.join(gone[:5])}. Records that say so keep it until somebody edits them.")
    return impact


def save_fields(session: Session, edits: Sequence[Edit], *, source: str, label: str = "Fields") -> Outcome:
    """Write edits of fields, and what becomes of the values where a kind changes, as one change set.

    Raises `Invalid`, `Refused` or `Stale`; nothing is written then. The fields' own results come first.
    """
    with session.begin_nested():  # the fields and the values together, or neither
        converting = [(before, _conversion(session, before, after)) for before, after in _converting(session, edits)]
        outcome = apply(session, edits, source=source, label=label, on_conflict="refuse")
        for before, found in converting:
            _convert(session, before, found, outcome, source=source)
        return outcome


def _conversion(session: Session, before: Definition, after: Definition) -> Conversion:
    found = conversion.preview(session, before, after)
    if found.lost and after.is_required:
        raise Invalid(f"“{after.label}” is required, and {found.lost:,} values would be lost: make it optional first, or mend those.", field="kind")
    return found


def _convert(session: Session, before: Definition, found: Conversion, outcome: Outcome, *, source: str) -> None:
    edits = conversion.edits_of(before, found)
    for start in range(0, len(edits), BATCH):
        done = apply(session, edits[start : start + BATCH], source=source, on_conflict="refuse", change_set_id=outcome.change_set_id)
        outcome.results += done.results


def _converting(session: Session, edits: Sequence[Edit]) -> list[tuple[Definition, Definition]]:
    pairs = [(before, after_of(before, wanted)) for before, wanted in _changed(session, edits) if "deleted_at" not in wanted]
    return [(before, after) for before, after in pairs if conversion.needs_conversion(before, after)]


def _changed(session: Session, edits: Sequence[Edit]) -> list[tuple[Definition, Mapping[str, Any]]]:
    """The standing fields that are edited, each with what is wanted of it."""
    known = {each.id: each for each in own_catalogue(session).fields}
    return [(known[edit.record_id], edit.wanted) for edit in edits if edit.record_type == CUSTOM_FIELD.name and edit.record_id in known]


def after_of(before: Definition, wanted: Mapping[str, Any]) -> Definition:
    """The field as it will be, read as the write path reads it. Raises `Invalid`."""
    read = {name: CUSTOM_FIELD.field(name).read(value) for name, value in wanted.items() if name in ("label", "kind", "options", "is_required", "is_unique")}
    if "options" in read:
        read["options"] = tuple(read["options"])
    return replace(before, **read)


def remove_edit(field_id: int, seen_version: int) -> Edit:
    """The edit that hides a field and keeps its data."""
    return delete_edit(CUSTOM_FIELD.name, field_id, seen_version)
