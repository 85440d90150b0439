"""The funnel: of the leads that began in a period, how many got how far."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import text

from crm.access import OPERATOR
from crm.reports.use_cases import run
from tests.db.ledgers import add_lead, at, change
from tests.queries.test_pipeline_by_stage import with_grants

JANUARY = {"from": "2026-01-01", "to": "2026-01-31", "pipeline": ""}


def funnel(cast, person=OPERATOR, as_of=None, **filters):
    """Stage name of Gulf's pipeline -> its row."""
    given = {"from": "2026-01-01", "to": "2026-01-31", **filters}
    return {row["stage"]: row for row in run(person, "funnel", given, as_of).rows if row["pipeline_id"] == cast.pipelines["Gulf"]}


@pytest.fixture
def january(db, cast):
    """Four began in January: one stays, one is lost from Contacted, one jumps to Negotiation, one is won in February. One began before."""
    gulf = cast.stages["Gulf"]
    leads = [add_lead(cast, "Gulf", "ana", when=at(f"2026-01-0{day} 10:00"), value="10") for day in (2, 3, 4, 5)]
    change(db, leads[1], when=at("2026-01-10 10:00"), stage_id=gulf["Contacted"])
    change(db, leads[1], when=at("2026-01-20 10:00"), stage_id=gulf["Lost"])
    change(db, leads[2], when=at("2026-01-10 10:00"), stage_id=gulf["Negotiation"])
    change(db, leads[3], when=at("2026-01-10 10:00"), stage_id=gulf["Contacted"])
    change(db, leads[3], when=at("2026-02-10 10:00"), stage_id=gulf["Won"])
    before = add_lead(cast, "Gulf", "bruno", when=at("2025-12-31 10:00"), value="10")
    change(db, before, when=at("2026-01-10 10:00"), stage_id=gulf["Won"])
    return leads


def test_a_later_stage_counts_as_reached_on_the_way(db, cast, january):
    found = funnel(cast)
    assert {stage: row["reached"] for stage, row in found.items()} == {"Lead": 4, "Contacted": 3, "Negotiation": 2, "Won": 1}
    assert [found[stage]["share"] for stage in ("Lead", "Contacted", "Negotiation", "Won")] == [1, Decimal("0.75"), Decimal("0.5"), Decimal("0.25")]
    assert [found[stage]["from_previous"] for stage in ("Lead", "Contacted", "Negotiation", "Won")] == [
        None,
        Decimal("0.75"),
        Decimal("0.6667"),
        Decimal("0.5"),
    ]


def test_who_is_lost_counts_where_they_got_to(db, cast, january):
    assert {stage: row["lost"] for stage, row in funnel(cast).items()} == {"Lead": 0, "Contacted": 1, "Negotiation": 0, "Won": 0}


def test_as_of_a_past_day_later_steps_have_not_happened(db, cast, january):
    assert {stage: row["reached"] for stage, row in funnel(cast, as_of=date(2026, 2, 9)).items()} == {"Lead": 4, "Contacted": 3, "Negotiation": 1, "Won": 0}


def test_values_are_of_those_that_got_there(db, cast, january):
    assert {stage: float(row["value_usd"]) for stage, row in funnel(cast).items()} == {"Lead": 40, "Contacted": 30, "Negotiation": 20, "Won": 10}


def test_filters_and_reach_narrow_it(db, cast, january):
    assert funnel(cast, owner="bruno") == {}
    assert funnel(cast, with_grants(cast.who("bruno"), gulf="own")) == {}
    assert funnel(cast, cast.who("carla")) == {}
    assert funnel(cast, cast.who("bruno"))["Lead"]["reached"] == 4


def test_a_deleted_lead_counts_up_to_the_day_it_was_deleted(db, cast, january):
    change(db, january[2], when=at("2026-03-01 10:00"), deleted_at=at("2026-03-01 10:00"))
    assert funnel(cast)["Negotiation"]["reached"] == 1
    assert funnel(cast, as_of=date(2026, 2, 28))["Negotiation"]["reached"] == 2


def test_a_restored_lead_has_been_where_it_was(db, cast, january):
    change(db, january[2], when=at("2026-03-01 10:00"), stage_id=cast.stages["Gulf"]["Lead"])
    change(db, january[2], when=at("2026-03-02 10:00"), deleted_at=at("2026-03-02 10:00"))
    change(db, january[2], when=at("2026-03-03 10:00"), deleted_at=None)
    assert {stage: row["reached"] for stage, row in funnel(cast).items()} == {"Lead": 4, "Contacted": 3, "Negotiation": 2, "Won": 1}


def test_another_order_of_stages_counts_from_now_on_for_what_was_reached_before(db, cast, january):
    with db.owner().begin() as connection:
        for place, name in ((1, "Negotiation"), (2, "Contacted")):
            connection.execute(text("update crm.stages set position = :p, version = version + 1 where name = :n"), {"p": place, "n": name})
    assert {stage: row["reached"] for stage, row in funnel(cast).items()} == {"Lead": 4, "Negotiation": 3, "Contacted": 2, "Won": 1}


def test_nobody_began(db, cast):
    assert funnel(cast, **{"from": "2020-01-01", "to": "2020-01-31"}) == {}
