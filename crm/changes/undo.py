"""Undo: the inverse change set through the same path. Cells edited since are left alone and listed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import person_of, writing
from crm.changes.apply import apply
from crm.changes.edits import Disagreement, Edit
from crm.changes.records import type_of
from crm.clock import now
from crm.errors import NotFound

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
# One row per record: what each field was before the set and the record's version after it.
_NET = text("""
    select c.record_type, c.record_id, min(c.version) as first_version, max(c.version) as last_version,
        jsonb_agg(c.fields order by c.version) as steps
    from crm.changes as c
    where c.change_set_id = :id
    group by c.record_type, c.record_id
    order by c.record_type, c.record_id
""")


def undo(session: Session, change_set_id: int) -> Undone:
    """Take back a change set as far as nobody built on it. Raises `NotFound` for a hidden or missing set.

    People undo their own sets even where they gave the records away by them; others' sets as far as
    they may edit the records.
    """
    row = session.execute(_SET, {"id": change_set_id}).one_or_none()
    if row is None:
        raise NotFound("There is no such change set, or you may not see it.")
    is_mine = row.person_id == (person_of(session).id or None)
    changed = _net(session, change_set_id, sees_all=is_mine)
    done = Undone()
    # Activities and contacts hang on leads and companies: take them back first.
    order = {"activity": 0, "contact": 1, "lead": 2, "company": 3}
    edits = sorted((_inverse(change) for change in changed), key=lambda edit: order.get(edit.record_type, 9))
    for start in range(0, len(edits), BATCH):
        _undo_batch(session, edits[start : start + BATCH], change_set_id, row.source, done)
    return done


def _net(session: Session, change_set_id: int, *, sees_all: bool) -> list[Any]:
    if not sees_all:
        return list(session.execute(_NET, {"id": change_set_id}).mappings())
    # The author may have given records away by this very set, and then no longer sees their changes.
    with writing(session, "account", "undo"):
        return list(session.execute(_NET, {"id": change_set_id}).mappings())


def _inverse(change: Any) -> Edit:
    before: dict[str, Any] = {}
    for step in change["steps"]:
        for name, pair in step.items():
            before.setdefault(name, pair[0])
    if change["first_version"] == 1:
        before = {"deleted_at": now()}
    kind = type_of(change["record_type"])
    wanted = {name: plain if name == "deleted_at" else kind.field(name).read_plain(plain) for name, plain in before.items()}
    return Edit(change["record_type"], change["record_id"], wanted, change["last_version"])


def _undo_batch(session: Session, edits: list[Edit], change_set_id: int, source: str, done: Undone) -> None:
    outcome = apply(
        session, edits, source="undo", label=f"Undo of {source}", on_conflict="leave", change_set_id=done.change_set_id, undoes_id=change_set_id
    )
    done.change_set_id = outcome.change_set_id
    for result in outcome.results:
        if result.applied:
            done.records += 1
        for met in result.conflicts:
            done.left_alone.append(LeftAlone(result.edit.record_type, result.edit.record_id or 0, f"{met.label} was changed since", met))
        if result.error:
            done.left_alone.append(LeftAlone(result.edit.record_type, result.edit.record_id or 0, result.error.detail))
