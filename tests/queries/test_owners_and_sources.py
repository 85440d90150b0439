"""What each owner has open, began, won and lost; where leads come from and what becomes of them."""

from datetime import date
from decimal import Decimal

import pytest

from crm.access import OPERATOR
from crm.ledger.fold import fold
from crm.reports.use_cases import run
from tests.db.ledgers import add_lead, at, change
from tests.queries.test_pipeline_by_stage import with_grants

MARCH = {"from": "2026-03-01", "to": "2026-03-31"}
MARCH_31 = date(2026, 3, 31)


@pytest.fixture(params=[False, True], ids=["unfolded", "folded"])
def march(request, db, cast):
    """Ana: one open, one won in ten days; bruno: one lost, one given to ana in April; nobody: one open; carla: one won that began in February."""
    gulf = cast.stages["Gulf"]
    add_lead(cast, "Gulf", "ana", when=at("2026-03-02 10:00"), value="100", stage="Negotiation", source="Fair", market="AE")
    won = add_lead(cast, "Gulf", "ana", when=at("2026-03-05 10:00"), value="70", source="Fair")
    change(db, won, when=at("2026-03-15 10:00"), stage_id=gulf["Won"])
    lost = add_lead(cast, "Gulf", "bruno", when=at("2026-03-05 10:00"), value="30", source="Web")
    change(db, lost, when=at("2026-03-31 23:00"), stage_id=gulf["Lost"])
    given = add_lead(cast, "Gulf", "bruno", when=at("2026-03-31 10:00"), value="8")
    change(db, given, when=at("2026-04-05 10:00"), owner_id=cast.people["ana"])
    add_lead(cast, "Gulf", None, when=at("2026-02-05 10:00"), value="5")
    before = add_lead(cast, "Levant", "carla", when=at("2026-02-05 10:00"), value="1000", source="Web")
    change(db, before, when=at("2026-03-15 10:00"), stage_id=cast.stages["Levant"]["Won"])
    if request.param:
        fold()


def owners(person=OPERATOR, as_of=MARCH_31, **filters):
    rows = run(person, "owners", {**MARCH, **filters}, as_of).rows
    names = ("open", "open_value_usd", "weighted_usd", "began", "won", "lost", "won_value_usd")
    return {row["owner"]: tuple(float(row[name]) for name in names) for row in rows}


def test_each_owner_has_their_own(db, cast, march):
    assert owners() == {
        "Carla": (0, 0, 0, 0, 1, 0, 1000), "Ana": (1, 100, 50, 2, 1, 0, 70), "Bruno": (1, 8, 0.8, 2, 0, 1, 0), "Nobody": (1, 5, 0.5, 0, 0, 0, 0),
    }  # fmt: skip


def test_now_a_given_lead_is_its_new_owners(db, cast, march):
    found = owners(as_of=None)
    assert (found["Ana"][3], found["Bruno"][3]) == (3, 1)  # who began in March and is theirs now
    assert found["Ana"][0] == 4  # with the two of the cast


def test_rates_and_days(db, cast, march):
    ana = next(row for row in run(OPERATOR, "owners", MARCH, MARCH_31).rows if row["owner"] == "Ana")
    assert (ana["owner_id"], ana["win_rate"], ana["median_days"]) == (cast.people["ana"], 1, 10)


def test_owners_are_those_in_reach(db, cast, march):
    assert set(owners(cast.who("carla"))) == {"Carla"}
    assert set(owners(with_grants(cast.who("ana"), gulf="own"))) == {"Ana"}
    assert set(owners(team="Gulf")) == {"Ana", "Bruno", "Nobody"}
    assert set(owners(owner="bruno")) == {"Bruno"}


def sources(person=OPERATOR, as_of=MARCH_31, **filters):
    rows = run(person, "sources", {**MARCH, **filters}, as_of).rows
    return {row["source"]: tuple(float(row[name]) for name in ("leads", "open", "won", "lost", "value_usd", "won_value_usd")) for row in rows}


def test_sources_follow_those_that_began(db, cast, march):
    assert sources() == {"Fair": (2, 1, 1, 0, 170, 70), "Web": (1, 0, 0, 1, 30, 0), "Not given": (1, 1, 0, 0, 8, 0)}
    rows = run(OPERATOR, "sources", MARCH, MARCH_31).rows
    assert [(row["share"], row["win_rate"], row["median_days"]) for row in rows] == [
        (Decimal("0.5"), 1, 10),
        (Decimal("0.25"), 0, None),
        (Decimal("0.25"), None, None),
    ]


def test_as_of_an_earlier_day_less_has_become_of_them(db, cast, march):
    assert sources(as_of=date(2026, 3, 14), to="2026-03-14") == {"Fair": (2, 2, 0, 0, 170, 0), "Web": (1, 1, 0, 0, 30, 0)}
    assert sources(as_of=None) == sources()


def test_sources_are_of_leads_in_reach(db, cast, march):
    assert sources(cast.who("carla")) == {}
    assert sources(with_grants(cast.who("bruno"), gulf="own"), as_of=None) == {"Web": (1, 0, 0, 1, 30, 0)}
    assert sources(market="ae") == {"Fair": (1, 1, 0, 0, 100, 0)}
