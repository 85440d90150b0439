"""One edit against the record as it stands: field by field, what may be written and what somebody else changed first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from crm.changes.edits import Disagreement, Edit
from crm.changes.records import DELETED, Field, RecordType
from crm.changes.rows import Since
from crm.errors import Invalid


def merge(kind: RecordType, edit: Edit, row: Mapping[str, Any], since: Since | None, *, is_kept: bool) -> tuple[dict[str, Any], list[Disagreement]]:
    """(what to write, what met somebody else's change).

    Untouched fields are applied; the same value on both sides is no conflict. `since` is None when the
    record has not moved on. `is_kept`: conflicts will wait for the person, so each must say what to write
    when they insist.
    """
    _check_version(kind, edit, row)
    writes: dict[str, Any] = {}
    conflicts: list[Disagreement] = []
    for name, given in edit.wanted.items():
        spec = kind.asked(name)
        mine, theirs = spec.read(given), spec.from_row(row)
        if spec.same(mine, theirs) or (spec is DELETED and (mine is None) == (theirs is None)):
            continue
        met = since.disagreement(spec, theirs, mine) if since else None
        if met:
            conflicts.append(met)
        else:
            writes[name] = mine
    if since and since.fields and writes.get("deleted_at") is not None:
        # Deleting would hide what somebody has just changed: they must look first.
        hidden = _deletion_held_back(kind, since, row, writes) if is_kept else [since.behind(kind, name, row) for name in since.fields]
        return {}, conflicts + hidden
    for group in kind.coupled:
        if group & {met.field for met in conflicts}:
            conflicts += hold_back(kind, row, {name: writes.pop(name) for name in sorted(group & writes.keys())})
    return writes, conflicts


def _check_version(kind: RecordType, edit: Edit, row: Mapping[str, Any]) -> None:
    seen = edit.seen_version
    if not isinstance(seen, int) or isinstance(seen, bool):
        raise Invalid(f"Say which version of the {kind.label.lower()} you saw.", field="version")
    if not 1 <= seen <= row["version"]:
        raise Invalid(f"There is no version {seen}; the newest is {row['version']}.", field="version")


def hold_back(kind: RecordType, row: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Disagreement]:
    """Fields nobody touched, but whose companions met somebody else's change."""
    return [_held_back(kind.recorded(name), row, mine) for name, mine in wanted.items()]


def _held_back(field: Field, row: Mapping[str, Any], mine: Any) -> Disagreement:
    standing = field.plain(field.from_row(row))
    return Disagreement(field.name, field.label, standing, standing, field.plain(mine))


def _deletion_held_back(kind: RecordType, since: Since, row: Mapping[str, Any], writes: Mapping[str, Any]) -> list[Disagreement]:
    """The deletion itself waits, named after whoever changed the record last, and with it what else was wanted."""
    others = hold_back(kind, row, {name: mine for name, mine in writes.items() if name != "deleted_at"})
    _, person_id, at, source = list(since.fields.values())[-1]
    return [Disagreement("deleted_at", DELETED.label, None, None, DELETED.plain(writes["deleted_at"]), person_id, at, source), *others]


def overtaken(kind: RecordType, row: Mapping[str, Any], since: Since, followed: Mapping[str, Any], wanted: Iterable[str]) -> list[Disagreement]:
    """What follows from an edit without having been asked for, where somebody else has changed it meanwhile."""
    found = []
    for name in sorted(followed.keys() - set(wanted)):
        spec = kind.recorded(name)
        met = since.disagreement(spec, spec.from_row(row), followed[name])
        if met:
            found.append(met)
    return found


def insisted(kind: RecordType, edit: Edit, current: Mapping[str, Any], writes: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked for and stands already: nothing that follows from a move may take it away unasked."""
    if not any(group & writes.keys() for group in kind.coupled):
        return {}
    asked = [kind.fields[name] for name in edit.wanted if name in kind.fields and name not in writes]
    return {field.name: current[field.name] for field in asked if field.same(field.read(edit.wanted[field.name]), current[field.name])}
