"""The SQL of the write path: a handful of set-based statements, built from the registered fields only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.changes.edits import Disagreement, Result
from crm.changes.records import Field, RecordType, type_of
from crm.db import direct

LARGE = 1000


_SCOPE = ("id", "deleted_at", "merged_into_id", "team_id", "owner_id")


def scopes(session: Session, kind: RecordType, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Whose the records are, as far as the view role sees them."""
    merged = "r.merged_into_id" if "merged_into_id" in kind.fields else "null::bigint as merged_into_id"
    deleted = "r.deleted_at" if kind.is_deletable else "null::timestamptz as deleted_at"
    # One id by itself: Postgres then keeps the plan, which for a list it makes anew each time.
    which, given = ("= :ids", ids[0]) if len(ids) == 1 else ("= any(:ids)", ids)
    sql = f"select r.id, {deleted}, {merged}, {kind.team_sql} as team_id, {kind.owner_sql} as owner_id from {kind.table} as r where r.id {which}"
    found = direct.rows(session, sql, {"ids": given})
    return {row[0]: dict(zip(_SCOPE, row, strict=True)) for row in found}


def scope_of_new(session: Session, kind: RecordType, values: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Whose a record will be: its own columns, or those of what it hangs on."""
    if "team_id" in kind.fields:
        return values.get("team_id"), values.get("owner_id")
    parent = {name: values.get(name) for name in kind.fields}
    columns = ", ".join(f"cast(:{name} as {sql}) as {name}" for name in parent for _, sql in kind.field(name).columns if name.endswith("_id"))
    if not columns:
        return None, None
    row = session.execute(text(f"select {kind.team_sql} as team_id, {kind.owner_sql} as owner_id from (select {columns}) as r"), parent).one()
    return row.team_id, row.owner_id


def visible(session: Session, table: str, ids: Sequence[int]) -> set[int]:
    """Which of these the view role sees."""
    return {row[0] for row in direct.rows(session, f"select id from {table} where id = any(:ids)", {"ids": ids})}


_NEW_SET = """
    with made as (insert into crm.change_sets (person_id, source, label, undoes_id) values (:person, cast(:source as text), :label, :undoes) returning id)
    select id, set_config('crm.change_set', id::text, true), set_config('crm.source', cast(:source as text), true) from made
"""
_ENTER_SET = "select set_config('crm.change_set', :id, true), set_config('crm.source', :source, true)"


def new_change_set(session: Session, person_id: int | None, source: str, label: str, undoes_id: int | None) -> int:
    """A new change set, which the triggers write into from now on."""
    found: int = direct.rows(session, _NEW_SET, {"person": person_id, "source": source, "label": label, "undoes": undoes_id})[0][0]
    return found


def enter_change_set(session: Session, change_set_id: int, source: str) -> None:
    """The triggers write into this change set from now on."""
    direct.rows(session, _ENTER_SET, {"id": str(change_set_id), "source": source})


def is_change_set_of(session: Session, change_set_id: int, person_id: int | None) -> bool:
    statement = text("select exists (select from crm.change_sets where id = :id and person_id is not distinct from cast(:p as bigint))")
    return bool(session.scalar(statement, {"id": change_set_id, "p": person_id}))


_HOLD = text("select pg_advisory_xact_lock(hashtextextended('change set ' || :id, 0))")


def hold_change_set(session: Session, change_set_id: int) -> None:
    """Until the transaction ends nobody else undoes this change set, or adds to it in the background."""
    session.execute(_HOLD, {"id": str(change_set_id)})


_IS_UNDONE = text("select exists (select from crm.change_sets where undoes_id = :id)")


def is_undone(session: Session, change_set_id: int) -> bool:
    """Whether somebody has taken it back, as far as the role sees."""
    return bool(session.scalar(_IS_UNDONE, {"id": change_set_id}))


def lock(session: Session, kind: RecordType, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The records within the write scope, locked in id order."""
    columns = _columns(kind.name)
    # Not the stronger FOR UPDATE: that would wait for, and deadlock with, everybody whose new row refers to one of these.
    found = direct.rows(session, f"select {', '.join(columns)} from {kind.table} where id = any(:ids) order by id for no key update", {"ids": ids})
    return {row[0]: dict(zip(columns, row, strict=True)) for row in found}


@cache
def _columns(name: str) -> tuple[str, ...]:
    """What the write path reads of a record; the id leads."""
    kind = type_of(name)
    columns = ["id", "version", *(["deleted_at"] if kind.is_deletable else ()), *(column for field in kind.fields.values() for column, _ in field.columns)]
    if kind.has_custom:
        columns.append("custom")
    if kind.has_effective_at:
        columns.append("effective_at")
    return tuple(dict.fromkeys(columns))


@dataclass(slots=True)
class Since:
    """What happened to one record since the version a person saw: field -> (value then, who, when, where)."""

    fields: dict[str, tuple[Any, int | None, datetime | None, str | None]]
    is_complete: bool

    def disagreement(self, field: Field, theirs: Any, mine: Any) -> Disagreement | None:
        """The conflict over `field`, or None when nobody changed it meanwhile (or changed it back)."""
        if field.name not in self.fields:
            if self.is_complete:
                return None
            # The change rows were erased, so nobody can say what the person saw: ask them.
            return Disagreement(field.name, field.label, None, field.plain(theirs), field.plain(mine))
        seen, person_id, at, source = self.fields[field.name]
        if self.is_complete and field.read_plain(seen) == theirs:
            return None
        return Disagreement(field.name, field.label, seen if self.is_complete else None, field.plain(theirs), field.plain(mine), person_id, at, source)

    def behind(self, kind: RecordType, name: str, row: Mapping[str, Any]) -> Disagreement:
        """A change that a deletion would hide."""
        seen, person_id, at, source = self.fields[name]
        field = kind.recorded(name)
        return Disagreement(name, field.label, seen, field.plain(field.from_row(row)), None, person_id, at, source)


_SINCE = """
    select c.record_id, c.change_set_id, c.person_id, c.at, c.source, c.fields
    from unnest(cast(:ids as bigint[]), cast(:versions as int[])) as s (id, version)
    join crm.changes as c on c.record_type = :kind and c.record_id = s.id and c.version > s.version
    order by c.record_id, c.version
"""


def changes_since(
    session: Session, kind: RecordType, seen: Mapping[int, int], locked: Mapping[int, Mapping[str, Any]], *, passing_over: set[int | None]
) -> dict[int, Since]:
    """What changed in each record after the version seen; `is_complete` is False when a change row is gone.

    `passing_over`: change sets that are the same act of the same person, and so no news to them.
    """
    found = {record_id: Since({}, is_complete=True) for record_id in seen}
    counts = dict.fromkeys(seen, 0)
    given = {"kind": kind.name, "ids": list(seen), "versions": list(seen.values())}
    for record_id, change_set_id, person_id, at, source, fields in direct.rows(session, _SINCE, given):
        since = found[record_id]
        counts[record_id] += 1
        if change_set_id is not None and change_set_id in passing_over:
            continue
        for name, pair in fields.items():
            first = since.fields.pop(name)[0] if name in since.fields else pair[0]  # taken out, so that the latest change stands last
            since.fields[name] = (first, person_id, at, source)
    for record_id, since in found.items():
        since.is_complete = counts[record_id] == locked[record_id]["version"] - seen[record_id]
    return found


def update(
    session: Session, kind: RecordType, names: Sequence[str], batch: Sequence[tuple[Mapping[str, Any], Mapping[str, Any], datetime | None]], *, is_dated: bool
) -> dict[int, int]:
    """One conditional UPDATE for all records that change the same fields. Answers id -> new version."""
    columns: list[tuple[str, str]] = []
    for name in names:
        columns += [("custom", "jsonb")] if name == "custom" else kind.recorded(name).columns
    if is_dated:
        columns.append(("effective_at", "timestamptz"))
    arrays: dict[str, list[Any]] = {f"a{i}": [] for i in range(len(columns))}
    for current, writes, effective_at in batch:
        values: list[Any] = []
        for name in names:
            if name == "custom":
                values.append(json.dumps(_custom_after(current["custom"], writes)))
            else:
                values += kind.recorded(name).to_row(writes[name])
        if is_dated:
            values.append(effective_at)
        for key, value in zip(arrays, values, strict=True):
            arrays[key].append(value)
    sets = ", ".join(f"{column} = v.{column}" for column, _ in columns)
    unnests = ", ".join(f"cast(:a{i} as {sql_type}[])" for i, (_, sql_type) in enumerate(columns))
    is_large = len(batch) >= LARGE
    statement = (
        f"update {kind.table} as r set {sets}, version = r.version + 1, updated_at = clock_timestamp()"
        f" from unnest(cast(:ids as bigint[]), cast(:versions as int[]), {unnests}) as v (id, seen, {', '.join(column for column, _ in columns)})"
        f" where r.id = v.id and r.version = v.seen returning r.id, r.version{' /* many */' if is_large else ''}"
    )
    parameters = {"ids": [current["id"] for current, _, _ in batch], "versions": [current["version"] for current, _, _ in batch], **arrays}
    with _hashed(session) if is_large else nullcontext():
        return dict(direct.rows(session, statement, parameters))


@contextmanager
def _hashed(session: Session) -> Iterator[None]:
    """No nested loops. A table that has just been filled has no statistics yet: 6,000 edits met it 36 million times, for 45 s."""
    session.execute(text("set local enable_nestloop = off"))
    yield
    session.execute(text("set local enable_nestloop = on"))


def _custom_after(custom: Mapping[str, Any], writes: Mapping[str, Any]) -> dict[str, Any]:
    after = dict(custom)
    for name, value in writes.items():
        if name.startswith("custom."):
            after[name.removeprefix("custom.")] = value
    return {key: value for key, value in after.items() if value is not None}


def insert(session: Session, kind: RecordType, batch: Sequence[tuple[Mapping[str, Any], datetime | None]], *, created_by_id: int | None) -> list[int]:
    """One INSERT for all new records; answers their ids in order."""
    names = sorted({name for values, _ in batch for name in values if not name.startswith("custom.")})
    columns = [column for name in names for column in kind.field(name).columns]
    extra: list[tuple[str, str]] = [("custom", "jsonb")] if kind.has_custom else []
    if kind.has_effective_at:
        extra += [("effective_at", "timestamptz"), ("created_at", "timestamptz"), ("created_by_id", "bigint")]
    arrays: dict[str, list[Any]] = {f"a{i}": [] for i in range(len(columns) + len(extra))}
    for values, effective_at in batch:
        row: list[Any] = []
        for name in names:
            row += kind.field(name).to_row(values.get(name))
        if kind.has_custom:
            row.append(json.dumps(_custom_after({}, values)))
        if kind.has_effective_at:
            row += [effective_at, effective_at, created_by_id]
        for key, value in zip(arrays, row, strict=True):
            arrays[key].append(value)
    every = columns + extra
    targets = ", ".join(column for column, _ in every)
    sources = ", ".join(f"coalesce(v.{column}, now())" if column == "created_at" else f"v.{column}" for column, _ in every)
    unnests = ", ".join(f"cast(:a{i} as {sql_type}[])" for i, (_, sql_type) in enumerate(every))
    statement = (
        f"insert into {kind.table} ({targets}) select {sources}"
        f" from unnest({unnests}) with ordinality as v ({targets}, ordinal) order by v.ordinal returning id"
    )
    return [row[0] for row in direct.rows(session, statement, arrays)]


_KEEP = text("""
    insert into crm.conflicts (person_id, change_set_id, record_type, record_id, seen_version, their_version,
        their_person_id, their_at, their_source, field, seen, theirs, mine)
    values (:person_id, :change_set_id, :record_type, :record_id, :seen_version, :their_version,
        :their_person_id, :their_at, :their_source, :field, cast(:seen as jsonb), cast(:theirs as jsonb), cast(:mine as jsonb))
""")


def keep_conflicts(session: Session, kind: RecordType, person_id: int, change_set_id: int | None, results: Sequence[Result]) -> None:
    """Conflicts wait for their person; a newer save of the same field takes an older one's place."""
    kept = [
        {
            "person_id": person_id, "change_set_id": change_set_id, "record_type": kind.name, "record_id": result.record_id,
            "seen_version": result.edit.seen_version, "their_version": result.version, "their_person_id": met.their_person_id,
            "their_at": met.their_at, "their_source": met.their_source, "field": met.field,
            "seen": json.dumps(met.seen), "theirs": json.dumps(met.theirs), "mine": json.dumps(met.mine),
        }
        for result in results
        for met in result.conflicts
    ]  # fmt: skip
    session.execute(
        text("""
            update crm.conflicts as c set resolved_at = now(), resolution = 'replaced'
            from unnest(cast(:ids as bigint[]), cast(:fields as text[])) as n (record_id, field)
            where c.person_id = :person_id and c.resolved_at is null and c.record_type = :kind and c.record_id = n.record_id and c.field = n.field
        """),
        {"person_id": person_id, "kind": kind.name, "ids": [row["record_id"] for row in kept], "fields": [row["field"] for row in kept]},
    )
    session.execute(_KEEP, kept)
