"""The only way a record is written.

Inside one transaction that `acting_as` opened: read without a lock under the view role (hidden: not
found), check the grant (refused), lock in id order under the write role, compare versions, merge field
by field what moved on meanwhile, then `UPDATE ... WHERE id = ... AND version = ...`. History, postings
and stays follow by trigger. See docs/adr/0002.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import psycopg.errors
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from crm.access import Person, missing_grant, person_of, writing
from crm.changes import rows
from crm.changes.edits import Disagreement, Edit, Outcome, Result
from crm.changes.records import DELETED, Checks, Field, RecordType, type_of
from crm.clock import now
from crm.errors import CrmError, Gone, Invalid, NotFound, Stale

OnConflict = Literal["keep", "refuse", "leave"]


@dataclass(slots=True)
class _Plan:
    """One edit on its way: what will be written, and what could not be."""

    result: Result
    current: dict[str, Any]
    writes: dict[str, Any]


def apply(
    session: Session, edits: Sequence[Edit], *, source: str, label: str = "", on_conflict: OnConflict = "keep",
    change_set_id: int | None = None, undoes_id: int | None = None,
) -> Outcome:  # fmt: skip
    """Write `edits` as one change set and say what became of each, in their order.

    `on_conflict`: "keep" applies what nobody else touched and keeps the rest as conflicts for the
    person; "refuse" is all or nothing and raises the first problem (`Stale`, `NotFound`, `Refused`,
    `Invalid`); "leave" lists conflicts without keeping them (undo).
    `change_set_id` continues an existing change set of the same person (imports in batches).
    """
    work = _Apply(session, source=source, label=label, on_conflict=on_conflict, change_set_id=change_set_id, undoes_id=undoes_id)
    try:
        results: dict[int, Result] = {}
        grouped: dict[tuple[str, str], list[int]] = defaultdict(list)
        for position, edit in enumerate(edits):
            grouped[(edit.record_type, _action_of(edit))].append(position)
        for (name, action), positions in grouped.items():
            batch = [edits[position] for position in positions]
            kind = type_of(name)
            done = work.create(kind, batch) if action == "create" else work.change(kind, kind.grant or action, batch)
            results.update(zip(positions, done, strict=True))
    except DBAPIError as error:
        raise _in_words(error) from error
    return Outcome([results[position] for position in range(len(edits))], work.change_set_id)


def _action_of(edit: Edit) -> str:
    if edit.record_id is None:
        return "create"
    return "delete" if "deleted_at" in edit.wanted else "edit"


def _in_words(error: DBAPIError) -> CrmError:
    """What the database refused, as a person would say it; other errors pass through unchanged."""
    code = getattr(error.orig, "sqlstate", None)
    if code == "42501":
        return missing_grant("record", "change", here=True)
    if code == "TL002":
        return Invalid("A lead cannot change before its last recorded change. Give a later date.", field="effective_at")
    if isinstance(error.orig, psycopg.errors.UniqueViolation):
        # A unique violation can reveal a hidden record, so it names the value's field only.
        return Invalid("This name or external id is already taken. Choose another, or ask an admin to merge the two.")
    if isinstance(error.orig, psycopg.errors.ForeignKeyViolation):
        return Invalid("Something this refers to does not exist any more. Reload and choose again.")
    if isinstance(error.orig, (psycopg.errors.CheckViolation, psycopg.errors.DataError, psycopg.errors.NotNullViolation)):
        return Invalid("A value does not fit its field. Nothing was written.")
    raise error


class _Apply:
    """The state of one call: who acts, which change set it fills, what the word's rules remember."""

    def __init__(
        self, session: Session, *, source: str, label: str, on_conflict: OnConflict, change_set_id: int | None, undoes_id: int | None
    ) -> None:
        self.session = session
        self.person: Person = person_of(session)
        self.source, self.label, self.on_conflict = source, label, on_conflict
        self.change_set_id, self.undoes_id = change_set_id, undoes_id
        self.is_open = False
        self._checks: dict[str, Checks] = {}

    # Changing what exists

    def change(self, kind: RecordType, action: str, edits: Sequence[Edit]) -> list[Result]:
        results = [Result(edit, "applied", record_id=edit.record_id) for edit in edits]
        self._look(kind, action, results)
        open_results = [result for result in results if result.error is None]
        if open_results:
            with writing(self.session, kind.resource, action, undoing=self.undoes_id):
                self._write(kind, self._plan(kind, action, open_results))
        for result in results:
            self._refuse_on_demand(result)
        return results

    def _refuse_on_demand(self, result: Result) -> None:
        if self.on_conflict != "refuse":
            return
        if result.error:
            raise result.error
        if result.conflicts:
            raise Stale("Somebody else changed the same field since you looked. Nothing was written.", conflicts=result.conflicts, record_id=result.record_id)

    def _look(self, kind: RecordType, action: str, results: Iterable[Result]) -> None:
        """Hidden or missing: not found. Visible, but out of the grant's reach: refused."""
        reach = self.person.require(kind.resource, action)
        wanted_ids = sorted({result.edit.record_id for result in results if result.edit.record_id is not None})
        seen = rows.scopes(self.session, kind, wanted_ids)
        for result in results:
            row = seen.get(result.edit.record_id or 0)
            if row is None and self.undoes_id is not None:
                continue  # given away by the change set being undone: the wall lets only its author take it back
            if row is None:
                _fail(result, "not_found", NotFound(f"There is no such {kind.label.lower()}, or you may not see it."))
            elif row["merged_into_id"] is not None:
                _fail(result, "not_found", Gone(f"This {kind.label.lower()} was merged into another one.", merged_into=row["merged_into_id"]))
            elif row["deleted_at"] is not None and "deleted_at" not in result.edit.wanted:
                _fail(result, "not_found", NotFound(f"This {kind.label.lower()} was deleted. Undo the deletion to edit it."))
            elif self.undoes_id is None and not reach.covers(team_id=row["team_id"], owner_id=row["owner_id"], person_id=self.person.id):
                _fail(result, "denied", missing_grant(kind.resource, action, here=True))

    def _plan(self, kind: RecordType, action: str, results: Sequence[Result]) -> list[_Plan]:
        locked = rows.lock(self.session, kind, sorted({result.edit.record_id for result in results if result.edit.record_id is not None}))
        stale = {
            result.edit.record_id: result.edit.seen_version
            for result in results
            if result.edit.record_id in locked and result.edit.seen_version is not None
            and result.edit.seen_version < locked[result.edit.record_id]["version"]
        }  # fmt: skip
        since = rows.changes_since(self.session, kind, stale) if stale else {}
        plans = []
        for result in results:
            current = locked.get(result.edit.record_id or 0)
            if current is None:
                _fail(result, "denied", missing_grant(kind.resource, action, here=True))
                continue
            result.version = current["version"]
            try:
                plan = self._merge(kind, result, current, since.get(result.edit.record_id or 0))
                if plan.writes:
                    plan.writes = self._settle(kind, plan)
                plans.append(plan)
            except CrmError as error:
                _fail(result, "denied" if error.status == 403 else "invalid", error)
        return plans

    def _merge(self, kind: RecordType, result: Result, row: Mapping[str, Any], since: rows.Since | None) -> _Plan:
        """Field by field: untouched fields are applied, the same value on both sides is no conflict."""
        edit = result.edit
        if edit.seen_version is None:
            raise Invalid(f"Say which version of the {kind.label.lower()} you saw.", field="version")
        if edit.seen_version > row["version"]:
            raise Invalid(f"Version {edit.seen_version} does not exist yet; the newest is {row['version']}.", field="version")
        writes: dict[str, Any] = {}
        conflicts: list[Disagreement] = []
        for name, given in edit.wanted.items():
            spec = DELETED if name == "deleted_at" else kind.field(name)
            mine, theirs = spec.read(given), spec.from_row(row)
            if mine == theirs or (name == "deleted_at" and (mine is None) == (theirs is None)):
                continue
            met = since.disagreement(spec, theirs, mine) if since else None
            if met:
                conflicts.append(met)
            else:
                writes[name] = mine
        if since and writes.get("deleted_at") is not None and since.fields:
            # Deleting would hide what somebody has just changed: they must look first.
            conflicts += [since.behind(kind, name, row) for name in since.fields]
            writes = {}
        for group in kind.coupled:
            if group & {met.field for met in conflicts}:
                conflicts += [_held_back(kind.field(name), row, writes.pop(name)) for name in sorted(group & writes.keys())]
        result.conflicts = tuple(conflicts)
        if conflicts:
            result.status = "conflict"
            if self.on_conflict == "refuse":
                writes = {}
        elif not writes:
            result.status = "unchanged"
        elif since:
            result.status = "merged"
        return _Plan(result, dict(row), writes)

    def _settle(self, kind: RecordType, plan: _Plan) -> dict[str, Any]:
        """The word's rules, then: may the record go where it is sent?"""
        edit = plan.result.edit
        current = {name: spec.from_row(plan.current) for name, spec in kind.fields.items()}
        current |= {"id": plan.current["id"], "deleted_at": plan.current.get("deleted_at"), "custom": plan.current.get("custom", {})}
        writes = self._checks_of(kind).settle(current, dict(plan.writes))
        writes = {name: value for name, value in writes.items() if name not in current or value != current[name]}
        if edit.effective_at is not None:
            if not kind.has_effective_at:
                raise Invalid(f"A {kind.label.lower()} has no earlier dates.", field="effective_at")
            if edit.effective_at < plan.current["effective_at"]:
                raise Invalid(
                    f"{edit.effective_at:%d %b %Y} is before this lead's last recorded change ({plan.current['effective_at']:%d %b %Y}). Give a later date.",
                    field="effective_at",
                )
        if {"team_id", "owner_id"} & writes.keys() and kind.grant is None:
            self._may_assign(kind, {**current, **writes})
        return writes

    def _may_assign(self, kind: RecordType, after: Mapping[str, Any]) -> None:
        assign = self.person.reach(kind.resource, "assign")
        if not assign.covers(team_id=after.get("team_id"), owner_id=after.get("owner_id"), person_id=self.person.id):
            raise missing_grant(kind.resource, "assign", here=not assign.is_none)

    def _write(self, kind: RecordType, plans: Sequence[_Plan]) -> None:
        plans = [plan for plan in plans if plan.result.error is None]
        keeps = [plan for plan in plans if plan.result.conflicts and self.on_conflict == "keep"]
        if self.on_conflict == "refuse" and any(plan.result.conflicts for plan in plans):
            return
        moving = [plan for plan in plans if plan.writes]
        if not moving and not keeps:
            return
        self._open_change_set()
        batches: dict[tuple[Any, ...], list[_Plan]] = defaultdict(list)
        for plan in moving:
            names = sorted({"custom" if name.startswith("custom.") else name for name in plan.writes})
            batches[tuple(names), plan.result.edit.effective_at is not None].append(plan)
        for (names, is_dated), batch in batches.items():
            self._update(kind, names, batch, is_dated=is_dated)
        if keeps:
            rows.keep_conflicts(self.session, kind, self.person.id, self.change_set_id, [plan.result for plan in keeps])

    def _update(self, kind: RecordType, names: Sequence[str], batch: Sequence[_Plan], *, is_dated: bool) -> None:
        written = rows.update(self.session, kind, names, [(plan.current, plan.writes, plan.result.edit.effective_at) for plan in batch], is_dated=is_dated)
        for plan in batch:
            version = written.get(plan.current["id"])
            if version is None:  # cannot happen while the row is locked; never pass over it silently
                _fail(plan.result, "denied", missing_grant(kind.resource, "edit", here=True))
                continue
            plan.result.version = version
            plan.result.applied = tuple(sorted(plan.writes))

    # Making new records

    def create(self, kind: RecordType, edits: Sequence[Edit]) -> list[Result]:
        action = kind.grant or "create"
        reach = self.person.require(kind.resource, action)
        results = [Result(edit, "applied") for edit in edits]
        ready: list[tuple[Result, dict[str, Any]]] = []
        for result in results:
            try:
                wanted = {name: kind.field(name).read(given) for name, given in result.edit.wanted.items()}
                values = self._checks_of(kind).settle(None, wanted)
                team_id, owner_id = self._scope_of_new(kind, values)
                if not reach.covers(team_id=team_id, owner_id=owner_id, person_id=self.person.id):
                    raise missing_grant(kind.resource, action, here=True)
                ready.append((result, values))
            except CrmError as error:
                _fail(result, "denied" if error.status == 403 else "invalid", error)
            self._refuse_on_demand(result)
        if ready:
            with writing(self.session, kind.resource, action):
                self._open_change_set()
                ids = rows.insert(self.session, kind, [(values, result.edit.effective_at) for result, values in ready], created_by_id=self.person.id or None)
            for (result, values), record_id in zip(ready, ids, strict=True):
                result.record_id, result.version, result.applied = record_id, 1, tuple(sorted(values))
        return results

    def _scope_of_new(self, kind: RecordType, values: Mapping[str, Any]) -> tuple[int | None, int | None]:
        """Whose a record will be: its own columns, or those of what it hangs on."""
        if "team_id" in kind.fields:
            return values.get("team_id"), values.get("owner_id")
        parent = {name: values.get(name) for name in kind.fields}
        columns = ", ".join(f"cast(:{name} as {sql}) as {name}" for name in parent for _, sql in kind.field(name).columns if name.endswith("_id"))
        if not columns:
            return None, None
        row = self.session.execute(text(f"select {kind.team_sql} as team_id, {kind.owner_sql} as owner_id from (select {columns}) as r"), parent).one()
        return row.team_id, row.owner_id

    # What both need

    def _checks_of(self, kind: RecordType) -> Checks:
        if kind.name not in self._checks:
            self._checks[kind.name] = kind.checks(self.session)
        return self._checks[kind.name]

    def _open_change_set(self) -> None:
        """Runs under the write role; the triggers read who, where from and which set."""
        if self.is_open:
            return
        if self.change_set_id is None:
            self.change_set_id = self.session.scalar(
                text("insert into crm.change_sets (person_id, source, label, undoes_id) values (:p, :s, :l, :u) returning id"),
                {"p": self.person.id or None, "s": self.source, "l": self.label, "u": self.undoes_id},
            )
        self.session.execute(
            text("select set_config('crm.change_set', :c, true), set_config('crm.source', :s, true)"), {"c": str(self.change_set_id), "s": self.source}
        )
        self.is_open = True


def _held_back(field: Field, row: Mapping[str, Any], mine: Any) -> Disagreement:
    """A field nobody touched, but whose companion met somebody else's change."""
    standing = field.plain(field.from_row(row))
    return Disagreement(field.name, field.label, standing, standing, field.plain(mine))


def _fail(result: Result, status: Literal["not_found", "denied", "invalid"], error: CrmError) -> None:
    result.status, result.error, result.conflicts, result.applied = status, error, (), ()


def delete_edit(record_type: str, record_id: int, seen_version: int) -> Edit:
    """The edit that deletes (softly: undo brings the record back)."""
    return Edit(record_type, record_id, {"deleted_at": now()}, seen_version)

