"""Several people do random things to a few leads, the same is done to a plain model, and after every step the two are compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, datetime
from itertools import count
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import Person, acting_as
from crm.changes import Edit, Outcome, apply, open_conflicts, resolve, undo
from crm.errors import CrmError, Invalid, NotFound, Refused, Stale
from crm.leads.records import LEAD
from crm.leads.use_cases import create_lead, delete_leads, edit_leads, edit_leads_in_bulk, save_cells, take_back_change
from crm.money import Money
from tests.cast import Cast
from tests.conftest import Database
from tests.db import ledger_model
from tests.db.ledgers import complaints
from tests.db.write_model import Act, Actor, Met, Model, Told

Answer = TypeVar("Answer")
ROLES = {
    "ana": ("rep", "Gulf"),
    "bruno": ("rep", "Gulf"),
    "mona": ("manager", "Gulf"),
    "carla": ("rep", "Levant"),
    "alma": ("admin", None),
    "vera": ("viewer", "Gulf"),
}
TEAMS = ("Gulf", "Levant")
FIELDS = ("name", "team_id", "pipeline_id", "stage_id", "owner_id", "next_step", "phone", "value", "expected_close_on", "custom.size")
KINDS: Mapping[str, type[CrmError]] = {"not_found": NotFound, "denied": Refused, "invalid": Invalid}
# Few values, so that people often want the same field of the same lead, and now and then the same value.
CELLS = (
    *(("next_step", step) for step in (None, "call", "visit", "send samples")), *(("phone", phone) for phone in (None, "1", "2")),
    *(("value", value) for value in (None, ("100.00", "USD"), ("250.50", "AED"), ("100.00", "AED"))),
    *(("expected_close_on", day) for day in (None, "2026-12-01", "2026-12-20", "2027-01-05")),
    *(("custom.size", size) for size in (None, 3, 4, 2.5)), ("name", "Sohar Steel"), ("name", ""),
)  # fmt: skip
PLACES = (
    *(("owner_id", name) for name in (None, "ana", "bruno", "carla", "alma")), *(("team_id", team) for team in TEAMS),
    *(("stage_id", (team, stage)) for team in TEAMS for stage in ("Lead", "Contacted", "Won", "Lost")), *(("pipeline_id", team) for team in TEAMS),
)  # fmt: skip
STAGES = ("Lead", "Contacted", "Won")
MOVES = (
    *({"stage_id": (team, stage)} for team in TEAMS for stage in STAGES), *({"team_id": team} for team in TEAMS),
    *({"team_id": team, "stage_id": (team, stage)} for team in TEAMS for stage in STAGES),
    *({"team_id": team, "pipeline_id": team, "owner_id": owner} for team in TEAMS for owner in ("ana", "carla")),
)  # fmt: skip

people = st.sampled_from(sorted(ROLES))
editors = st.sampled_from(["ana", "bruno", "mona", "carla", "alma", "ana", "bruno", "mona", "vera"])
which = st.sampled_from(range(10))
cells = st.lists(st.sampled_from((*CELLS, *CELLS, *PLACES)), min_size=1, max_size=3).map(dict)
edits = st.lists(st.tuples(which, cells), min_size=1, max_size=3)


class WriteMachine(RuleBasedStateMachine):
    """`db` and `cast` are set by the test; every example works on leads of its own."""

    db: ClassVar[Database]
    cast: ClassVar[Cast]
    persons: ClassVar[dict[str, Person]]

    def __init__(self) -> None:
        super().__init__()
        cast = self.cast
        self.actors = {name: Actor(cast.people[name], role, cast.teams[team] if team else None) for name, (role, team) in ROLES.items()}
        self.model = Model({cast.teams[team]: (cast.pipelines[team], list(cast.stages[team].values())) for team in TEAMS}, self.actors)
        self.pages: dict[tuple[str, int], int] = {}  # (who, lead) -> the version they look at
        self.moments: dict[str, datetime] = {}  # what the model's deletions were called by the clock
        self.accepted: list[tuple[int, int, str, Any]] = []  # (lead, version, field, value) that somebody was told is saved
        self.tokens = (f"deleted {number}" for number in count(1))
        for owner, team in (("ana", "Gulf"), ("bruno", "Gulf"), ("carla", "Levant")):
            self.make(owner, team, {"value": ("9500.00", "USD")})

    # What people do

    @rule(who=people, number=which)
    def look(self, who: str, number: int) -> None:
        """Everybody sees exactly what reach allows, as it stands."""
        with acting_as(self.persons[who]) as session:
            seen = dict(session.execute(text("select id, version from crm.leads where id = any(:ids)"), {"ids": list(self.model.leads)}).all())
        assert seen == {lead_id: lead.version for lead_id, lead in self.model.leads.items() if self.model.sees(self.actors[who], lead_id)}
        lead_id = self.lead(who, number)
        self.pages[who, lead_id] = seen.get(lead_id, self.page(who, lead_id))

    @rule(who=editors, wanted=edits, reloads=st.booleans(), door=st.sampled_from(["form", "form", "bulk"]))
    def save(self, who: str, wanted: list[tuple[int, dict[str, Any]]], reloads: bool, door: str) -> None:
        """As much as can be; the rest is kept as conflicts. The same lead may be in it twice."""
        act, given = self.begin(who), self.given(who, wanted)
        if door == "bulk" and who == "vera":
            return
        told = self.model.apply(self.actors[who], given, act)
        with acting_as(self.persons[who]) as session:
            outcome = (edit_leads_in_bulk if door == "bulk" else edit_leads)(session, given, source="test")
        self.compare(who, act, told, outcome, reloads=reloads)

    @rule(who=st.sampled_from(["mona", "alma", "ana", "carla"]), number=which, move=st.sampled_from(MOVES), reloads=st.booleans())
    def move(self, who: str, number: int, move: dict[str, Any], reloads: bool) -> None:
        """On a board, or into the hands of another team."""
        self.save(who=who, wanted=[(number, move)], reloads=reloads, door="form")

    @rule(who=editors, wanted=edits, reloads=st.booleans())
    def save_all_or_nothing(self, who: str, wanted: list[tuple[int, dict[str, Any]]], reloads: bool) -> None:
        act, given = self.begin(who), self.given(who, wanted)
        told = self.model.apply(self.actors[who], given, act, mode="refuse")
        problems = [each for each in told if each.is_error or each.conflicts]
        outcome = self.attempt(who, lambda session: edit_leads(session, given, source="test", on_conflict="refuse"))
        if isinstance(outcome, Stale):
            met = next(each for each in problems if each.conflicts and each.lead_id == outcome.facts["record_id"])
            self.compare_conflicts(met.conflicts, outcome.facts["conflicts"])
        elif isinstance(outcome, CrmError):
            assert type(outcome) in {KINDS.get(each.status) for each in problems}, (outcome, told)
        else:
            assert not problems
            self.compare(who, act, told, outcome, reloads=reloads)

    @rule(who=editors, wanted=edits)
    def save_grid(self, who: str, wanted: list[tuple[int, dict[str, Any]]]) -> None:
        act, given = self.begin(who), self.given(who, list(dict(wanted).items()))
        given = list({lead_id: (lead_id, seen, values) for lead_id, seen, values in given}.values())
        saved, met, refused = self.model.save_cells(self.actors[who], given, act)
        with acting_as(self.persons[who]) as session:
            done = save_cells(session, given, source="grid")
        act.id = done.change_set_id
        assert (act.id is not None) == act.is_opened
        assert (done.saved, done.met) == (saved, met)
        assert {lead_id: set(names) for lead_id, names in done.refused.items()} == refused

    @precondition(lambda self: len(self.model.leads) < 6)
    @rule(who=editors, team=st.sampled_from(TEAMS), values=cells)
    def make(self, who: str, team: str, values: dict[str, Any]) -> None:
        wanted = {"name": "Al Noor", **self.named(values), "team_id": self.cast.teams[team]}
        wanted["name"] = wanted["name"] or "Al Noor"
        act = self.begin(who)
        made = self.model.create(self.actors[who], wanted)
        outcome = self.attempt(who, lambda session: create_lead(session, wanted, source="test"))
        if isinstance(made, Told):
            assert type(outcome) is KINDS[made.status], (outcome, made)
            return
        assert not isinstance(outcome, CrmError), (outcome, made)
        self.model.born(outcome.results[0].record_id or 0, made, act)
        act.id = outcome.change_set_id

    @precondition(lambda self: sum(lead.is_deleted for lead in self.model.leads.values()) * 3 <= len(self.model.leads))
    @rule(who=editors, numbers=st.lists(which, min_size=1, max_size=2), reloads=st.booleans())
    def delete(self, who: str, numbers: list[int], reloads: bool) -> None:
        act = self.begin(who)
        seen = [(self.lead(who, number), self.page(who, self.lead(who, number))) for number in numbers]
        told = self.model.apply(self.actors[who], [(*each, {"deleted_at": next(self.tokens)}) for each in seen], act)
        with acting_as(self.persons[who]) as session:
            outcome = delete_leads(session, seen, source="test")
        self.compare(who, act, told, outcome, reloads=reloads)

    @precondition(lambda self: any(lead.is_deleted for lead in self.model.leads.values()))
    @rule(who=editors, number=which, reloads=st.booleans())
    def restore(self, who: str, number: int, reloads: bool) -> None:
        deleted = [lead_id for lead_id, lead in self.model.leads.items() if lead.is_deleted]
        act, lead_id = self.begin(who), deleted[number % len(deleted)] if number else self.lead(who, number)
        edit = (lead_id, self.page(who, lead_id), {"deleted_at": None})
        told = self.model.apply(self.actors[who], [edit], act)
        with acting_as(self.persons[who]) as session:
            outcome = apply(session, [Edit("lead", lead_id, edit[2], edit[1])], source="test")
        self.compare(who, act, told, outcome, reloads=reloads)

    @rule(somebody=st.none() | editors, back=st.sampled_from(range(12)))
    def take_back(self, somebody: str | None, back: int) -> None:
        """Any earlier change set, by its author (None) or somebody else; an undo too."""
        acts = [act for act in self.model.acts if act.id is not None]
        undone = acts[-1 - back % len(acts)]
        who = somebody or next(name for name, actor in self.actors.items() if actor.id == undone.person_id)
        act = self.begin(who)
        expected = self.model.undo(self.actors[who], undone, act, self.tokens)
        done = self.attempt(who, lambda session: undo(session, undone.id or 0))
        if isinstance(expected, str):
            assert type(done) is KINDS[expected], (done, expected)
            return
        assert not isinstance(done, CrmError), (done, expected)
        act.id = done.change_set_id
        found = Counter((left.record_id, left.field.field if left.field else None) for left in done.left_alone)
        assert (done.records, found) == expected
        assert (act.id is not None) == act.is_opened

    @rule(who=editors, number=which, back=st.sampled_from(range(4)))
    def take_back_change(self, who: str, number: int, back: int) -> None:
        """One recorded change of one lead, as its page offers it."""
        lead_id = self.lead(who, number)
        version = max(1, self.model.leads[lead_id].version - back)
        act = self.begin(who)
        expected = self.model.take_back_change(self.actors[who], lead_id, version, act, self.tokens)
        left = self.attempt(who, lambda session: take_back_change(session, lead_id, version))
        if isinstance(expected, str):
            assert type(left) is KINDS[expected], (left, expected)
            return
        assert not isinstance(left, CrmError), (left, expected)
        assert Counter(left) == Counter({LEAD.recorded(name).label: times for name, times in expected.items()})
        if act.is_opened:
            act.id = self.db.rows("select max(id) as id from crm.change_sets")[0]["id"]

    @precondition(lambda self: self.model.conflicts)
    @rule(data=st.data(), choices=st.lists(st.sampled_from(["mine", "theirs"]), min_size=1, max_size=4))
    def settle(self, data: st.DataObject, choices: list[str]) -> None:
        who = data.draw(st.sampled_from([name for name in sorted(ROLES) if any(key[0] == self.actors[name].id for key in self.model.conflicts)]))
        with acting_as(self.persons[who]) as session:
            waiting = {(row["record_id"], row["field"]): row["id"] for row in open_conflicts(session) if row["record_id"] in self.model.leads}
        assert waiting.keys() == {key[1:] for key in self.model.conflicts if key[0] == self.actors[who].id}
        keys = data.draw(st.permutations(sorted(waiting)))
        chosen = dict(zip(keys, choices, strict=False))
        act = self.begin(who)
        told = self.model.resolve(self.actors[who], chosen, act)
        with acting_as(self.persons[who]) as session:
            outcome = resolve(session, {waiting[key]: choice for key, choice in chosen.items()})  # type: ignore[misc]
        self.compare(who, act, told, outcome, reloads=False)

    # What must hold

    def compare(self, who: str, act: Act, told: list[Told], outcome: Outcome, *, reloads: bool) -> None:
        """What somebody was told is what the model would have told them."""
        act.id = outcome.change_set_id
        assert (act.id is not None) == act.is_opened, (told, outcome)
        for expected, result in zip(told, outcome.results, strict=True):
            assert result.status == expected.status, (expected, result)
            if expected.is_error:
                continue
            assert (result.record_id, result.version, result.applied) == (expected.lead_id, expected.version, expected.applied), (expected, result)
            self.compare_conflicts(expected.conflicts, result.conflicts)
            self.accepted += [
                (expected.lead_id or 0, result.version or 0, name, plain(result.edit.wanted[name])) for name in result.applied if name in result.edit.wanted
            ]
            if reloads:
                self.pages[who, expected.lead_id or 0] = result.version or 0

    def compare_conflicts(self, expected: Mapping[str, Met], found: Any) -> None:
        assert {met.field for met in found} == expected.keys(), (expected, found)
        for met in found:
            other = expected[met.field]
            assert met.their_person_id == other.their_person_id, (other, met)
            for side in ("seen", "theirs", "mine"):
                self.check_same(getattr(other, side), getattr(met, side), met.field, met)

    def check_same(self, expected: Any, found: Any, name: str, about: Any) -> None:
        """A plain value of the model's and one of the database's. Deletions are told apart by their moments."""
        if name == "deleted_at" and expected is not None and found is not None:
            moment = datetime.fromisoformat(str(found))
            assert self.moments.setdefault(expected, moment) == moment, about
            return
        assert expected == found, (name, expected, found, about)

    @invariant()
    def records_history_and_ledger_are_the_models(self) -> None:
        ids = list(self.model.leads)
        self.check_rows(ids)
        self.check_history(ids)
        self.check_conflicts(ids)
        self.check_ledger(ids)

    def check_rows(self, ids: list[int]) -> None:
        rows = {row["id"]: row for row in self.db.rows("select * from crm.leads where id = any(:ids)", ids=ids)}
        for lead_id, lead in self.model.leads.items():
            row = rows[lead_id]
            amount, close = row["value_amount"], row["expected_close_on"]
            plain = {
                **row, "value": amount if amount is None else {"amount": f"{amount:.2f}", "currency": row["value_currency"]},
                "expected_close_on": close and close.isoformat(), "custom.size": row["custom"].get("size"),
            }  # fmt: skip
            assert (row["version"], row["value_usd"]) == (lead.version, lead.value_usd)
            for name in (*FIELDS, "deleted_at"):
                self.check_same(lead.values.get(name), plain[name], name, row)

    def check_history(self, ids: list[int]) -> None:
        changes: dict[int, list[Any]] = {lead_id: [] for lead_id in ids}
        for change in self.db.rows("select * from crm.changes where record_type = 'lead' and record_id = any(:ids) order by record_id, version", ids=ids):
            changes[change["record_id"]].append(change)
        for lead_id, lead in self.model.leads.items():
            assert [change["version"] for change in changes[lead_id]] == list(range(1, lead.version + 1))
            for version, change in zip(lead.history, changes[lead_id], strict=True):
                assert (change["change_set_id"], change["person_id"]) == (version.act.id, version.person_id), change
                assert change["fields"].keys() == version.fields.keys(), (version, change)
                for name, pair in version.fields.items():
                    for expected, found in zip(pair, change["fields"][name], strict=True):
                        self.check_same(expected, found, name, change)
        for lead_id, version, name, value in self.accepted:
            told = changes[lead_id][version - 1]["fields"][name][1]
            assert name == "deleted_at" or told == value, ("an accepted edit was lost", lead_id, version, name, value, told)

    def check_conflicts(self, ids: list[int]) -> None:
        rows = self.db.rows("select * from crm.conflicts where record_type = 'lead' and record_id = any(:ids) and resolved_at is null", ids=ids)
        found = {(row["person_id"], row["record_id"], row["field"]): row for row in rows}
        assert len(found) == len(rows) and found.keys() == self.model.conflicts.keys()
        for key, kept in self.model.conflicts.items():
            row = found[key]
            assert (row["seen_version"], row["their_version"], row["their_person_id"]) == (kept.seen_version, kept.their_version, kept.their_person_id)
            for side in ("seen", "theirs", "mine"):
                self.check_same(getattr(kept, side), row[side], key[2], row)

    def check_ledger(self, ids: list[int]) -> None:
        postings: dict[int, Counter[tuple[Any, ...]]] = {lead_id: Counter() for lead_id in ids}
        for p in self.db.rows("select * from crm.postings where lead_id = any(:ids)", ids=ids):
            bucket = (p["team_id"], p["pipeline_id"], p["stage_id"], p["owner_id"], p["close_month"] and p["close_month"].isoformat())
            postings[p["lead_id"]][p["kind"], bucket, p["other_stage_id"], p["leads"], p["value_usd"], p["change_set_id"]] += 1
        stays: dict[int, list[Any]] = {lead_id: [] for lead_id in ids}
        for stay in self.db.rows("select * from crm.stays where lead_id = any(:ids) order by id", ids=ids):
            stays[stay["lead_id"]].append(stay)
        for lead_id, lead in self.model.leads.items():
            assert postings[lead_id] == ledger_model.postings(lead.history)
            expected = ledger_model.stays(lead.history)
            found = stays[lead_id]
            assert [(s["entered_by"], bucket_of(s)) for s in found] == [each[:2] for each in expected]
            for number, stay in enumerate(found):
                is_last = number == len(found) - 1
                assert (stay["left_at"] is None) == (is_last and not lead.is_deleted)
                if not is_last:
                    goes_on, following = expected[number][2], found[number + 1]["entered_at"]
                    assert stay["left_at"] == following if goes_on else stay["left_at"] <= following

    def teardown(self) -> None:
        for who in ROLES:
            self.look(who, 0)
        assert complaints() == []

    # Words

    def attempt(self, who: str, what: Callable[[Session], Answer]) -> Answer | CrmError:
        """One transaction of one person, or why it was refused."""
        try:
            with acting_as(self.persons[who]) as session:
                return what(session)
        except CrmError as error:
            return error

    def begin(self, who: str) -> Act:
        act = Act(self.actors[who].id)
        self.model.acts.append(act)
        return act

    def lead(self, who: str, number: int) -> int:
        """Mostly one that stands before them; now and then any, hidden and deleted ones too."""
        actor, every = self.actors[who], list(self.model.leads)
        live = [lead_id for lead_id in every if self.model.sees(actor, lead_id) and not self.model.leads[lead_id].is_deleted]
        leads = live if live and number < 8 else every
        return leads[number % len(leads)]

    def page(self, who: str, lead_id: int) -> int:
        """The version this person looks at: the first one, until they look again."""
        return self.pages.get((who, lead_id), 1)

    def given(self, who: str, wanted: list[tuple[int, dict[str, Any]]]) -> list[tuple[int, int, dict[str, Any]]]:
        return [(self.lead(who, number), self.page(who, self.lead(who, number)), self.named(values)) for number, values in wanted]

    def named(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Drawn cells with ids for names."""
        found = dict(values)
        for name, value in values.items():
            if value is None:
                continue
            if name == "value":
                found[name] = {"amount": value[0], "currency": value[1]}
            elif name == "stage_id":
                found[name] = self.cast.stages[value[0]][value[1]]
            elif name in ("team_id", "pipeline_id", "owner_id"):
                book = {"team_id": self.cast.teams, "pipeline_id": self.cast.pipelines, "owner_id": self.cast.people}[name]
                found[name] = book[value]
        return found


def plain(value: Any) -> Any:
    """As change rows keep it; what settles a conflict comes as a Python value."""
    return value.as_json() if isinstance(value, Money) else value.isoformat() if isinstance(value, date) else value


def bucket_of(stay: Mapping[str, Any]) -> tuple[Any, ...]:
    month = stay["close_month"]
    return (stay["team_id"], stay["pipeline_id"], stay["stage_id"], stay["owner_id"], month and month.isoformat(), stay["value_usd"])
