"""A plain Python model of the write path: what ought to become of each act, and what history then holds.

It knows no SQL and none of the app's code. A lead is a list of versions, a conflict an entry in a dictionary; values are in
the plain form that change rows keep (ids, text, {"amount", "currency"}, dates as text; a deletion is a token of its own).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.db.ledger_model import Bucket, usd

Values = dict[str, Any]
COUPLED = ("pipeline_id", "stage_id", "team_id")
GRANTS: Mapping[str, Mapping[str, str]] = {
    "admin": dict.fromkeys(("view", "create", "edit", "delete", "assign", "bulk"), "all"),
    "manager": {**dict.fromkeys(("view", "create", "edit", "delete", "bulk"), "team"), "assign": "all"},
    "rep": {**dict.fromkeys(("view", "create", "edit", "assign", "bulk"), "team"), "delete": "own"},
    "viewer": {"view": "team"},
}


@dataclass(frozen=True)
class Actor:
    """Somebody with one role, in one team or (team None) everywhere."""

    id: int
    role: str
    team_id: int | None

    def reaches(self, action: str, values: Values) -> bool:
        scope = GRANTS[self.role].get(action, "none")
        mine = scope == "own" and values["owner_id"] == self.id
        return scope == "all" or mine or (scope == "team" and values["team_id"] == self.team_id)

    def may(self, *actions: str) -> bool:
        return any(action in GRANTS[self.role] for action in actions)


@dataclass(eq=False)
class Act:
    """A change set; its id is known once the database has made it."""

    person_id: int
    id: int | None = None
    is_opened: bool = False


@dataclass
class Version:
    act: Act
    person_id: int
    fields: dict[str, tuple[Any, Any]]
    bucket: Bucket | None


@dataclass
class First:
    """What happened to a field since somebody looked: its value then, and who changed it last."""

    seen: Any
    person_id: int


@dataclass
class Met:
    """A field that somebody else changed first."""

    seen: Any
    theirs: Any
    mine: Any
    their_person_id: int | None = None


@dataclass
class Kept(Met):
    seen_version: int = 0
    their_version: int = 0


class Denial(Exception):
    """An edit that cannot be taken: its status, and the fields to blame."""

    def __init__(self, status: str, *blame: str) -> None:
        super().__init__(status)
        self.status, self.blame = status, set(blame)


@dataclass
class Told:
    """What somebody should be told about one edit."""

    lead_id: int | None
    status: str
    version: int | None = None
    applied: tuple[str, ...] = ()
    conflicts: dict[str, Met] = field(default_factory=dict)
    blame: set[str] = field(default_factory=set)

    @property
    def is_error(self) -> bool:
        return self.status in ("not_found", "denied", "invalid")


@dataclass
class Lead:
    values: Values
    value_usd: Decimal | None = None
    history: list[Version] = field(default_factory=list)

    @property
    def version(self) -> int:
        return len(self.history)

    @property
    def is_deleted(self) -> bool:
        return self.values.get("deleted_at") is not None

    def since(self, seen: int, own: set[Act | None]) -> dict[str, First]:
        """Oldest change first; the acts in `own` are the person's present one and no news to them."""
        found: dict[str, First] = {}
        for version in self.history[seen:]:
            if version.act not in own:
                for name, (old, _new) in version.fields.items():
                    found[name] = First(found[name].seen if name in found else old, version.person_id)
        return found

    def last_other(self, seen: int, own: set[Act | None]) -> int | None:
        others = [version.person_id for version in self.history[seen:] if version.act not in own]
        return others[-1] if others else None

    def write(self, act: Act, after: Values) -> None:
        fields = {name: (self.values.get(name), value) for name, value in after.items()}
        self.values.update(after)
        if "value" in fields:
            self.value_usd = usd(self.values["value"])
        self.history.append(Version(act, act.person_id, fields, self.bucket()))

    def bucket(self) -> Bucket | None:
        close = self.values.get("expected_close_on")
        place = tuple(self.values.get(name) for name in ("team_id", "pipeline_id", "stage_id", "owner_id"))
        return None if self.is_deleted else (*place, f"{close[:7]}-01" if close else None, self.value_usd or Decimal(0))


@dataclass
class Model:
    """Every lead, every act and every open conflict of one little organisation."""

    pipelines: Mapping[int, tuple[int, Sequence[int]]]
    """team -> (its pipeline, that one's stages in order)"""
    actors: Mapping[str, Actor]
    leads: dict[int, Lead] = field(default_factory=dict)
    acts: list[Act] = field(default_factory=list)
    conflicts: dict[tuple[int, int, str], Kept] = field(default_factory=dict)

    def sees(self, actor: Actor, lead_id: int) -> bool:
        return actor.reaches("view", self.leads[lead_id].values)

    # Acts

    def create(self, actor: Actor, wanted: Values) -> Values | Told:
        """The values of the new lead; `born` takes them in once it has an id."""
        place = {"owner_id": actor.id, **wanted}
        try:
            if not actor.reaches("create", place):
                raise Denial("denied")
            if not wanted.get("name"):
                raise Denial("invalid")
            return {name: value for name, value in self._place(None, dict(place)).items() if value is not None}
        except Denial as denial:
            return Told(None, denial.status)

    def born(self, lead_id: int, values: Values, act: Act) -> None:
        self.leads[lead_id] = lead = Lead({"owner_id": None})
        lead.write(act, values)
        act.is_opened = True

    def apply(self, actor: Actor, edits: Iterable[tuple[int, int, Values]], act: Act, *, mode: str = "keep") -> list[Told]:
        """Each edit (lead, version seen, wanted) in turn. With mode "refuse" the first problem takes everything back."""
        before = self._snapshot()
        told = [self._edit(actor, *edit, act, mode=mode) for edit in edits]
        if mode == "refuse" and any(each.is_error or each.conflicts for each in told):
            self._restore(before)
            act.is_opened = False
        return told

    def save_cells(self, actor: Actor, edits: Iterable[tuple[int, int, Values]], act: Act) -> tuple[list[int], list[int], dict[int, set[str]]]:
        """(saved, met, refused): what is refused goes, the rest of the lead's cells is tried again."""
        saved, met = list[int](), list[int]()
        refused: dict[int, set[str]] = {}
        left = list(edits)
        while left:
            again = []
            for (lead_id, seen, wanted), told in zip(left, self.apply(actor, left, act), strict=True):
                if not told.is_error:
                    (met if told.conflicts else saved).append(lead_id)
                    continue
                blamed = told.blame & wanted.keys() or set(wanted)
                refused.setdefault(lead_id, set()).update(blamed)
                if rest := {name: value for name, value in wanted.items() if name not in blamed}:
                    again.append((lead_id, seen, rest))
            left = again
        return saved, met, refused

    def undo(self, actor: Actor, undone: Act, act: Act, tokens: Iterable[str]) -> tuple[int, Counter[tuple[int, str | None]]] | str:
        """(leads changed, what was left alone as (lead, field)), or the reason why nothing is undone."""
        touched = [lead_id for lead_id, lead in sorted(self.leads.items()) if any(version.act is undone for version in lead.history)]
        seen = [lead_id for lead_id in touched if self.sees(actor, lead_id)]
        if undone.person_id != actor.id:
            if not seen:
                return "not_found"
            touched = seen
        fresh = iter(tokens)
        changed, left, errors = set[int](), Counter[tuple[int, str | None]](), list[str]()
        for lead_id, seen_version, wanted in [edit for each in touched for edit in self._inverse(each, undone, fresh)]:
            told = self._edit(actor, lead_id, seen_version, wanted, act, mode="leave", undoing=undone)
            changed |= {lead_id} if told.applied else set()
            left.update((lead_id, name) for name in told.conflicts)
            if told.is_error:
                left[lead_id, None] += 1
                errors.append(told.status)
        if errors and not changed and set(errors) == {"denied"} and len(errors) == left.total():
            return "denied"
        return len(changed), left

    def take_back_change(self, actor: Actor, lead_id: int, version: int, act: Act, tokens: Iterable[str]) -> Counter[str] | str:
        """The fields left alone, or why nothing is taken back. Of an act on several leads only this one's part."""
        lead, before = self.leads[lead_id], self._snapshot()
        if version == 1 or not self.sees(actor, lead_id):
            return "not_found"
        undone = lead.history[version - 1]
        if sum(any(each.act is undone.act for each in other.history) for other in self.leads.values()) > 1:
            told = self._edit(actor, lead_id, version, {name: old for name, (old, _) in undone.fields.items()}, act, mode="leave")
            return told.status if told.is_error else Counter(told.conflicts)
        found = self.undo(actor, undone.act, act, tokens)
        if isinstance(found, str):
            return found
        if any(name is None for _, name in found[1]):
            self._restore(before)
            act.is_opened = False
            return "invalid"
        return Counter({name: times for (_, name), times in found[1].items() if name})

    def resolve(self, actor: Actor, choices: Mapping[tuple[int, str], str], act: Act) -> list[Told]:
        """Choices by (lead, field) among the actor's open conflicts."""
        kept = {key: self.conflicts[actor.id, *key] for key in choices}
        groups: dict[tuple[int, int], list[str]] = {}
        for (lead_id, name), choice in choices.items():
            if choice == "mine":
                groups.setdefault((lead_id, kept[lead_id, name].their_version), []).append(name)
            else:
                del self.conflicts[actor.id, lead_id, name]
        edits = [(lead_id, version, {name: kept[lead_id, name].mine for name in names}) for (lead_id, version), names in groups.items()]
        told = self.apply(actor, edits, act)
        for ((lead_id, _), names), each in zip(groups.items(), told, strict=True):
            for name in names:
                if not each.is_error and self.conflicts.get((actor.id, lead_id, name)) is kept[lead_id, name]:
                    del self.conflicts[actor.id, lead_id, name]
        return told

    # One edit

    def _edit(self, actor: Actor, lead_id: int, seen: int, wanted: Values, act: Act, *, mode: str, undoing: Act | None = None) -> Told:
        lead = self.leads[lead_id]
        since = lead.since(seen, {act, undoing})
        try:
            self._check_standing(actor, lead_id, wanted, undoing)
            writes, conflicts = self._merge(lead, since, wanted, keeps=mode == "keep", last_other=lead.last_other(seen, {act, undoing}))
            if writes and not (conflicts and mode == "refuse"):
                writes, more = self._settle(actor, lead, since, wanted, writes)
                conflicts = more | conflicts
        except Denial as denial:
            return Told(lead_id, denial.status, blame=denial.blame)
        if conflicts and mode == "refuse":
            writes = {}
        status = "conflict" if conflicts else "unchanged" if not writes else "merged" if since else "applied"
        if writes:
            lead.write(act, writes)
        if conflicts and mode == "keep":
            for name, met in conflicts.items():
                self.conflicts[actor.id, lead_id, name] = Kept(**vars(met), seen_version=seen, their_version=lead.version)
        act.is_opened |= bool(writes) or (bool(conflicts) and mode == "keep")
        return Told(lead_id, status, lead.version, tuple(sorted(writes)), conflicts)

    def _check_standing(self, actor: Actor, lead_id: int, wanted: Values, undoing: Act | None) -> None:
        """Hidden and deleted leads are not found; visible ones out of reach are denied. An author takes their own last change back anywhere."""
        lead = self.leads[lead_id]
        is_gone = lead.is_deleted and "deleted_at" not in wanted
        if (not self.sees(actor, lead_id) and not undoing) or (self.sees(actor, lead_id) and is_gone):
            raise Denial("not_found")
        action = "delete" if "deleted_at" in wanted else "edit"
        if undoing:
            is_mine = lead.history[-1].act is undoing and undoing.person_id == actor.id
            is_allowed = actor.may("create", "edit", "delete") and (is_mine or actor.reaches(action, lead.values))
        else:
            is_allowed = all(actor.reaches(each, lead.values) for each in ({action} if wanted.keys() <= {"deleted_at"} else {action, "edit"}))
        if not is_allowed:
            raise Denial("denied")
        if is_gone:
            raise Denial("not_found")

    def _merge(self, lead: Lead, since: Mapping[str, First], wanted: Values, *, keeps: bool, last_other: int | None) -> tuple[Values, dict[str, Met]]:
        writes: Values = {}
        conflicts: dict[str, Met] = {}
        for name, mine in wanted.items():
            if name == "name" and not mine:
                raise Denial("invalid", "name")
            theirs = lead.values.get(name)
            if mine == theirs or (name == "deleted_at" and (mine is None) == (theirs is None)):
                continue
            if name in since and since[name].seen != theirs:
                conflicts[name] = Met(since[name].seen, theirs, mine, since[name].person_id)
            else:
                writes[name] = mine
        if since and writes.get("deleted_at") is not None:
            if not keeps:
                behind = {name: Met(first.seen, lead.values.get(name), None, first.person_id) for name, first in since.items()}
                return {}, conflicts | behind
            held = _held(lead, {name: mine for name, mine in writes.items() if name != "deleted_at"})
            return {}, {**conflicts, "deleted_at": Met(None, None, writes["deleted_at"], last_other), **held}
        if conflicts.keys() & set(COUPLED):
            conflicts |= _held(lead, {name: writes.pop(name) for name in COUPLED if name in writes})
        return writes, conflicts

    def _settle(self, actor: Actor, lead: Lead, since: Mapping[str, First], wanted: Values, writes: Values) -> tuple[Values, dict[str, Met]]:
        """What follows from a move must not put away what somebody else has just changed."""
        followed = self._follow(actor, lead, wanted, writes)
        met = {
            name: Met(since[name].seen, lead.values.get(name), value, since[name].person_id)
            for name, value in followed.items()
            if name not in writes and name in since and since[name].seen != lead.values.get(name)
        }
        if not met:
            return followed, {}
        held = {name: value for name, value in writes.items() if name in COUPLED} or writes
        rest = {name: value for name, value in writes.items() if name not in held}
        return (self._follow(actor, lead, wanted, rest) if rest else {}), met | _held(lead, held)

    def _follow(self, actor: Actor, lead: Lead, wanted: Values, writes: Values) -> Values:
        """What was asked for and stands already is not taken away by a move either."""
        insisted = {name: value for name, value in wanted.items() if name not in writes and value == lead.values.get(name)}
        self._check_assignment(actor, lead, writes)
        followed = self._place(lead, {**insisted, **writes} if set(COUPLED) & writes.keys() else dict(writes))
        followed = {name: value for name, value in followed.items() if value != lead.values.get(name)}
        self._check_assignment(actor, lead, followed)
        return followed

    def _check_assignment(self, actor: Actor, lead: Lead, writes: Values) -> None:
        if {"team_id", "owner_id"} & writes.keys() and not actor.reaches("assign", {**lead.values, **writes}):
            raise Denial("denied", "team_id", "owner_id")

    def _place(self, lead: Lead | None, wanted: Values) -> Values:
        """Team, pipeline and stage fit together; a new team brings its own, and nobody else's owner."""
        if wanted.get("deleted_at") is not None:
            return wanted
        current = lead.values if lead else {}
        if set(COUPLED) & wanted.keys():
            team_id = wanted.get("team_id", current.get("team_id"))
            team_moved = lead is None or team_id != current["team_id"]
            pipeline, stages = self.pipelines[team_id]
            if team_moved and wanted.get("stage_id") is not None and wanted.get("pipeline_id") is None:
                wanted["pipeline_id"] = next(p for p, its_stages in self.pipelines.values() if wanted["stage_id"] in its_stages)
            elif team_moved and wanted.get("pipeline_id") is None and current.get("pipeline_id") != pipeline:
                wanted["pipeline_id"] = pipeline
            after = {**current, **wanted}
            if after["pipeline_id"] != pipeline:
                raise Denial("invalid", "pipeline_id")
            if wanted.get("stage_id") is None and after["pipeline_id"] != current.get("pipeline_id"):
                wanted["stage_id"] = stages[0]
            if {**current, **wanted}["stage_id"] not in stages:
                raise Denial("invalid", "stage_id")
            owner = next((actor for actor in self.actors.values() if actor.id == current.get("owner_id")), None)
            if lead and team_moved and "owner_id" not in wanted and owner and owner.team_id not in (None, team_id):
                wanted["owner_id"] = None
        return wanted

    def _inverse(self, lead_id: int, undone: Act, tokens: Iterable[str]) -> list[tuple[int, int, Values]]:
        """What takes an act back on one lead: each field to its value before the act's last run of changes that nobody else broke."""
        history = self.leads[lead_id].history
        own = [number for number, version in enumerate(history, start=1) if version.act is undone]
        if own[0] == 1:
            foreign = [number for number in range(1, own[-1]) if history[number - 1].act is not undone]
            return [(lead_id, foreign[0] - 1 if foreign else own[-1], {"deleted_at": next(iter(tokens))})]
        whole: Values = {}
        broken: list[tuple[int, int, Values]] = []
        for name in sorted({name for number in own for name in history[number - 1].fields}):
            steps = [(n, history[n - 1]) for n in range(own[0], own[-1] + 1) if name in history[n - 1].fields]
            last = max(index for index, (_, version) in enumerate(steps) if version.act is undone)
            begin = last
            while begin and steps[begin - 1][1].act is undone:
                begin -= 1
            before = steps[begin][1].fields[name][0]
            if last == len(steps) - 1:
                whole[name] = before
            else:
                broken.append((lead_id, steps[last][0], {name: before}))
        return ([(lead_id, own[-1], whole)] if whole else []) + broken

    def _snapshot(self) -> tuple[dict[int, tuple[Values, Decimal | None, int]], dict[tuple[int, int, str], Kept]]:
        return {i: (dict(lead.values), lead.value_usd, lead.version) for i, lead in self.leads.items()}, dict(self.conflicts)

    def _restore(self, snapshot: tuple[dict[int, tuple[Values, Decimal | None, int]], dict[tuple[int, int, str], Kept]]) -> None:
        leads, self.conflicts = snapshot
        for lead_id, (values, value_usd, version) in leads.items():
            lead = self.leads[lead_id]
            lead.values, lead.value_usd = values, value_usd
            del lead.history[version:]


def _held(lead: Lead, wanted: Values) -> dict[str, Met]:
    """Nobody touched these, but they wait with their companions."""
    return {name: Met(lead.values.get(name), lead.values.get(name), mine) for name, mine in wanted.items()}
