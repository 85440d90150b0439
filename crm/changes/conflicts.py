"""Conflicts wait for their person and are resolved through the same write path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from crm.access import person_of, writing
from crm.changes.apply import apply
from crm.changes.edits import Edit, Outcome
from crm.changes.records import DELETED, type_of
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


def open_conflicts(session: Session, ids: list[int] | None = None) -> list[RowMapping]:
    """The person's own open conflicts, newest first; values in plain (JSON) form."""
    return list(session.execute(_OPEN, {"ids": ids}).mappings())


def count_open(session: Session) -> int:
    return session.scalar(text("select count(*) from crm.conflicts where resolved_at is null")) or 0


def resolve(session: Session, choices: Mapping[int, Choice]) -> Outcome:
    """Settle conflicts: "theirs" leaves the record, "mine" writes it, as one change set.

    Somebody may have changed the field once more since; then a new conflict takes the old one's place.
    Raises `NotFound` when one is not this person's or is settled already.
    """
    if unknown := set[str](choices.values()) - {"mine", "theirs"}:
        raise Invalid(f"“{unknown.pop()}” is not a choice: take mine or theirs.", field="choice")
    found = {row["id"]: row for row in open_conflicts(session, list(choices))}
    if missing := choices.keys() - found.keys():
        raise NotFound(f"Conflict {min(missing)} is not yours or was settled already.")
    wanted: dict[tuple[str, int, int], dict[str, Any]] = defaultdict(dict)
    for conflict_id, choice in choices.items():
        row = found[conflict_id]
        if choice == "mine":
            kind = type_of(row["record_type"])
            spec = DELETED if row["field"] == "deleted_at" else kind.field(row["field"])
            wanted[(row["record_type"], row["record_id"], row["their_version"])][row["field"]] = spec.read_plain(row["mine"])
    with writing(session, "account", "resolve"):
        session.execute(
            text("""
                update crm.conflicts as c set resolved_at = now(), resolution = n.choice
                from unnest(cast(:ids as bigint[]), cast(:choices as text[])) as n (id, choice)
                where c.id = n.id and c.person_id = :person_id
            """),
            {"ids": list(choices), "choices": list(choices.values()), "person_id": person_of(session).id},
        )
    edits = [Edit(kind, record_id, fields, version) for (kind, record_id, version), fields in wanted.items()]
    return apply(session, edits, source="conflict", label="Settled conflicts") if edits else Outcome()
