"""How long leads stay in a stage before they move on, and which wait there too long."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from crm import clock
from crm.access import OPERATOR
from crm.reports.use_cases import run
from tests.db.ledgers import add_lead, at, change
from tests.queries.test_pipeline_by_stage import with_grants

JANUARY = {"from": "2026-01-01", "to": "2026-01-31"}


def velocity(cast, person=OPERATOR, as_of=None, **filters):
    """Stage of Gulf's pipeline -> its row."""
    rows = run(person, "stage_velocity", {**JANUARY, **filters}, as_of).rows
    return {row["stage"]: row for row in rows if row["pipeline_id"] == cast.pipelines["Gulf"]}


@pytest.fixture
def january(db, cast):
    """Five leave Lead after 1, 2, 3, 4 and 10 days; one of them had a new owner and value on the way; the last one goes on to Negotiation and stays."""
    gulf, leads = cast.stages["Gulf"], []
    for days in (1, 2, 3, 4, 10):
        lead = add_lead(cast, "Gulf", "ana", when=at("2026-01-05 10:00"), value="10", source="Fair" if days == 10 else None)
        leads.append(lead)
        if days == 4:
            change(db, lead, when=at("2026-01-06 10:00"), owner_id=cast.people["bruno"])
            change(db, lead, when=at("2026-01-07 10:00"), value={"amount": "20", "currency": "USD"})
        change(db, lead, when=at("2026-01-05 10:00") + timedelta(days=days), stage_id=gulf["Contacted"])
    change(db, leads[0], when=at("2026-02-05 10:00"), stage_id=gulf["Lost"])
    change(db, leads[4], when=at("2026-01-16 22:00"), stage_id=gulf["Negotiation"])
    gone = add_lead(cast, "Gulf", "ana", when=at("2026-01-05 10:00"))
    change(db, gone, when=at("2026-01-25 10:00"), deleted_at=at("2026-01-25 10:00"))
    return leads


def test_median_and_p90_are_of_those_that_moved_on(db, cast, january):
    lead, contacted = velocity(cast)["Lead"], velocity(cast)["Contacted"]
    assert (lead["moved_on"], lead["median_days"], lead["p90_days"]) == (5, 3, Decimal("7.60"))
    assert (lead["target_days"], lead["in_time_share"]) == (7, Decimal("0.8"))
    assert (contacted["moved_on"], contacted["median_days"], contacted["in_time_share"]) == (1, Decimal("1.50"), 1)


def test_a_new_owner_or_value_does_not_begin_the_days_anew(db, cast, january):
    assert velocity(cast, owner="bruno")["Lead"]["median_days"] == 4


def test_who_waits_too_long_then_and_now(db, cast, january):
    then = velocity(cast, as_of=date(2026, 1, 31))
    assert (then["Contacted"]["leads"], then["Contacted"]["over_target"], then["Contacted"]["over_target_usd"]) == (4, 4, 50)
    assert (then["Negotiation"]["leads"], then["Negotiation"]["over_target"]) == (1, 1)
    earlier = velocity(cast, as_of=date(2026, 1, 20), to="2026-01-20")
    assert (earlier["Negotiation"]["over_target"], earlier["Negotiation"]["oldest_days"]) == (0, Decimal("4.1"))
    now = velocity(cast)
    assert (now["Contacted"]["leads"], now["Contacted"]["over_target"]) == (3, 3)
    assert now["Lead"]["leads"] == 3 and now["Lead"]["over_target"] == 0


def test_filters_and_reach_narrow_it(db, cast, january):
    assert velocity(cast, source="Fair")["Lead"]["moved_on"] == 1
    assert velocity(cast, with_grants(cast.who("bruno"), gulf="own"))["Lead"]["moved_on"] == 1
    assert velocity(cast, cast.who("carla")) == {}
    assert velocity(cast, **{"from": "2026-02-01", "to": "2026-02-28"})["Lead"]["moved_on"] == 0


def test_a_stage_that_nobody_left_has_no_days(db, cast, january):
    row = velocity(cast, **{"from": "2020-01-01", "to": "2020-01-31"})["Lead"]
    assert (row["moved_on"], row["median_days"], row["p90_days"], row["in_time_share"]) == (0, None, None, None)


def test_a_lead_is_over_target_from_the_target_on(db, cast):
    now = clock.now()
    for days in (6, 8):
        add_lead(cast, "Gulf", "ana", when=now - timedelta(days=days), value="5")
    assert (velocity(cast)["Lead"]["over_target"], velocity(cast)["Lead"]["over_target_usd"]) == (1, 5)
