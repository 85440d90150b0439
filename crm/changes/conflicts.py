"""Conflicts wait for their person and are resolved through the same write path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import writing
from crm.changes import hiding
from crm.changes.apply import apply
from crm.changes.edits import Edit, Outcome
from crm.changes.records import type_of
from crm.errors import Invalid, NotFound

Choice = Literal["mine", "theirs"]

_OPEN = text("""
    select c.id, c.record_type, c.record_id, c.field, c.seen, c.theirs, c.mine, c.seen_version, c.their_version, c.their_person_id,
        p.name as their_name, c.their_at, c.their_source, c.created_at, c.change_set_id
    from crm.conflicts as c
    left join crm.people as p on p.id = c.their_person_id
    where c.resolved_at is null and (cast(:ids as bigint[]) is null or c.id = any(:ids))
    order by c.created_at desc, c.record_type, c.record_id, c.id
""")
_LOCK = text("select id from crm.conflicts where id = any(:ids) and resolved_at is null order by id for update")
_SETTLE = text("update crm.conflicts set resolved_at = now(), resolution = :choice where id = any(:ids) and resolved_at is null")


def open_conflicts(session: Session, ids: list[int] | None = None) -> list[Mapping[str, Any]]:
    """The person's own open conflicts, newest first; values in plain (JSON) form."""
    found = [dict(row) for row in session.execute(_OPEN, {"ids": ids}).mappings()]
    for row in found:
        if hiding.is_hidden(session, row["record_type"], row["field"]):
            row.update(seen=None, theirs=None)
    return [*found]


def count_open(session: Session) -> int:
    return session.scalar(text("select count(*) from crm.conflicts where resolved_at is null")) or 0


def resolve(session: Session, choices: Mapping[int, Choice]) -> Outcome:
    """Settle conflicts: "theirs" leaves the record, "mine" writes it, as one change set.

    Somebody may have changed the field once more since; then a new conflict takes the old one's place.
    What cannot be written (the record was deleted, the grant is gone) stays open; its result says why.
    Raises `NotFound` when one is not this person's or is settled already.
    """
    if unknown := set[str](choices.values()) - {"mine", "theirs"}:
        raise Invalid(f"“{unknown.pop()}” is not a choice: take mine or theirs.", field="choice")
    with writing(session, "account", "resolve"):
        still_open = set(session.scalars(_LOCK, {"ids": list(choices)}))
    if missing := choices.keys() - still_open:
        raise NotFound(f"Conflict {min(missing)} is not yours or was settled already.")
    found = {row["id"]: row for row in open_conflicts(session, list(choices))}
    mine: dict[tuple[str, int, int], list[Mapping[str, Any]]] = defaultdict(list)
    for conflict_id, choice in choices.items():
        if choice == "mine":
            row = found[conflict_id]
            mine[(row["record_type"], row["record_id"], row["their_version"])].append(row)
    _settle(session, [conflict_id for conflict_id, choice in choices.items() if choice == "theirs"], "theirs")
    outcome = apply(session, [_edit(*key, rows) for key, rows in mine.items()], source="conflict", label="Settled conflicts")
    written = [row["id"] for rows, result in zip(mine.values(), outcome.results, strict=True) if result.error is None for row in rows]
    _settle(session, written, "mine")
    return outcome


def _edit(record_type: str, record_id: int, version: int, rows: Sequence[Mapping[str, Any]]) -> Edit:
    kind = type_of(record_type)
    return Edit(record_type, record_id, {row["field"]: kind.recorded(row["field"]).read_plain(row["mine"]) for row in rows}, version)


def _settle(session: Session, ids: Sequence[int], choice: Choice) -> None:
    """Mark as resolved what is still open: a conflict that was met again is replaced by its newer self."""
    if not ids:
        return
    with writing(session, "account", "resolve"):
        session.execute(_SETTLE, {"ids": list(ids), "choice": choice})
