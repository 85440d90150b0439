"""What was known on a day is what every report, list and board said at its end: whatever is entered later about earlier days leaves it as it was."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import cycle
from typing import Any

import pytest
from sqlalchemy import text

from crm import clock
from crm.access import OPERATOR, acting_as
from crm.activities.records import ACTIVITY
from crm.changes import Edit, apply
from crm.leads.as_of import list_leads_as_of, past_of
from crm.leads.board import BoardFilter, board_as_of
from crm.leads.reads import LeadFilter
from crm.ledger.fold import fold, rebuild
from crm.organisation.reads import reporting_time_zone
from crm.pipelines.reads import pipelines
from crm.reports.registry import REPORTS
from crm.reports.use_cases import run
from tests.db.ledgers import add_lead, change, complaints, set_time_zone

BEGINS = date(2025, 9, 1)
"""The same days in every run: which month they lie in makes a difference."""
EVER = {"from": "2025-07-01"}
OTHERS = ("mona", "ana", "carla", "vera", "bruno")
MORE: dict[str, list[dict[str, str]]] = {
    "win_rate": [{"by": "month"}, {"by": "source"}, {"by": "stage_lost_from"}, {"source": "Web"}],
    "forecast": [{"back": "12", "ahead": "12"}, {"source": "Web"}],
    "stage_velocity": [{"source": "Web"}],
    "explore": [
        {"which": "all", "by": "owner", "split": "source"}, {"which": "open"}, {"measure": "days_to_close", "which": "won", "by": "team"},
        {"measure": "weighted", "which": "open", "by": "closes_month"},
    ],
    "pipeline_by_month": [{"back": "6"}],
    **{name: [EVER] for name in ("loss_reasons", "won_by_week", "stale_by_week", "cohorts", "funnel", "owners", "sources")},
    **{name: [EVER] for name in ("movement", "activity", "activity_by_week")},
}  # fmt: skip


@dataclass
class Chronicle:
    """A history whose clock the test sets: what is entered today stands there as entered on the day that it is made for."""

    db: Any
    cast: Any
    chance: random.Random
    leads: list[int] = field(default_factory=list)
    activities: list[int] = field(default_factory=list)
    begun: datetime = field(default_factory=clock.now)

    def entered(self, at: datetime) -> None:
        """Nobody but the owner of the database can say that something was entered earlier, for the clock of a test."""
        with self.db.owner().begin() as connection:
            for statement in (
                "update crm.postings set posted_at = :at where posted_at > :begun",
                "update crm.changes set at = :at where at > :begun",
                "alter table crm.activities disable trigger user",
                "update crm.activities set created_at = least(created_at, :at), updated_at = :at where updated_at > :begun",
                "alter table crm.activities enable trigger user",
            ):
                connection.execute(text(statement), {"at": at, "begun": self.begun})

    def act(self, at: datetime) -> None:
        """One thing that is entered at that moment: most happened then, some before."""
        with self.entering(at):
            self._do(at)

    @contextmanager
    def entering(self, at: datetime) -> Iterator[None]:
        self.begun = self.db.value("select clock_timestamp()")  # what the cast came with is not of this history
        yield
        self.entered(at)

    def begin_two(self, at: datetime) -> list[int]:
        with self.entering(at):
            return [add_lead(self.cast, "Gulf", "ana", when=at, value="77", source="Web") for _ in range(2)]

    def end_two(self, leads: list[int], at: datetime, *, when: datetime) -> None:
        """One is won and one is lost, after a call, some time before anybody says so."""
        with self.entering(at):
            with acting_as(OPERATOR) as session:
                values = {"lead_id": leads[0], "kind": "call", "happened_at": when}
                apply(session, [Edit(ACTIVITY.name, None, values)], source="test", on_conflict="refuse")
            for lead, stage in zip(leads, ("Won", "Lost"), strict=True):
                change(self.db, lead, when=when, stage_id=self.cast.stages["Gulf"][stage])

    def _do(self, at: datetime) -> None:
        chance = self.chance
        if not self.leads or chance.random() < 0.25:
            when = at - timedelta(days=chance.choice([0, 0, 0, 0.02, 3, 40]))
            self.leads.append(
                add_lead(self.cast, "Gulf", chance.choice(["ana", "bruno", None]), when=when, value=str(chance.randrange(1, 999)), market="AE",
                         source=chance.choice(["Web", "Fair", None]))
            )  # fmt: skip
            return
        if chance.random() < 0.2:
            return self._talk(at)
        lead = chance.choice(self.leads)
        row = self.db.rows("select effective_at, team_id, deleted_at from crm.leads where id = :id", id=lead)[0]
        if row["effective_at"] > at:
            return
        when = at if chance.random() < 0.6 else row["effective_at"] + (at - row["effective_at"]) * chance.random()
        if row["deleted_at"]:
            return change(self.db, lead, when=when, deleted_at=None)
        team = next(name for name, team_id in self.cast.teams.items() if team_id == row["team_id"])
        stages, other = self.cast.stages[team], next(name for name in self.cast.teams if name != team)
        wanted = chance.choice([
            *({"stage_id": stages[name]} for name in ("Lead", "Contacted", "Negotiation", "Won", "Lost", "Won", "Contacted")),
            {"owner_id": chance.choice([self.cast.people["ana"], self.cast.people["bruno"], None])},
            {"value": {"amount": str(chance.randrange(1, 999)), "currency": "USD"}}, {"name": f"Sohar {chance.randrange(99)}"},
            {"expected_close_on": f"2026-{chance.randrange(1, 13):02}-15", "source": chance.choice(["Web", "Fair", None])},
            {"team_id": self.cast.teams[other], "pipeline_id": self.cast.pipelines[other], "stage_id": self.cast.stages[other]["Contacted"],
             "owner_id": self.cast.people[chance.choice(["carla", "ana"])]},
            {"deleted_at": when},
        ])  # fmt: skip
        if "team_id" not in wanted and wanted.get("stage_id") == self.db.value("select stage_id from crm.leads where id = :id", id=lead):
            return
        change(self.db, lead, when=when, **wanted)

    def _talk(self, at: datetime) -> None:
        """Somebody calls, or says later that they did; or says that it was otherwise, or takes it back."""
        with acting_as(OPERATOR) as session:
            if self.activities and self.chance.random() < 0.4:
                known = self.chance.choice(self.activities)
                version, gone = self.db.rows("select version, deleted_at from crm.activities where id = :id", id=known)[0].values()
                if gone is None:
                    wanted = self.chance.choice([{"kind": "meeting"}, {"duration_minutes": self.chance.randrange(90)}, {"deleted_at": at},
                                                 {"happened_at": at - timedelta(days=9)}])  # fmt: skip
                    apply(session, [Edit(ACTIVITY.name, known, wanted, version)], source="test", on_conflict="refuse")
                return
            when = at - timedelta(days=self.chance.choice([0, 0, 5, 20]))
            values = {"lead_id": self.chance.choice(self.leads), "kind": self.chance.choice(["call", "message"]), "happened_at": when, "duration_minutes": 7}
            if self.db.value("select deleted_at from crm.leads where id = :id", id=values["lead_id"]) is None:
                made = apply(session, [Edit(ACTIVITY.name, None, values)], source="test", on_conflict="refuse")
                self.activities.append(made.results[0].record_id or 0)


def of_reports(cast, as_of, known_on):
    """What each report says to whoever sees everything, and in turns to another one. What leads are called, and what activities one sees, goes by today."""
    found: dict[tuple[Any, ...], Any] = {}
    others = cycle(OTHERS)
    for name, report in REPORTS.items():
        if report.is_of_orders:
            continue
        for number, asked in enumerate([{}, *MORE.get(name, [])]):
            for who in ("alma",) if name in ("stale_leads", "activity", "activity_by_week") else ("alma", next(others)):
                rows = run(cast.who(who), name, asked, as_of, known_on).rows
                found[name, number, who] = [{column: value for column, value in row.items() if column != "lead"} for row in rows]
    return found


def of_lists(cast, as_of, known_on):
    """The lists and boards of whoever sees everything: what others see of them goes by today."""
    found: dict[str, Any] = {}
    with acting_as(cast.who("alma")) as session:
        zone = reporting_time_zone(session)
        past = past_of(clock.end_of(as_of, zone), known_on, zone)
        columns = ("id", "name", "stage_id", "team_id", "owner_id", "value_amount", "value_usd", "source", "expected_close_on", "stage_entered_at")
        for sort in ("id", "-value_usd"):
            page = list_leads_as_of(session, past, LeadFilter(), sort=sort, limit=200)
            found[sort] = [tuple(row[column] for column in columns) for row in page.rows]
        for pipeline in pipelines(session):
            shown = board_as_of(session, pipeline, BoardFilter(), past)
            found[pipeline.id] = [(each.stage.id, each.leads, each.value_usd, [(card["id"], card["name"]) for card in each.cards]) for each in shown]
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_known_is_what_was_said_then(db, cast, seed):
    chance = random.Random(seed)
    if seed % 2:
        set_time_zone(db, "Asia/Dubai")
    history = Chronicle(db, cast, chance)
    said: dict[tuple[date, date], tuple[Any, Any]] = {}
    for number in range(60):
        day = BEGINS + timedelta(days=3 * number)
        history.act(datetime(day.year, day.month, day.day, 8, tzinfo=UTC))
        history.act(datetime(day.year, day.month, day.day, chance.randrange(9, 19), tzinfo=UTC))
        if number % 10 == 3:
            chance.choice([fold, rebuild])()
        if number == 10:
            two, early = history.begin_two(datetime(day.year, day.month, day.day, 20, tzinfo=UTC)), day
        if number == 50:
            history.end_two(two, datetime(day.year, day.month, day.day, 20, tzinfo=UTC), when=datetime(early.year, early.month, early.day, 21, tzinfo=UTC))
        if number == (40 if seed % 2 else 24):
            for as_of in (day, day - timedelta(days=25)):
                said[as_of, day] = (of_reports(cast, as_of, None), of_lists(cast, as_of, None))
    assert complaints() == []
    learnt = {asked[0] for (as_of, _), (reports, _) in said.items() for asked, rows in of_reports(cast, as_of, None).items() if rows != reports[asked]}
    assert learnt == {name for name, report in REPORTS.items() if not report.is_of_orders}, "each says something else by now"
    for days in (list(said), list(said)[:1]):  # before everything is folded, and after
        for as_of, known_on in days:
            reports, lists = said[as_of, known_on]
            for asked, rows in of_reports(cast, as_of, known_on).items():
                assert rows == reports[asked], (asked, as_of, known_on)
            assert of_lists(cast, as_of, known_on) == lists, (as_of, known_on)
        fold()
