"""Undo: the inverse change set through the same path. Cells edited since are left alone and listed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import person_of, writing
from crm.changes import rows
from crm.changes.apply import apply
from crm.changes.edits import Disagreement, Edit
from crm.changes.records import type_of
from crm.clock import now
from crm.errors import NotFound, Refused

BATCH = 2000


@dataclass(slots=True)
class LeftAlone:
    """One record or cell that undo did not touch, and why."""

    record_type: str
    record_id: int
    reason: str
    field: Disagreement | None = None


@dataclass(slots=True)
class Undone:
    """`change_set_id` is the undo's own change set (None when nothing could be taken back)."""

    change_set_id: int | None = None
    records: int = 0
    left_alone: list[LeftAlone] = field(default_factory=list)


_SET = text("select person_id, source from crm.change_sets where id = :id")
# Every version of the set's records from the set's first to its last, other people's between them too.
_STEPS = text("""
    with touched as (
        select c.record_type, c.record_id, min(c.version) as first_version, max(c.version) as last_version
        from crm.changes as c
        where c.change_set_id = :id
        group by c.record_type, c.record_id
    )
    select t.record_type, t.record_id,
        jsonb_agg(jsonb_build_array(c.version, c.change_set_id is not distinct from :id, c.fields) order by c.version) as steps
    from touched as t
    join crm.changes as c on c.record_type = t.record_type and c.record_id = t.record_id and c.version between t.first_version and t.last_version
    group by t.record_type, t.record_id
    order by t.record_type, t.record_id
""")


def undo(session: Session, change_set_id: int) -> Undone:
    """Take back a change set as far as nobody built on it. Raises `NotFound` for a hidden or missing set.

    People undo their own sets even where they gave the records away by them; others' sets as far as
    they may edit the records. `Refused` when they may change none of them.
    """
    row = session.execute(_SET, {"id": change_set_id}).one_or_none()
    if row is None:
        raise NotFound("There is no such change set, or you may not see it.")
    is_mine = row.person_id == (person_of(session).id or None)
    rows.hold_change_set(session, change_set_id)  # whoever still adds to it ends first, or finds it undone
    edits = [edit for change in _steps(session, change_set_id, sees_all=is_mine) for edit in _inverse(change)]
    done = Undone()
    errors: list[Exception] = []
    for batch in _batches(edits):
        _undo_batch(session, batch, change_set_id, row.source, done, errors)
    if errors and not done.records and all(isinstance(error, Refused) for error in errors) and len(errors) == len(done.left_alone):
        raise errors[0]
    return done


def _steps(session: Session, change_set_id: int, *, sees_all: bool) -> Sequence[Mapping[str, Any]]:
    if not sees_all:
        return [dict(row) for row in session.execute(_STEPS, {"id": change_set_id}).mappings()]
    # The author may have given records away by this very set, and then no longer sees their changes.
    with writing(session, "account", "undo"):
        return [dict(row) for row in session.execute(_STEPS, {"id": change_set_id}).mappings()]


def _inverse(change: Mapping[str, Any]) -> list[Edit]:
    """What takes the set's changes of one record back: for each field, the value before the set's last unbroken run of changes.

    Where somebody else changed a field after the set did, and before the set touched the record again, the
    edit speaks of the version they changed, so that the write path meets their change and leaves it alone.
    """
    kind, record_id = type_of(change["record_type"]), change["record_id"]
    before: dict[str, Any] = {}
    runs: dict[str, int] = {}  # field -> the set's last version of it
    broken: set[str] = set()
    first_foreign: int | None = None
    for version, is_of_set, fields in change["steps"]:
        if not is_of_set and first_foreign is None:
            first_foreign = version
        for name, (old, _new) in fields.items():
            if is_of_set:
                if name not in runs or name in broken:
                    before[name] = old
                    broken.discard(name)
                runs[name] = version
            elif name in runs:
                broken.add(name)
    first_version, last_version = change["steps"][0][0], change["steps"][-1][0]
    if first_version == 1:
        seen = last_version if first_foreign is None else first_foreign - 1
        return [Edit(kind.name, record_id, {"deleted_at": now()}, seen)]
    wanted = {name: kind.recorded(name).read_plain(plain) for name, plain in before.items()}
    whole = {name: value for name, value in wanted.items() if name not in broken}
    found = [Edit(kind.name, record_id, whole, last_version)] if whole else []
    return found + [Edit(kind.name, record_id, {name: wanted[name]}, runs[name]) for name in sorted(broken)]


def _batches(edits: Sequence[Edit]) -> Iterable[Sequence[Edit]]:
    """First what was removed comes back, what others stand in before what stood in it (a stage before its leads); then the rest, what hangs on it first."""
    back = [edit for edit in edits if edit.wanted.get("deleted_at", ...) is None]
    for _, restored in groupby(sorted(back, key=_rank, reverse=True), key=_rank):
        yield from _parts(list(restored))
    rest = [edit for edit in edits if edit.wanted.get("deleted_at", ...) is not None]
    yield from _parts(sorted(rest, key=lambda edit: (_rank(edit), edit.record_type)))


def _rank(edit: Edit) -> int:
    return type_of(edit.record_type).rank


def _parts(edits: Sequence[Edit]) -> Iterable[Sequence[Edit]]:
    for start in range(0, len(edits), BATCH):
        yield edits[start : start + BATCH]


def _undo_batch(session: Session, edits: Sequence[Edit], change_set_id: int, source: str, done: Undone, errors: list[Exception]) -> None:
    outcome = apply(session, edits, source="undo", label=f"Undo of {source}", on_conflict="leave", change_set_id=done.change_set_id, undoes_id=change_set_id)
    done.change_set_id = outcome.change_set_id
    done.records += len({(result.edit.record_type, result.record_id) for result in outcome.results if result.applied})
    for result in outcome.results:
        record_id = result.edit.record_id or 0
        done.left_alone += [LeftAlone(result.edit.record_type, record_id, f"{met.label} was changed since", met) for met in result.conflicts]
        if result.error:
            errors.append(result.error)
            done.left_alone.append(LeftAlone(result.edit.record_type, record_id, result.error.detail))


def left_by_name(session: Session, left_alone: Sequence[LeftAlone], *, most: int = 20) -> list[tuple[str, str]]:
    """(what the record is called, why) of the first `most`, each said once. What has no name, or is out of sight, goes by its kind: "Lead"."""
    told = list({(left.record_type, left.record_id, left.reason): left for left in left_alone}.values())[:most]
    names: dict[tuple[str, int], str] = {}
    for record_type in {left.record_type for left in told}:
        kind = type_of(record_type)
        column = next((column for column in ("name", "label") if column in kind.fields), None)
        if column:
            asked = text(f"select id, {column} as name from {kind.table} where id = any(:ids)")
            found = session.execute(asked, {"ids": [left.record_id for left in told if left.record_type == record_type]})
            names |= {(record_type, row.id): row.name for row in found}
    return [(names.get((left.record_type, left.record_id)) or type_of(left.record_type).label, left.reason) for left in told]
