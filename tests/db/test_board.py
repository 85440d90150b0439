"""The board's columns hold what the person sees, their sums are the leads', and moves go through the write path."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from crm import clock
from crm.access import acting_as
from crm.fields.filters import CustomFilter
from crm.leads.as_of import Past
from crm.leads.board import CARDS, BoardFilter, board, board_as_of, stamp
from crm.leads.use_cases import delete_leads, edit_leads
from crm.pipelines.reads import pipelines
from crm.ui.board import moves
from crm.ui.board.moves import Move
from crm.ui.lookups import Lookups, Names
from tests.browser.parts import days_ago

EVERYBODY = BoardFilter()


def look(cast, who, wanted=EVERYBODY, *, team="Gulf", before=None):
    """Stage -> (names of its cards, leads, USD)."""
    with acting_as(cast.who(who)) as session:
        pipeline = next(p for p in pipelines(session) if p.id == cast.pipelines[team])
        columns = board_as_of(session, pipeline, wanted, Past(before)) if before else board(session, pipeline, wanted).columns
    return {column.stage.name: ([card["name"] for card in column.cards], column.leads, column.value_usd) for column in columns}


def stamp_of(cast, who, wanted=EVERYBODY):
    with acting_as(cast.who(who)) as session:
        pipeline = next(p for p in pipelines(session) if p.id == cast.pipelines["Gulf"])
        return stamp(session, pipeline, wanted)


def write(cast, who, lead, **values):
    with acting_as(cast.who(who)) as session:
        version = session.scalar(text("select version from crm.leads where id = :id"), {"id": cast.leads[lead]})
        return edit_leads(session, [(cast.leads[lead], version, values)], source="test", on_conflict="refuse")


def move(cast, who, lead, stage, *, version=1, team="Gulf"):
    person = cast.who(who)
    with acting_as(person) as session:
        found = pipelines(session)
    lookups = Lookups(Names(person.id, "UTC", {}, {}, {}, {s.id: s for p in found for s in p.stages}), found, (), ("USD",))
    return moves.write(person, [Move(1, cast.leads[lead], version, cast.stages[team][stage])], lookups, {cast.leads[lead]: lead})


def test_a_column_holds_its_leads_changed_last_first_with_count_and_sum(cast):
    write(cast, "ana", "Al Noor Trading", next_step="call")
    assert look(cast, "mona")["Lead"] == (["Al Noor Trading", "Delta Foods", "Petra Supplies"], 3, Decimal("21900.00"))
    assert look(cast, "mona")["Won"] == ([], 0, Decimal(0))


def test_an_owners_board_is_hers_and_so_are_its_sums(cast):
    names, leads, usd = look(cast, "mona", BoardFilter(owner_ids=(cast.people["ana"],)))["Lead"]
    assert (set(names), leads, usd) == ({"Al Noor Trading", "Delta Foods"}, 2, Decimal("12400.00"))


def test_what_nobody_owns_has_a_board_of_its_own(cast):
    write(cast, "ana", "Delta Foods", owner_id=None)
    assert look(cast, "mona", BoardFilter(owner_ids=(0,)))["Lead"] == (["Delta Foods"], 1, Decimal(0))


def test_words_narrow_cards_and_sums_alike(cast):
    assert look(cast, "mona", BoardFilter(q="petra"))["Lead"] == (["Petra Supplies"], 1, Decimal("9500.00"))
    assert look(cast, "mona", BoardFilter(q="nile"))["Lead"] == ([], 0, Decimal(0))


def test_a_custom_field_narrows_cards_and_sums_alike_also_as_of_a_past_day_and_its_change_is_news(cast):
    small, large = (BoardFilter(custom=(CustomFilter("size", "number", **bound),)) for bound in ({"high": 5}, {"low": 10}))
    write(cast, "ana", "Al Noor Trading", **{"custom.size": 12})
    assert look(cast, "mona", large)["Lead"] == (["Al Noor Trading"], 1, Decimal("12400.00"))
    assert look(cast, "mona", small)["Lead"] == ([], 0, Decimal(0))
    assert look(cast, "mona", large, before=clock.now())["Lead"][1:] == (1, Decimal("12400.00"))
    before = stamp_of(cast, "mona", small)
    write(cast, "ana", "Al Noor Trading", **{"custom.size": 3})
    assert stamp_of(cast, "mona", small) != before
    assert look(cast, "carla", small, team="Levant")["Lead"][1] == 0


def test_a_column_shows_fifty_and_fifty_more_on_demand(cast, db):
    with db.owner().begin() as connection:
        connection.execute(
            text("""
                insert into crm.leads (name, team_id, pipeline_id, stage_id, effective_at, stage_entered_at)
                select 'Lead ' || n, :team, :pipeline, :stage, now(), now() from generate_series(1, 70) as n
            """),
            {"team": cast.teams["Gulf"], "pipeline": cast.pipelines["Gulf"], "stage": cast.stages["Gulf"]["Contacted"]},
        )
    names, leads, _ = look(cast, "mona")["Contacted"]
    assert (len(names), leads) == (CARDS, 70)
    names, leads, _ = look(cast, "mona", BoardFilter(most={cast.stages["Gulf"]["Contacted"]: 100}))["Contacted"]
    assert (len(names), leads) == (70, 70)


def test_the_stamp_moves_with_every_change_and_only_then(cast):
    before = stamp_of(cast, "mona")
    assert stamp_of(cast, "mona") == before
    seen = {before}
    for act in (
        lambda: write(cast, "ana", "Delta Foods", stage_id=cast.stages["Gulf"]["Contacted"]),
        lambda: write(cast, "ana", "Delta Foods", value={"amount": "10", "currency": "AED"}),
        lambda: write(cast, "bruno", "Petra Supplies", owner_id=cast.people["ana"]),
        lambda: delete_one(cast, "ana", "Al Noor Trading"),
    ):
        act()
        seen.add(stamp_of(cast, "mona"))
    assert len(seen) == 5


def delete_one(cast, who, lead):
    with acting_as(cast.who(who)) as session:
        delete_leads(session, [(cast.leads[lead], 1)], source="test", on_conflict="refuse")


@pytest.mark.parametrize("wanted", [EVERYBODY, BoardFilter(q="petra"), BoardFilter(q="nothing like it"), BoardFilter(owner_ids=(0,))])
def test_a_board_carries_the_stamp_that_is_asked_for_later(cast, wanted):
    with acting_as(cast.who("mona")) as session:
        pipeline = next(p for p in pipelines(session) if p.id == cast.pipelines["Gulf"])
        assert board(session, pipeline, wanted).stamp == stamp(session, pipeline, wanted)


def test_another_teams_change_leaves_the_stamp_alone(cast):
    before = stamp_of(cast, "ana")
    write(cast, "carla", "Nile Mart", next_step="call")
    assert stamp_of(cast, "ana") == before


def test_the_stamp_tells_of_a_lead_that_left_beyond_the_cards_shown(cast, db):
    with db.owner().begin() as connection:
        connection.execute(
            text("""
                insert into crm.leads (name, team_id, pipeline_id, stage_id, effective_at, stage_entered_at, updated_at)
                select 'Lead ' || n, :team, :pipeline, :stage, now(), now(), now() + interval '1 h' from generate_series(1, 60) as n
            """),
            {"team": cast.teams["Gulf"], "pipeline": cast.pipelines["Gulf"], "stage": cast.stages["Gulf"]["Lead"]},
        )
    before = stamp_of(cast, "mona")
    delete_one(cast, "ana", "Al Noor Trading")
    assert stamp_of(cast, "mona") != before


def test_a_past_days_board_stands_as_it_stood(cast, db):
    then = datetime.now(UTC)
    write(cast, "ana", "Al Noor Trading", stage_id=cast.stages["Gulf"]["Won"], name="Al Noor", value={"amount": "1", "currency": "USD"})
    delete_one(cast, "ana", "Delta Foods")
    found = look(cast, "mona", before=then)
    assert (set(found["Lead"][0]), *found["Lead"][1:]) == ({"Al Noor Trading", "Petra Supplies", "Delta Foods"}, 3, Decimal("21900.00"))
    assert look(cast, "mona", before=days_ago(400)) == {name: ([], 0, Decimal(0)) for name in found}
    assert look(cast, "mona", before=clock.now() + timedelta(minutes=1))["Won"] == (["Al Noor"], 1, Decimal("1.00"))


def test_a_move_is_written_with_its_source_and_can_be_taken_back(cast, db):
    done = move(cast, "ana", "Delta Foods", "Negotiation")
    assert (done.answers[1]["ok"], done.answers[1]["version"], done.said) == (True, 2, "Delta Foods → Negotiation.")
    assert db.value("select source from crm.changes where record_type = 'lead' and record_id = :id and version = 2", id=cast.leads["Delta Foods"]) == "board"
    assert done.change_set_id


def test_a_move_to_a_stage_that_asks_for_more_is_refused_with_what_is_missing(cast, db):
    with db.owner().begin() as connection:
        connection.execute(
            text('update crm.stages set requirements = \'{"fields": ["expected_close_on"]}\', version = version + 1 where id = :id'),
            {"id": cast.stages["Gulf"]["Negotiation"]},
        )
    done = move(cast, "ana", "Delta Foods", "Negotiation")
    assert done.answers[1] == {"ok": False, "why": "Negotiation needs an expected close date.", "fill": True}
    assert db.value("select version from crm.leads where id = :id", id=cast.leads["Delta Foods"]) == 1


def test_a_move_that_meets_a_colleagues_move_is_kept_as_a_conflict(cast, db):
    write(cast, "bruno", "Delta Foods", stage_id=cast.stages["Gulf"]["Contacted"])
    done = move(cast, "ana", "Delta Foods", "Negotiation")
    assert (done.answers[1]["ok"], done.met, done.said) == (False, [cast.leads["Delta Foods"]], "")
    assert db.value("select count(*) from crm.conflicts where field = 'stage_id' and resolved_at is null") == 1
    assert db.value("select stage_id from crm.leads where id = :id", id=cast.leads["Delta Foods"]) == cast.stages["Gulf"]["Contacted"]


def test_a_move_beside_a_colleagues_other_edit_is_merged(cast, db):
    write(cast, "bruno", "Delta Foods", next_step="his")
    assert move(cast, "ana", "Delta Foods", "Negotiation").answers[1]["ok"]
    row = db.rows("select stage_id, next_step from crm.leads where id = :id", id=cast.leads["Delta Foods"])[0]
    assert tuple(row.values()) == (cast.stages["Gulf"]["Negotiation"], "his")


@pytest.mark.parametrize(
    ("who", "lead", "stage", "team", "words"),
    [
        ("ana", "Nile Mart", "Won", "Levant", "There is no such lead"),
        ("ana", "Delta Foods", "Won", "Levant", "not part of"),
        ("vera", "Delta Foods", "Won", "Gulf", "does not let you edit"),
    ],
)
def test_a_move_that_may_not_be_is_refused_in_words_and_changes_nothing(cast, db, who, lead, stage, team, words):
    before = everything(db)
    done = move(cast, who, lead, stage, team=team)
    assert words in done.answers[1]["why"] and not done.answers[1]["ok"]
    assert everything(db) == before


def everything(db):
    return db.rows("select * from crm.leads order by id"), *(db.value(f"select count(*) from crm.{table}") for table in ("changes", "postings", "change_sets"))
