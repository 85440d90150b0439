"""The fold is a cache: whatever it has counted, reports are exact to the last commit."""

import random
import threading
from datetime import date, timedelta

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import ProgrammingError

from crm.access import OPERATOR, acting_as, as_system
from crm.changes import Edit, apply
from crm.ledger.fold import fold, rebuild
from crm.reports.use_cases import run
from tests.db.ledgers import add_lead, at, change, complaints, days, recount_as_of, recount_now, set_time_zone, totals

MARCH_31 = date(2026, 3, 31)
APRIL_1 = date(2026, 4, 1)


@pytest.fixture
def past(db, cast):
    """A year of moves, owners, values and a deletion, of six leads; today's leads of the cast beside them."""
    chance = random.Random(4)
    for team, owner in (("Gulf", "ana"), ("Gulf", "bruno"), ("Gulf", None), ("Levant", "carla"), ("Gulf", "ana"), ("Gulf", "mona")):
        moment = at("2025-10-01 09:00") + timedelta(days=chance.randrange(60))
        lead = add_lead(cast, team, owner, when=moment, value=str(chance.randrange(1000, 9000)))
        for _ in range(4):
            moment += timedelta(hours=chance.randrange(1000))
            wanted = chance.choice([
                {"stage_id": cast.stages[team][chance.choice(["Contacted", "Negotiation", "Won", "Lost"])]},
                {"owner_id": chance.choice([cast.people["ana"], cast.people["carla"], None])},
                {"value": {"amount": str(chance.randrange(1000, 9000)), "currency": "USD"}},
            ])  # fmt: skip
            change(db, lead, when=moment, **wanted)
        if owner == "mona":
            change(db, lead, when=moment + timedelta(days=1), deleted_at=at("2026-06-01 00:00"))
    return [date(2025, 9, 30), date(2025, 11, 30), date(2025, 12, 17), date(2026, 1, 31), date(2026, 2, 1), MARCH_31, date(2026, 6, 15)]


@pytest.mark.parametrize("time_zone", ["UTC", "Asia/Dubai", "America/Los_Angeles"])
@pytest.mark.parametrize("counted", ["nothing folded", "all folded", "folded half-way"])
def test_stage_totals_equal_a_recount_now_and_as_of_any_day(db, cast, past, time_zone, counted):
    set_time_zone(db, time_zone)
    if counted != "nothing folded":
        fold()
    if counted == "folded half-way":
        change(db, cast.leads["Petra Supplies"], stage_id=cast.stages["Gulf"]["Won"])
        add_lead(cast, "Gulf", "ana", when=at("2025-12-17 21:00"), value="77")
    assert totals(OPERATOR) == recount_now(db)
    for day in past:
        assert totals(OPERATOR, day) == recount_as_of(db, day, time_zone), day


def test_folding_again_changes_nothing(db, cast, past):
    fold()
    before = days(db)
    assert fold() == 0
    assert days(db) == before


def test_a_rebuild_equals_folds_in_small_batches(db, cast, past):
    fold()
    for team, owner in (("Gulf", "ana"), ("Levant", "carla")):
        add_lead(cast, team, owner, when=at("2026-01-10 10:00"), value="500")
        change(db, cast.leads["Petra Supplies"], value={"amount": (owner == "ana" and "1") or "2", "currency": "USD"})
        fold(batch=2)
    incremental = days(db)
    rebuild()
    assert days(db) == incremental
    assert complaints() == []


def test_a_backdated_change_lands_on_its_own_day_after_that_day_was_folded(db, cast):
    lead = add_lead(cast, "Gulf", "ana", when=at("2026-03-01 08:00"), value="100")
    fold()
    change(db, lead, when=at("2026-03-15 08:00"), stage_id=cast.stages["Gulf"]["Won"])
    fold()
    open_stage, won = cast.stages["Gulf"]["Lead"], cast.stages["Gulf"]["Won"]
    assert totals(OPERATOR, date(2026, 3, 14)) == {open_stage: (1, 100.0)}
    assert totals(OPERATOR, date(2026, 3, 15)) == {won: (1, 100.0)}


@pytest.mark.parametrize("is_folded", [False, True], ids=["unfolded", "folded"])
@pytest.mark.parametrize(("time_zone", "is_there"), [("UTC", True), ("Asia/Dubai", False), ("America/New_York", True)])
def test_a_day_ends_at_midnight_in_the_reporting_time_zone(db, cast, time_zone, is_there, is_folded):
    set_time_zone(db, time_zone)
    add_lead(cast, "Gulf", "ana", when=at("2026-03-31 20:00"), value="100")
    if is_folded:
        fold()
    assert bool(totals(OPERATOR, MARCH_31)) is is_there
    assert totals(OPERATOR, APRIL_1)


def test_a_new_reporting_time_zone_rebuilds_the_days_with_the_next_fold(db, cast):
    add_lead(cast, "Gulf", "ana", when=at("2026-03-31 20:00"), value="100")
    fold()
    set_time_zone(db, "Asia/Dubai")
    stale = run(OPERATOR, "pipeline_by_stage", {}, MARCH_31)
    assert (stale.time_zone, sum(row["leads"] for row in stale.rows)) == ("UTC", 1)  # the old days, and it says so
    fold()
    fresh = run(OPERATOR, "pipeline_by_stage", {}, MARCH_31)
    assert (fresh.time_zone, sum(row["leads"] for row in fresh.rows)) == ("Asia/Dubai", 0)
    assert complaints() == []


def test_days_on_which_nothing_changed_on_balance_keep_no_row(db, cast):
    fold()
    lead = add_lead(cast, "Gulf", "ana", when=at("2026-03-01 08:00"), value="100")
    change(db, lead, when=at("2026-03-01 09:00"), stage_id=cast.stages["Gulf"]["Contacted"])
    change(db, lead, when=at("2026-03-01 10:00"), stage_id=cast.stages["Gulf"]["Lead"])
    fold()
    assert db.value("select count(*) from crm.posting_days where day = '2026-03-01'") == 1
    change(db, lead, when=at("2026-03-01 11:00"), stage_id=cast.stages["Gulf"]["Won"])
    fold()
    assert db.value("select count(*) from crm.posting_days where day = '2026-03-01'") == 1
    assert complaints() == []


def test_a_writer_who_commits_after_a_later_one_was_folded_is_not_lost(db, cast):
    fold()
    slow = {"name": "Slow Mills", "team_id": cast.teams["Gulf"], "value": {"amount": "10", "currency": "USD"}}
    with acting_as(OPERATOR) as session:
        apply(session, [Edit("lead", None, slow)], source="test", on_conflict="refuse")
        add_lead(cast, "Gulf", "ana", value="20")
        assert fold() == 1
    assert fold() == 1
    assert totals(OPERATOR) == recount_now(db)
    assert complaints() == []


def test_writers_and_folds_at_the_same_time_lose_and_double_nothing(db, cast):
    """Moves keep the number of leads: every read in between must see it, whatever a fold has just taken."""
    leads = [add_lead(cast, "Gulf", "ana", value="10") for _ in range(8)]
    expected = db.value("select count(*) from crm.leads where deleted_at is null")
    stages = list(cast.stages["Gulf"].values())
    is_over, errors, sums = threading.Event(), [], []

    def guarded(work):
        def run_it():
            try:
                work()
            except Exception as error:
                errors.append(error)

        return threading.Thread(target=run_it)

    def write(mine, seed):
        chance = random.Random(seed)
        for _ in range(12):
            lead = chance.choice(mine)
            change(db, lead, stage_id=chance.choice(stages), value={"amount": str(chance.randrange(1, 99)), "currency": "USD"})

    def keep_folding():
        while not is_over.is_set():
            fold(batch=5)

    def keep_reading():
        while not is_over.is_set():
            sums.append(sum(count for count, _ in totals(OPERATOR).values()))

    writers = [guarded(lambda part=part: write(leads[part::3], part)) for part in range(3)]
    others = [guarded(keep_folding), guarded(keep_folding), guarded(keep_reading)]
    for thread in writers + others:
        thread.start()
    for thread in writers:
        thread.join()
    is_over.set()
    for thread in others:
        thread.join()
    assert errors == []
    assert set(sums) == {expected}
    assert complaints() == []
    fold()
    assert db.value("select count(*) from crm.unfolded_postings") == 0
    assert totals(OPERATOR) == recount_now(db)
    assert complaints() == []


def test_a_rebuild_beside_writers_loses_and_doubles_nothing(db, cast):
    fold()
    lead = add_lead(cast, "Gulf", "ana", value="10")
    stages = list(cast.stages["Gulf"].values())
    writer = threading.Thread(target=lambda: [change(db, lead, stage_id=stages[turn % 3]) for turn in range(20)])
    writer.start()
    while writer.is_alive():
        rebuild()
    writer.join()
    assert complaints() == []
    assert totals(OPERATOR) == recount_now(db)


def test_what_is_posted_in_the_middle_of_a_rebuild_is_counted_once(db, cast):
    """Between the rebuild's own statements: it has emptied the list, and counts only what is not listed again."""
    fold()
    posted = []

    def post_first(connection, cursor, statement, *rest):
        if "insert into crm.posting_days" in statement and not posted:
            posted.append(True)
            add_lead(cast, "Gulf", "ana", value="20")

    event.listen(db.engine, "before_cursor_execute", post_first)
    rebuild()
    event.remove(db.engine, "before_cursor_execute", post_first)
    assert totals(OPERATOR) == recount_now(db)
    assert complaints() == []
    assert (posted, fold()) == ([True], 1)


@pytest.mark.parametrize("table", ["postings", "stays"])
def test_nobody_can_change_what_was_posted(db, cast, table):
    for session_of in (as_system, lambda: acting_as(OPERATOR)):
        with pytest.raises(ProgrammingError, match="permission denied"), session_of() as session:
            session.execute(text(f"update crm.{table} set value_usd = 0"))


def test_steps_follow_the_days_and_end_with_whole_ones(db):
    """What took longer never stands on an earlier step, and whole days end one: by steps alone it is known who was in time."""
    took = sorted(random.Random(3).choice([1e-7, 0.001, 0.3, 1, 3, 40]) * random.Random(n).random() for n in range(2000))
    steps = [
        row["step"]
        for row in db.rows("select crm.step_of(t.took) as step from unnest(cast(:took as float8[])) with ordinality as t (took, n) order by n", took=took)
    ]
    assert steps == sorted(steps)
    assert all((step <= days) == (each <= days) for each, step in zip(took, steps, strict=True) for days in (1, 2, 7, 40))
    assert [db.value("select crm.step_of(cast(:d as float8))", d=days) for days in (-1, 0, 1, 1.001, 2, 2.5, 700)] == [-800, -800, 0, 2, 2, 3, 700]
