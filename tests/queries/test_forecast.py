"""Weighted value by month of expected close, what was won, and what the forecast said on an earlier day."""

from datetime import date

import pytest
import time_machine
from sqlalchemy import text

from crm.access import OPERATOR
from crm.errors import Invalid
from crm.reports.use_cases import run
from tests.db.ledgers import add_lead, at, change
from tests.queries.test_pipeline_by_stage import with_grants

MARCH_31 = date(2026, 3, 31)


def forecast(person=OPERATOR, as_of=MARCH_31, **filters):
    """Month (as 2026-03, or None) -> its row, without months of nothing."""
    rows = run(person, "forecast", filters, as_of).rows
    return {f"{row['month']:%Y-%m}" if row["month"] else None: row for row in rows if row["open"] or row["won"] or row["said_usd"]}


def figures(row):
    return tuple(float(row[name]) for name in ("open_value_usd", "weighted_usd", "won_value_usd", "expected_usd"))


@pytest.fixture
def spring(db, cast):
    """Two open for April (0.1 and, from 20 March on, 0.5), one without a date, one won in March that was to close in April, one postponed to May."""
    gulf = cast.stages["Gulf"]
    add_lead(cast, "Gulf", "ana", when=at("2026-01-05 10:00"), value="100", expected_close_on="2026-04-10")
    moved = add_lead(cast, "Gulf", "ana", when=at("2026-01-05 10:00"), value="200", expected_close_on="2026-04-30")
    change(db, moved, when=at("2026-03-20 10:00"), stage_id=gulf["Negotiation"])
    add_lead(cast, "Gulf", "bruno", when=at("2026-01-05 10:00"), value="40")
    won = add_lead(cast, "Gulf", "bruno", when=at("2026-01-05 10:00"), value="1000", expected_close_on="2026-04-15")
    change(db, won, when=at("2026-03-25 10:00"), stage_id=gulf["Won"])
    late = add_lead(cast, "Gulf", "bruno", when=at("2026-01-05 10:00"), value="10", expected_close_on="2026-04-01")
    change(db, late, when=at("2026-03-30 10:00"), expected_close_on="2026-05-20")


def test_open_value_is_weighted_and_won_value_stands_in_its_month(db, cast, spring):
    found = forecast()
    assert {month: figures(row) for month, row in found.items()} == {
        "2026-03": (0, 0, 1000, 1000), "2026-04": (300, 110, 0, 110), "2026-05": (10, 1, 0, 1), None: (40, 4, 0, 4),
    }  # fmt: skip


def test_what_it_said_on_an_earlier_day_stands_beside(db, cast, spring):
    found = forecast(said_on="2026-03-10")
    assert {month: float(row["said_usd"]) for month, row in found.items()} == {"2026-03": 0, "2026-04": 131, "2026-05": 0, None: 4}
    assert {row["said_usd"] for row in forecast().values()} == {None}


def test_as_of_the_earlier_day_it_says_the_same(db, cast, spring):
    assert {month: figures(row) for month, row in forecast(as_of=date(2026, 3, 10)).items()} == {"2026-04": (1310, 131, 0, 131), None: (40, 4, 0, 4)}


def test_the_chance_is_that_of_the_day_where_history_knows_it(db, cast, spring):
    with db.owner().begin() as connection:
        connection.execute(text("update crm.stages set probability = 0.9, version = version + 1 where name = 'Negotiation'"))
    assert figures(forecast()["2026-04"])[1] == 110
    with time_machine.travel("2026-11-26T09:00:00Z"):
        now = run(OPERATOR, "forecast", {"back": "12", "ahead": "0"}).rows
    assert sum(row["weighted_usd"] for row in now if row["month"] == date(2026, 4, 1)) == 190


def test_filters_and_reach_narrow_it(db, cast, spring):
    assert list(forecast(owner="bruno")) == ["2026-03", "2026-05", None]
    assert list(forecast(with_grants(cast.who("ana"), gulf="own"))) == ["2026-04"]
    assert forecast(cast.who("carla")) == {}


def test_it_shows_as_many_months_as_asked_for(db, cast, spring):
    assert [row["month"] for row in run(OPERATOR, "forecast", {"back": "1", "ahead": "2"}, MARCH_31).rows] == [
        date(2026, 2, 1), date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1), None,
    ]  # fmt: skip
    assert len([row for row in run(OPERATOR, "forecast", {}, MARCH_31).rows if row["month"]]) == 10


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"ahead": "61"}, "is not a number of months: give 0 to 60"), ({"back": "-1"}, "is not a number of months"), ({"back": "three"}, "number of months"),
        ({"said_on": "2026-04-01"}, "Give an earlier one"), ({"said_on": "lately"}, "is not a day"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_in_words(db, cast, asked, says):
    with pytest.raises(Invalid, match=says):
        run(OPERATOR, "forecast", asked, MARCH_31)
