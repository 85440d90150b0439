"""What changing fields does to the values that stand. Each runs inside one `acting_as` transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from crm.changes import Edit, apply
from crm.errors import Invalid, Refused
from crm.fields import conversion
from crm.fields.catalogue import own_catalogue
from crm.fields.conversion import Conversion
from crm.fields.kinds import Definition
from crm.fields.records import CUSTOM_FIELD

BATCH = 2000


@dataclass(frozen=True, slots=True)
class Converting:
    """A field that changes its kind, and what becomes of its values."""

    before: Definition
    after: Definition
    values: Conversion

    @property
    def refusal(self) -> Invalid | Refused | None:
        """Why it cannot be."""
        if self.values.foreign:
            grant = f"{self.before.record_type}: edit"
            return Refused(
                f"{self.values.foreign:,} of the values of “{self.before.label}” stand in records that are not yours to edit. An admin can grant “{grant}”.",
                grant=grant,
            )
        if self.values.lost and self.after.is_required:
            lost = f"{self.values.lost:,} values would be lost"
            return Invalid(f"“{self.after.label}” is required, and {lost}: make it optional first, or mend those.", field="kind")
        return None


def converting(session: Session, edits: Sequence[Edit]) -> list[Converting]:
    """The edited fields that change their kind. Writes nothing; ask before the fields are written. Raises `Invalid` for a kind that is none."""
    known = {each.id: each for each in own_catalogue(session).fields}
    pairs = [
        (known[edit.record_id], after_of(known[edit.record_id], edit.wanted))
        for edit in edits
        if edit.record_type == CUSTOM_FIELD.name and edit.record_id in known and "kind" in edit.wanted and "deleted_at" not in edit.wanted
    ]
    return [Converting(before, after, conversion.preview(session, before, after)) for before, after in pairs if conversion.needs_conversion(before, after)]


def convert(session: Session, found: Sequence[Converting], *, change_set_id: int, source: str) -> None:
    """Write the values of fields whose kind has just changed, into the change set that changed it. Raises `Invalid`, `Refused` or `Stale`."""
    for each in found:
        if each.refusal:
            raise each.refusal
        edits = conversion.edits_of(each.before, each.values)
        for start in range(0, len(edits), BATCH):
            apply(session, edits[start : start + BATCH], source=source, on_conflict="refuse", change_set_id=change_set_id)


def after_of(before: Definition, wanted: Mapping[str, Any]) -> Definition:
    """The field as it will be, read as the write path reads it. Raises `Invalid`."""
    read = {name: CUSTOM_FIELD.field(name).read(value) for name, value in wanted.items() if name in ("label", "kind", "options", "is_required", "is_unique")}
    if "options" in read:
        read["options"] = tuple(read["options"])
    return replace(before, **read)
