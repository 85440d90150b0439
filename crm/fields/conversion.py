"""What becomes of the values when a field changes its kind: told first, then done with the change itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import person_of, writing
from crm.changes import Edit
from crm.changes.records import canonical_json, type_of
from crm.errors import Invalid
from crm.fields.catalogue import own_catalogue
from crm.fields.kinds import Definition, text_of, typed

MOST_SAMPLES = 5
_LIVE = "r.custom ? :key and r.deleted_at is null and r.merged_into_id is null"
_NAMED = text("select id, name from crm.people where disabled_at is null")


@dataclass(frozen=True, slots=True)
class Conversion:
    """Values that stand and become `changes` of (record, version, new value); `lost` do not convert, the first few named as (record, value).

    `foreign` stand in records that the person does not see or may not edit.
    """

    standing: int = 0
    lost: int = 0
    foreign: int = 0
    samples: Sequence[tuple[str, str]] = ()
    changes: Sequence[tuple[int, int, Any]] = field(default=(), repr=False)

    @property
    def words(self) -> str:
        """The impact in one sentence."""
        if not self.standing:
            return "No record holds a value yet."
        kept = self.standing - self.lost
        if not self.lost:
            return f"All {self.standing:,} values convert."
        shown = "; ".join(f"{record}: “{value}”" for record, value in self.samples)
        lost = (
            f"1 does not and is emptied: {shown}. Undo brings it"
            if self.lost == 1
            else f"{self.lost:,} do not and are emptied, such as {shown}. Undo brings them"
        )
        return f"{kept:,} of {self.standing:,} {'value converts' if self.standing == 1 else 'values convert'}. {lost} back."


def needs_conversion(before: Definition, after: Definition) -> bool:
    return before.kind != after.kind


def preview(session: Session, before: Definition, after: Definition) -> Conversion:
    """What would become of the values that the person sees, deleted records aside. Writes nothing."""
    rows = _values(session, before)
    foreign = _held(session, before) - _editable(session, before, rows)
    people = {row.name.casefold(): row.id for row in session.execute(_NAMED)} if "person" in (before.kind, after.kind) else {}
    spec = typed(replace(after, is_required=False), lambda name: [people[name.casefold()]] if name.casefold() in people else [])
    names = {number: name for name, number in people.items()}
    samples: list[tuple[str, str]] = []
    changes: list[tuple[int, int, Any]] = []
    lost = 0
    for row in rows:
        try:
            value = converted(before.kind, row.value, spec, names)
        except Invalid:
            value, lost = None, lost + 1
            if len(samples) < MOST_SAMPLES:
                samples.append((row.name, text_of(before.kind, row.value)[:60]))
        if not spec.same(value, canonical_json(spec, row.value)):
            changes.append((row.id, row.version, value))
    return Conversion(len(rows), lost, foreign, samples, changes)


def _values(session: Session, before: Definition) -> Sequence[Any]:
    """The values where the field is shown. A record that has gone to another team keeps its value as it is, unseen."""
    kind, known = type_of(before.record_type), own_catalogue(session)
    wanted = f"r.id, r.version, r.name, r.custom -> :key as value, {kind.team_sql} as team_id, {kind.owner_sql} as owner_id"
    rows = session.execute(text(f"select {wanted} from {kind.table} as r where {_LIVE} order by r.id"), {"key": before.key}).all()
    return [row for row in rows if before.team_id in known.line(row.team_id)]


def _held(session: Session, before: Definition) -> int:
    """How many there are, those included that the person does not see: their number is no secret to whoever shapes the field."""
    kind, known = type_of(before.record_type), own_catalogue(session)
    counted = text(f"select {kind.team_sql} as team_id, count(*) as held from {kind.table} as r where {_LIVE} group by 1")
    with writing(session, "account", "preview"):
        return sum(row.held for row in session.execute(counted, {"key": before.key}) if before.team_id in known.line(row.team_id))


def _editable(session: Session, before: Definition, rows: Sequence[Any]) -> int:
    """How many of the records the person may edit."""
    person, kind = person_of(session), type_of(before.record_type)
    reach = person.reach(kind.resource, kind.grant or "edit")
    return sum(reach.covers(team_id=row.team_id, owner_id=row.owner_id, person_id=person.id) for row in rows)


def converted(kind: str, value: Any, spec: Any, people: Mapping[int, str] | None = None) -> Any:
    """A value of `kind` as `spec` keeps it. Raises `Invalid` where it cannot be."""
    to = spec.definition.kind
    if kind == to or (kind == "choice" and to == "choices"):
        return spec.read(value)
    if to == "flag" and kind == "number":
        raise Invalid("A number is neither yes nor no.")
    if kind == "choices" and isinstance(value, list):
        if len(value) > 1 and to != "text":
            raise Invalid("Several do not fit into one.")
        return spec.read(", ".join(str(each) for each in value))
    if kind == "number" and to == "money":
        return spec.read(value)
    if kind == "money" and to == "number":
        raise Invalid("A number would lose the currency.")
    said = str(value) if kind == "number" else text_of(kind, value, people)
    return spec.read(said)


def edits_of(before: Definition, found: Conversion) -> list[Edit]:
    """The records' own part of the change."""
    kind = type_of(before.record_type)
    return [Edit(kind.name, record_id, {before.name: value}, version) for record_id, version, value in found.changes]
