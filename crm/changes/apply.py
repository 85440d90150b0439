"""The only way a record is written.

Inside one transaction that `acting_as` opened: read without a lock under the view role (hidden: not
found), check the grant (refused), lock in id order under the write role, compare versions, merge field
by field what moved on meanwhile, then `UPDATE ... WHERE id = ... AND version = ...`. History, postings
and stays follow by trigger. See docs/adr/0002.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from crm.access import Person, missing_grant, person_of, writing
from crm.changes import allowed, hiding, merging, rows
from crm.changes.edits import Disagreement, Edit, Outcome, Result, waves
from crm.changes.records import Checks, CustomRules, RecordType, custom_rules, type_of
from crm.changes.refusals import in_words
from crm.db import direct
from crm.errors import Busy, CrmError, Invalid, NotFound, Stale

OnConflict = Literal["keep", "refuse", "leave"]
TRIES = 3  # a deadlock ends one of two writers; the savepoint lets that one begin again
_Item = TypeVar("_Item")


def apply(
    session: Session, edits: Sequence[Edit], *, source: str, label: str = "", on_conflict: OnConflict = "keep",
    change_set_id: int | None = None, undoes_id: int | None = None,
) -> Outcome:  # fmt: skip
    """Write `edits` as one change set and say what became of each, in their order.

    `on_conflict`: "keep" applies what nobody else touched and keeps the rest as conflicts for the
    person; "refuse" is all or nothing and raises the first problem (`Stale`, `NotFound`, `Refused`,
    `Invalid`); "leave" lists conflicts without keeping them (undo).
    Several edits of one record are applied one after the other, a later one on top of the earlier.
    `change_set_id` continues an existing change set of the same person (imports in batches).
    Whatever is raised, nothing of this call stays written and the transaction can go on.
    """
    person_of(session).refuse_if_viewed()
    if not edits:
        return Outcome()
    tries, is_careful = 0, False
    while True:
        tries += 1
        try:
            with direct.savepoint(session):
                work = _Apply(
                    session, source=source, label=label, on_conflict=on_conflict, change_set_id=change_set_id, undoes_id=undoes_id, is_careful=is_careful
                )
                return work.run(edits)
        except DBAPIError as error:
            words = _in_words(error, edits[0])
            if words is None:
                raise
            if isinstance(words, Busy):
                if tries >= TRIES:
                    raise words from error
            elif is_careful or on_conflict == "refuse":
                raise words from error
            else:
                is_careful = True  # once more, to find the edits that the database refuses and write the others


@dataclass(slots=True)
class _Plan:
    """One edit on its way: the row as locked, and what will be written."""

    result: Result
    current: dict[str, Any]
    writes: dict[str, Any]


class _Apply:
    """The state of one call: who acts, which change set it fills, what the word's rules remember."""

    def __init__(
        self, session: Session, *, source: str, label: str, on_conflict: OnConflict, change_set_id: int | None, undoes_id: int | None, is_careful: bool
    ) -> None:
        self.session = session
        self.person: Person = person_of(session)
        self.source, self.label = source, label
        # The command line is nobody: there is no one to keep a conflict for.
        self.on_conflict: OnConflict = "leave" if on_conflict == "keep" and not self.person.id else on_conflict
        self.change_set_id, self.undoes_id = change_set_id, undoes_id
        self.is_undo, self.is_careful = undoes_id is not None, is_careful
        self.is_open = False
        self._checks: dict[tuple[str, bool], Checks] = {}
        self._custom: dict[str, CustomRules | None] = {}

    def run(self, edits: Sequence[Edit]) -> Outcome:
        results: dict[int, Result] = {}
        for wave in waves(edits):
            groups: dict[tuple[str, str], list[int]] = defaultdict(list)
            for position in wave:
                groups[(edits[position].record_type, self._action_of(edits[position]))].append(position)
            for (name, action), positions in sorted(groups.items(), key=lambda group: (type_of(group[0][0]).rank, group[0])):
                batch = [edits[position] for position in positions]
                kind = self._typed(type_of(name))
                done = self.create(kind, batch) if action == "create" else self.change(kind, action if action == allowed.OWN else kind.grant or action, batch)
                for result in done:
                    self._refuse_on_demand(result)
                results.update(zip(positions, done, strict=True))
        return Outcome([results[position] for position in range(len(edits))], self.change_set_id)

    def _action_of(self, edit: Edit) -> str:
        is_own = bool(edit.wanted) and edit.record_id == self.person.id and edit.wanted.keys() <= type_of(edit.record_type).own_fields
        return allowed.OWN if is_own else edit.action

    def _typed(self, kind: RecordType) -> RecordType:
        """With its custom fields as they are declared. Undo takes values back as they were, whatever has become of their field."""
        if kind.name not in self._custom:
            self._custom[kind.name] = None if self.is_undo else custom_rules(self.session, kind)
        found = self._custom[kind.name]
        return replace(kind, custom=found.field) if found else kind

    def _refuse_on_demand(self, result: Result) -> None:
        if self.on_conflict != "refuse":
            return
        if result.error:
            raise result.error
        if result.conflicts:
            raise Stale("Somebody else changed the same field since you looked. Nothing was written.", conflicts=result.conflicts,
                        record_id=result.record_id, record_type=result.edit.record_type)  # fmt: skip

    # Changing what exists

    def change(self, kind: RecordType, action: str, edits: Sequence[Edit]) -> list[Result]:
        results = [Result(edit, "applied", record_id=edit.record_id) for edit in edits]
        self._look(kind, action, results)
        self._check_references(kind, [(result, result.edit.wanted) for result in results if result.error is None])
        open_results = [result for result in results if result.error is None]
        if open_results:
            with writing(self.session, "account" if action == allowed.OWN else kind.resource, action, undoing=self.undoes_id):
                self._write(kind, self._plan(kind, action, open_results))
        return results

    def _look(self, kind: RecordType, action: str, results: Iterable[Result]) -> None:
        """Hidden or missing: not found. Visible, but out of the grant's reach: refused."""
        seen = rows.scopes(self.session, kind, sorted({result.edit.record_id for result in results if result.edit.record_id is not None}))
        for result in results:
            row = seen.get(result.edit.record_id or 0)
            error = allowed.standing(kind, result.edit, row, is_undo=self.is_undo) if row else None
            if row is None and not self.is_undo:
                error = NotFound(f"There is no such {kind.label.lower()}, or you may not see it.")
            # While undoing, hidden means given away by that very change set: the wall lets only its author take it back.
            if error is None and not allowed.may_change(self.person, kind, action, result.edit, row, is_undo=self.is_undo):
                error = missing_grant(kind.resource, action, here=self.person.may(kind.resource, action))
            if error is None and row is not None:  # only of what is seen: nothing else may be told of a record
                error = hiding.closed(self.person, kind, result.edit.wanted)
            if error:
                result.fail(error)

    def _check_references(self, kind: RecordType, wanted: Iterable[tuple[Result, Mapping[str, Any]]]) -> None:
        """Nobody may point a record at what they do not see (a lead shows its company), unless they take back their own change of it."""
        if self.undoes_id is not None and rows.is_change_set_of(self.session, self.undoes_id, self.person.id or None):
            return
        asked = [
            (result, field, value)
            for result, values in wanted
            for name, value in values.items()
            if (field := kind.fields.get(name)) and field.refers_to and isinstance(value, int)
        ]
        for table in {field.refers_to for _, field, _ in asked}:
            seen = rows.visible(self.session, table, sorted({value for _, field, value in asked if field.refers_to == table}))
            for result, field, value in asked:
                if field.refers_to == table and value not in seen:
                    result.fail(Invalid(f"{field.label}: there is no such record, or you may not see it.", field=field.name))

    def _plan(self, kind: RecordType, action: str, results: Sequence[Result]) -> list[_Plan]:
        locked = rows.lock(self.session, kind, sorted({result.edit.record_id for result in results if result.edit.record_id is not None}))
        stale = {
            record_id: seen
            for result in results
            if (record_id := result.edit.record_id) in locked and isinstance(seen := result.edit.seen_version, int) and 0 < seen < locked[record_id]["version"]
        }
        ours = {self.change_set_id, self.undoes_id} - {None}
        since = rows.changes_since(self.session, kind, stale, locked, passing_over=ours) if stale else {}
        plans = []
        for result in results:
            current = locked.get(result.edit.record_id or 0)
            if current is None:
                result.fail(missing_grant(kind.resource, action, here=True))
                continue
            result.version = current["version"]
            try:
                plans.append(self._plan_one(kind, result, current, since.get(result.edit.record_id or 0)))
            except CrmError as error:
                result.fail(error)
        return plans

    def _plan_one(self, kind: RecordType, result: Result, current: dict[str, Any], since: rows.Since | None) -> _Plan:
        edit = result.edit
        if error := allowed.standing(kind, edit, current, is_undo=self.is_undo):  # somebody deleted it between the look and the lock
            raise error
        writes, conflicts = merging.merge(kind, edit, current, since, is_kept=self.on_conflict == "keep")
        if writes and not (conflicts and self.on_conflict == "refuse"):
            writes, more = self._settle(kind, edit, current, writes, since)
            asked = {met.field for met in conflicts}  # what the person asked for themselves waits as they asked for it
            conflicts += [met for met in more if met.field not in asked]
        if conflicts and self.on_conflict == "refuse":
            writes = {}
        result.conflicts = tuple(hiding.of_conflict(self.person, kind.name, met) for met in conflicts)
        if conflicts:
            result.status = "conflict"
        elif not writes:
            result.status = "unchanged"
        elif since and since.fields:
            result.status = "merged"
        return _Plan(result, current, writes)

    def _settle(
        self, kind: RecordType, edit: Edit, row: Mapping[str, Any], writes: dict[str, Any], since: rows.Since | None
    ) -> tuple[dict[str, Any], list[Disagreement]]:
        """The word's rules. What follows from the edit must not undo what somebody else changed meanwhile either."""
        followed = self._follow(kind, edit, row, writes)
        met = merging.overtaken(kind, row, since, followed, writes) if since else []
        if not met:
            return followed, []
        held = {name for group in kind.coupled for name in group & writes.keys()} or set(writes)
        met += merging.hold_back(kind, row, {name: writes[name] for name in sorted(held)})
        rest = {name: value for name, value in writes.items() if name not in held}
        return (self._follow(kind, edit, row, rest) if rest else {}), met

    def _follow(self, kind: RecordType, edit: Edit, row: Mapping[str, Any], writes: Mapping[str, Any]) -> dict[str, Any]:
        """`writes` with what follows from them, within what the person may assign."""
        current = {name: spec.from_row(row) for name, spec in kind.fields.items()}
        current |= {"id": row["id"], "deleted_at": row.get("deleted_at"), "custom": row.get("custom", {})}
        allowed.check_effective(kind, edit.effective_at, row.get("effective_at"))
        allowed.check_assign(self.person, kind, current, writes)  # before the rules, whose words would name another team's pipelines
        followed = self._checks_of(kind).settle(current, {**merging.insisted(kind, edit, current, writes), **writes})
        followed = {name: value for name, value in followed.items() if name not in kind.fields or not kind.fields[name].same(value, current[name])}
        allowed.check_assign(self.person, kind, current, followed)
        if (custom := self._custom.get(kind.name)) and any(name == "team_id" or name.startswith("custom.") for name in followed):
            custom.check(current, followed)
        return followed

    def _write(self, kind: RecordType, plans: Sequence[_Plan]) -> None:
        keeps = [plan for plan in plans if plan.result.conflicts and self.on_conflict == "keep"]
        moving = [plan for plan in plans if plan.writes]
        if not moving and not keeps:
            return
        self._open_change_set()
        batches: dict[tuple[Any, ...], list[_Plan]] = defaultdict(list)
        for plan in moving:
            names = sorted({"custom" if name.startswith("custom.") else name for name in plan.writes})
            batches[tuple(names), plan.result.edit.effective_at is not None].append(plan)
        for (names, is_dated), batch in batches.items():
            self._carefully(batch, partial(self._update, kind, names, is_dated), lambda plan: plan.result)
        kept = [plan.result for plan in keeps if plan.result.conflicts]
        if kept:
            rows.keep_conflicts(self.session, kind, self.person.id, self.change_set_id, kept)

    def _update(self, kind: RecordType, names: Sequence[str], is_dated: bool, batch: Sequence[_Plan]) -> None:
        written = rows.update(self.session, kind, names, [(plan.current, plan.writes, plan.result.edit.effective_at) for plan in batch], is_dated=is_dated)
        for plan in batch:
            version = written.get(plan.current["id"])
            if version is None:  # cannot happen while the row is locked; never pass over it silently
                plan.result.fail(missing_grant(kind.resource, kind.grant or "edit", here=True))
                continue
            plan.result.version = version
            plan.result.applied = tuple(sorted(plan.writes))

    # Making new records

    def create(self, kind: RecordType, edits: Sequence[Edit]) -> list[Result]:
        action = kind.grant or "create"
        results = [Result(edit, "applied") for edit in edits]
        ready: list[tuple[Result, dict[str, Any]]] = []
        for result in results:
            try:
                ready.append((result, self._new_values(kind, action, result.edit)))
            except CrmError as error:
                result.fail(error)
            self._refuse_on_demand(result)
        self._check_references(kind, ready)
        ready = [(result, values) for result, values in ready if result.error is None]
        if ready:
            checks = self._checks_of(kind, is_new=True)
            for place, refusal in checks.complete([values for _, values in ready]).items():
                ready[place][0].fail(refusal)
                self._refuse_on_demand(ready[place][0])
            ready = [(result, values) for result, values in ready if result.error is None]
        if ready:
            with writing(self.session, kind.resource, action):
                self._open_change_set()
                self._carefully(ready, lambda part: self._insert(kind, part), lambda item: item[0])
            checks.made([(result.record_id, values) for result, values in ready if result.error is None and result.record_id is not None])
        return results

    def _new_values(self, kind: RecordType, action: str, edit: Edit) -> dict[str, Any]:
        self.person.require(kind.resource, action)
        allowed.check_effective(kind, edit.effective_at, None)
        wanted = {name: kind.field(name).read(given) for name, given in edit.wanted.items()}
        if error := hiding.closed(self.person, kind, {name: value for name, value in wanted.items() if value is not None and name not in edit.brought}):
            raise error
        if wanted.get("team_id"):  # before the rules, whose words would tell of another team's pipelines
            allowed.check_reach(self.person, kind, action, wanted["team_id"], wanted.get("owner_id", self.person.id))
        custom = self._custom.get(kind.name)
        values = self._checks_of(kind, is_new=True).settle(None, custom.begin(wanted) if custom else wanted)
        if custom:
            custom.check(None, values)
        allowed.check_reach(self.person, kind, action, *rows.scope_of_new(self.session, kind, values))
        return values

    def _insert(self, kind: RecordType, batch: Sequence[tuple[Result, dict[str, Any]]]) -> None:
        ids = rows.insert(self.session, kind, [(values, result.edit.effective_at) for result, values in batch], created_by_id=self.person.id or None)
        for (result, values), record_id in zip(batch, ids, strict=True):
            result.record_id, result.version, result.applied = record_id, 1, tuple(sorted(values))

    # What both need

    def _carefully(self, batch: Sequence[_Item], write: Callable[[Sequence[_Item]], None], result_of: Callable[[_Item], Result]) -> None:
        """Write the batch at once; when the database has refused it before, in halves, down to the single edits it refuses."""
        if not self.is_careful:
            return write(batch)
        try:
            with direct.savepoint(self.session):
                write(batch)
        except DBAPIError as error:
            words = _in_words(error, result_of(batch[0]).edit)
            if words is None or isinstance(words, Busy):
                raise
            if len(batch) == 1:
                return result_of(batch[0]).fail(words)
            middle = len(batch) // 2
            self._carefully(batch[:middle], write, result_of)
            self._carefully(batch[middle:], write, result_of)

    def _checks_of(self, kind: RecordType, *, is_new: bool = False) -> Checks:
        """Apart for new records: those are checked under the view role, and what a check has looked up is what its role saw."""
        key = (kind.name, is_new)
        if key not in self._checks:
            self._checks[key] = kind.checks(self.session)
        return self._checks[key]

    def _open_change_set(self) -> None:
        """Runs under the write role; the triggers read who, where from and which set."""
        if self.is_open:
            return
        if self.change_set_id is None:
            self.change_set_id = rows.new_change_set(self.session, self.person.id or None, self.source, self.label, self.undoes_id)
        elif rows.is_change_set_of(self.session, self.change_set_id, self.person.id or None):
            rows.enter_change_set(self.session, self.change_set_id, self.source)
        else:
            raise NotFound("There is no such change set, or it is not yours to continue.")
        self.is_open = True


def _in_words(error: DBAPIError, edit: Edit) -> CrmError | None:
    kind = type_of(edit.record_type)
    return in_words(error, kind.resource, kind.grant or edit.action, kind.label)
