"""Month by month: of the leads that began together, how many were won by when; of customers, how many ordered again."""

from datetime import date

import pytest

from crm.access import OPERATOR
from crm.reports.use_cases import run
from tests.db.ledgers import add_lead, at, change, set_time_zone
from tests.queries.test_pipeline_by_stage import with_grants

WINTER = {"from": "2026-01-01", "to": "2026-03-31"}
MARCH_31 = date(2026, 3, 31)


@pytest.fixture
def winter(db, cast):
    """January: four, one won at once, one in March, one lost. March: one open."""
    gulf = cast.stages["Gulf"]
    leads = [add_lead(cast, "Gulf", "ana", when=at(f"2026-01-{day} 10:00"), value="10") for day in ("01", "10", "20")]
    leads.append(add_lead(cast, "Gulf", "bruno", when=at("2026-01-31 22:00"), value="10", source="Fair"))
    change(db, leads[0], when=at("2026-01-02 10:00"), stage_id=gulf["Won"])
    change(db, leads[1], when=at("2026-03-02 10:00"), stage_id=gulf["Won"])
    change(db, leads[2], when=at("2026-02-02 10:00"), stage_id=gulf["Lost"])
    add_lead(cast, "Gulf", "bruno", when=at("2026-03-05 10:00"), value="10")
    change(db, leads[0], when=at("2026-04-02 10:00"), stage_id=gulf["Lost"])
    return leads


def cohorts(person=OPERATOR, as_of=MARCH_31, **filters):
    rows = run(person, "cohorts", {**WINTER, **filters}, as_of).rows
    return [(f"{row['cohort']:%Y-%m}", row["months_since"], row["leads"], row["won"], float(row["won_share"]), float(row["won_value_usd"])) for row in rows]


def test_wins_add_up_from_month_to_month(db, cast, winter):
    assert cohorts() == [
        ("2026-01", 0, 4, 1, 0.25, 10), ("2026-01", 1, 4, 1, 0.25, 10), ("2026-01", 2, 4, 2, 0.5, 20), ("2026-03", 0, 1, 0, 0, 0),
    ]  # fmt: skip


def test_what_is_open_and_lost_stands_beside(db, cast, winter):
    rows = run(OPERATOR, "cohorts", WINTER, MARCH_31).rows
    assert {(row["open"], row["lost"]) for row in rows if row["leads"] == 4} == {(1, 1)}


def test_who_is_no_longer_won_counts_no_more(db, cast, winter):
    january = [row for row in cohorts(as_of=date(2026, 4, 30)) if row[0] == "2026-01"]
    assert [row[3] for row in january] == [0, 0, 1, 1]


def test_months_begin_in_the_reporting_time_zone(db, cast, winter):
    set_time_zone(db, "Asia/Dubai")
    assert [row[:3] for row in cohorts() if row[1] == 0] == [("2026-01", 0, 3), ("2026-02", 0, 1), ("2026-03", 0, 1)]


def test_filters_and_reach_narrow_it(db, cast, winter):
    assert [row[2] for row in cohorts(source="Fair")] == [1, 1, 1]
    assert cohorts(cast.who("carla")) == []
    assert {row[2] for row in cohorts(with_grants(cast.who("bruno"), gulf="own"))} == {1}
