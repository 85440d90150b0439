"""Who did how much is read from a fold, and is exact to the last commit for each person, whatever was corrected, given away, deleted and folded since."""

from __future__ import annotations

import random
import threading
from collections import defaultdict
from datetime import date, timedelta

import pytest
from sqlalchemy import text

from crm.access import OPERATOR, acting_as, as_system
from crm.activities.use_cases import add_activity
from crm.ledger.fold import fold, rebuild
from crm.reports.use_cases import run
from tests.db.ledgers import add_lead, at, complaints
from tests.queries.test_pipeline_by_stage import with_grants

KINDS = ("call", "meeting", "note", "mail_in", "mail_out", "message")
BEGINS = date(2026, 3, 1)
DAYS = 60
TO_ANOTHER_TEAM = """
    update crm.leads as l
    set version = l.version + 1, team_id = o.team_id, pipeline_id = o.pipeline_id, stage_id = o.stage_id
    from crm.leads as o
    where l.id = :l and o.id = :to and l.team_id <> o.team_id
"""
PERIODS = [(BEGINS, BEGINS + timedelta(days=DAYS)), (date(2026, 3, 10), date(2026, 3, 30)), (date(2026, 4, 1), date(2026, 4, 1))]


def somewhen(chance):
    return at("2026-03-01 00:00") + timedelta(minutes=chance.randrange(60 * 24 * DAYS))


def do(cast, lead, person, kind, when):
    wanted = {"kind": kind, "happened_at": when, "duration_minutes": 5}
    with acting_as(cast.who(person)) as session:
        add_activity(session, lead, wanted, source="test")


def raw(db, statement, **given):
    """What imports, merges and corrections do at last; the walls are not what is tried here."""
    with db.owner().begin() as connection:
        connection.execute(text(statement), given)


def one_act(db, cast, chance, leads):
    lead, other = chance.sample(leads, 2)
    mine = {"l": lead, "p": chance.choice([*cast.people.values(), None]), "at": somewhen(chance), "kind": chance.choice(KINDS), "to": other}
    which = "select id from crm.activities where lead_id = :l order by random() limit 1"
    acts = [
        "insert into crm.activities (lead_id, person_id, kind, happened_at, duration_minutes) values (:l, :p, :kind, :at, 7)",
        "insert into crm.activities (lead_id, person_id, kind, happened_at) select :l, :p, :kind, cast(:at as timestamptz) - n * interval '9 hours'"
        " from generate_series(1, 4) as n",
        f"update crm.activities set version = version + 1, happened_at = :at, kind = :kind where id = ({which})",
        f"update crm.activities set version = version + 1, person_id = :p where id = ({which}) and person_id is distinct from :p",
        f"update crm.activities set version = version + 1, deleted_at = case when deleted_at is null then now() end where id = ({which})",
        f"update crm.activities set version = version + 1, lead_id = :to where id = ({which})",
        f"delete from crm.activities where id = ({which})",
        "update crm.leads set version = version + 1, owner_id = :p where id = :l and owner_id is distinct from :p",
        "update crm.leads set version = version + 1, deleted_at = case when deleted_at is null then now() end where id = :l",
        TO_ANOTHER_TEAM,
    ]
    statement = chance.choice(acts)
    raw(db, statement, **{name: value for name, value in mine.items() if f":{name}" in statement})


def recounted(db, person, begins, ends, team=None):
    """Person -> what they did, from the activities and the leads that `person` sees."""
    with acting_as(person, resource="report", action="view") as session:
        seen = {row.id: row.team_id for row in session.execute(text("select id, team_id from crm.leads"))}
    found = defaultdict(list)
    for row in db.rows(
        "select lead_id, person_id, kind, (happened_at at time zone 'UTC')::date as day, duration_minutes from crm.activities where deleted_at is null"
    ):
        if begins <= row["day"] <= ends and row["lead_id"] in seen and team in (None, seen[row["lead_id"]]):
            found[row["person_id"]].append(row)
    return {
        who: (len(rows), len({row["lead_id"] for row in rows}), sum(row["kind"] == "call" for row in rows), sum(row["duration_minutes"] or 0 for row in rows))
        for who, rows in found.items()
    }


def reported(person, begins, ends, **filters):
    rows = run(person, "activity", {"from": begins.isoformat(), "to": ends.isoformat(), **filters}).rows
    return {row["person_id"]: (row["activities"], row["leads"], row["calls"], row["minutes"]) for row in rows}


def by_week(person):
    return sum(row["activities"] for row in run(person, "activity_by_week", {"from": "2026-03-01", "to": "2026-05-02"}).rows)


def agree(db, cast, lookers):
    for person in lookers:
        for begins, ends in PERIODS:
            assert reported(person, begins, ends) == recounted(db, person, begins, ends), (person.name, begins)
        whole = recounted(db, person, BEGINS, date(2026, 5, 2))
        assert by_week(person) == sum(count for count, *_ in whole.values()), person.name
    gulf = cast.teams["Gulf"]
    assert reported(OPERATOR, *PERIODS[0], team="Gulf") == recounted(db, OPERATOR, *PERIODS[0], team=gulf)


@pytest.fixture
def leads(cast):
    return [add_lead(cast, team, owner) for team, owner in (("Gulf", "ana"), ("Gulf", "bruno"), ("Gulf", None), ("Levant", "carla"), ("Levant", "carla"))]


@pytest.mark.parametrize("seed", range(4))
def test_it_equals_a_recount_for_everybody_whatever_is_folded(db, cast, leads, seed):
    chance = random.Random(seed)
    lookers = [OPERATOR, cast.who("ana"), cast.who("carla"), cast.who("mona"), with_grants(cast.who("bruno"), gulf="own")]
    for step in range(40):
        one_act(db, cast, chance, leads)
        if chance.random() < 0.2:
            fold(batch=chance.choice([1, 3, 1000]))
            assert complaints() == [], step
        if step % 4 == 3:
            agree(db, cast, lookers)
    incremental = db.rows("select * from crm.folded_activities order by activity_id") if not fold() and not fold() else None
    rebuild()
    assert incremental is None or db.rows("select * from crm.folded_activities order by activity_id") == incremental
    agree(db, cast, lookers)


def test_a_lead_that_is_given_away_takes_along_what_was_done_before_anything_is_folded_again(db, cast, leads):
    do(cast, leads[0], "ana", "call", at("2026-03-05 10:00"))
    fold()
    assert reported(cast.who("carla"), *PERIODS[0]) == {}
    raw(db, TO_ANOTHER_TEAM, l=leads[0], to=leads[3])
    assert reported(cast.who("ana"), *PERIODS[0]) == {}
    assert reported(cast.who("carla"), *PERIODS[0]) == {cast.people["ana"]: (1, 1, 1, 5)}


def test_a_deleted_lead_that_is_given_away_takes_along_what_was_done_too(db, cast, leads):
    do(cast, leads[0], "ana", "call", at("2026-03-05 10:00"))
    raw(db, "update crm.leads set version = version + 1, deleted_at = now() where id = :l", l=leads[0])
    fold()
    raw(db, TO_ANOTHER_TEAM, l=leads[0], to=leads[3])
    for _ in range(2):
        assert reported(cast.who("ana"), *PERIODS[0]) == {}
        assert reported(cast.who("carla"), *PERIODS[0]) == {cast.people["ana"]: (1, 1, 1, 5)}
        fold()
    assert complaints() == []


def test_a_stage_move_writes_no_activity_anew(db, cast, leads):
    do(cast, leads[0], "ana", "call", at("2026-03-05 10:00"))
    fold()
    before = db.rows("select activity_id, xmin::text from crm.folded_activities")
    raw(db, "update crm.leads set version = version + 1, stage_id = :s where id = :l", s=cast.stages["Gulf"]["Contacted"], l=leads[0])
    assert fold() == 2
    assert db.rows("select activity_id, xmin::text from crm.folded_activities") == before


def test_a_fold_beside_people_who_work_never_shows_anything_twice(db, cast, leads):
    stop, seen = threading.Event(), []

    def look():
        while not stop.is_set():
            seen.append(sum(count for count, *_ in reported(OPERATOR, *PERIODS[0]).values()))

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for number in range(25):
            do(cast, leads[number % 5], "alma", "call", at("2026-03-05 10:00"))
            fold()
    finally:
        stop.set()
        looker.join()
    assert seen == sorted(seen)
    assert max(seen) <= 25


def test_nobody_of_the_app_lists_or_folds_but_the_machinery(db, cast):
    with acting_as(cast.who("alma")) as session:
        assert not session.scalar(text("select has_table_privilege('crm.folded_activities', 'insert')"))
        assert not session.scalar(text("select has_function_privilege('crm.fold_activities(bigint[])', 'execute')"))
    with as_system() as session:
        assert session.scalar(text("select has_function_privilege('crm.fold_activities(bigint[])', 'execute')"))
