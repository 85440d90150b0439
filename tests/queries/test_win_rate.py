"""What ended: won and lost by any group, and why leads were lost."""

from datetime import date
from decimal import Decimal

import pytest

from crm.access import OPERATOR, acting_as
from crm.changes import Edit, apply
from crm.errors import Invalid, Refused
from crm.reports.use_cases import run
from tests.db.ledgers import add_lead, at, change
from tests.queries.test_pipeline_by_stage import with_grants
from tests.roles import hide_from

QUARTER = {"from": "2026-01-01", "to": "2026-03-31"}


def begin(db, cast):
    """Ana wins two and loses one in the quarter; bruno loses one, wins one and has it reopened; carla wins one; one was won before."""
    with acting_as(OPERATOR) as session:
        apply(session, [Edit("custom_field", None, {"record_type": "lead", "label": "Product", "kind": "choice", "options": ["Oil", "Rice"]})], source="test")
    gulf, levant = cast.stages["Gulf"], cast.stages["Levant"]

    def lead(owner, began, *moves, team="Gulf", **more):
        made = add_lead(cast, team, owner, when=at(f"{began} 10:00"), **more)
        for day, stage, *reason in moves:
            change(db, made, when=at(f"{day} 10:00"), stage_id=cast.stages[team][stage], **({"lost_reason": reason[0]} if reason else {}))
        return made

    lead("ana", "2026-01-01", ("2026-01-11", "Won"), value="100", source="Fair", market="AE", **{"custom.product": "Oil"})
    lead("ana", "2026-01-01", ("2026-02-01", "Contacted"), ("2026-02-10", "Won"), value="50.50", source="Web", **{"custom.product": "Rice"})
    lead("ana", "2026-01-05", ("2026-02-10", "Contacted"), ("2026-03-31", "Lost", "Price"), value="30", source="Web", **{"custom.product": "Rice"})
    lead("bruno", "2026-01-05", ("2026-02-10", "Lost", "Price"), value="7")
    reopened = lead("bruno", "2026-01-05", ("2026-02-10", "Won"), ("2026-04-02", "Negotiation"), value="9")
    lead("carla", "2026-01-05", ("2026-03-10", "Won"), team="Levant", value="1000", source="Fair")
    lead("ana", "2025-11-05", ("2025-12-31", "Won"), value="5000")
    gone = lead("ana", "2026-01-05", ("2026-02-10", "Won"), value="6000")
    change(db, gone, when=at("2026-04-03 10:00"), deleted_at=at("2026-04-03 10:00"))
    assert gulf["Won"] != levant["Won"]
    return {"reopened": reopened, "gone": gone}


@pytest.fixture(scope="module")
def quarter(module_db, module_cast):
    """For those that only read it."""
    return begin(module_db, module_cast)


@pytest.fixture
def own_quarter(db, cast):
    return begin(db, cast)


def groups(by, person=OPERATOR, as_of=None, **filters):
    """Group -> (won, lost, won value)."""
    rows = run(person, "win_rate", {**QUARTER, "by": by, **filters}, as_of).rows
    return {row["group"]: (row["won"], row["lost"], float(row["won_value_usd"])) for row in rows}


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("owner", {"Ana": (2, 1, 150.5), "Bruno": (0, 1, 0), "Carla": (1, 0, 1000)}),
        ("team", {"Gulf": (2, 2, 150.5), "Levant": (1, 0, 1000)}),
        ("source", {"Fair": (2, 0, 1100), "Web": (1, 1, 50.5), "Not given": (0, 1, 0)}),
        ("market", {"AE": (1, 0, 100), "Not given": (2, 2, 1050.5)}),
        ("month", {"2026-01": (1, 0, 100), "2026-02": (1, 1, 50.5), "2026-03": (1, 1, 1000)}),
        ("stage_lost_from", {"Lead": (2, 1, 1100), "Contacted": (1, 1, 50.5)}),
        ("product", {"Oil": (1, 0, 100), "Rice": (1, 1, 50.5), "Not given": (1, 1, 1000)}),
        ("custom.product", {"Oil": (1, 0, 100), "Rice": (1, 1, 50.5), "Not given": (1, 1, 1000)}),
    ],
)
def test_each_group_counts_what_stands_won_and_lost(db, cast, quarter, by, expected):
    found = groups(by)
    if by == "stage_lost_from":  # each team has a stage of that name
        rows = run(OPERATOR, "win_rate", {**QUARTER, "by": by}).rows
        found = {name: tuple(sum(float(row[c]) for row in rows if row["group"] == name) for c in ("won", "lost", "won_value_usd")) for name in found}
    assert found == expected


@pytest.mark.leaves_no_trace
def test_rates_and_days_are_of_those_that_ended(db, cast, quarter):
    ana = next(row for row in run(OPERATOR, "win_rate", QUARTER).rows if row["group"] == "Ana")
    assert (ana["win_rate"], ana["median_days"], ana["mean_days"]) == (Decimal("0.6667"), 25, 25)
    assert (ana["lost_value_usd"], ana["group_id"]) == (30, cast.people["ana"])


@pytest.mark.leaves_no_trace
def test_as_of_a_past_day_they_stand_where_they_stood(db, cast, quarter):
    assert groups("owner", as_of=date(2026, 3, 31)) == {"Ana": (3, 1, 6150.5), "Bruno": (1, 1, 9), "Carla": (1, 0, 1000)}
    assert groups("owner", as_of=date(2026, 2, 9), to="2026-02-09") == {"Ana": (1, 0, 100)}
    assert groups("owner", as_of=date(2026, 4, 2)) == {"Ana": (3, 1, 6150.5), "Bruno": (0, 1, 0), "Carla": (1, 0, 1000)}


@pytest.mark.leaves_no_trace
def test_filters_and_reach_narrow_it(db, cast, quarter):
    assert groups("owner", team="Gulf", source="Web") == {"Ana": (1, 1, 50.5)}
    assert groups("source", market="ae") == {"Fair": (1, 0, 100)}
    assert groups("owner", cast.who("carla")) == {"Carla": (1, 0, 1000)}
    assert groups("owner", with_grants(cast.who("bruno"), gulf="own")) == {"Bruno": (0, 1, 0)}
    assert groups("owner", owner="mona") == {}


@pytest.mark.leaves_no_trace
def test_the_period_includes_its_last_day_in_the_reporting_time_zone(db, cast, quarter):
    assert groups("owner", to="2026-03-30")["Ana"] == (2, 0, 150.5)


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("by", ["value", "size", "custom.size", "no_such", "owner; drop table crm.leads", "custom.", "' or true --", "custom.product'--"])
def test_only_what_is_on_the_list_tells_groups_apart(db, cast, quarter, by):
    with pytest.raises(Invalid, match="tells no groups apart"):
        run(OPERATOR, "win_rate", {**QUARTER, "by": by})


@pytest.mark.leaves_no_trace
def test_a_source_is_a_value_and_never_a_part_of_the_query(db, cast, quarter):
    assert groups("owner", source="Fair' or true --") == {}


@pytest.mark.leaves_no_trace
def test_reasons_of_loss(db, cast, quarter):
    add = run(OPERATOR, "loss_reasons", QUARTER).rows
    assert [(row["reason"], row["lost"], row["share"], float(row["lost_value_usd"])) for row in add] == [("Price", 2, 1, 37.0)]
    assert run(OPERATOR, "loss_reasons", {**QUARTER, "team": "Levant"}).rows == []
    assert [row["lost"] for row in run(OPERATOR, "loss_reasons", QUARTER | {"to": "2026-03-01"}, date(2026, 3, 1)).rows] == [1]


@pytest.mark.parametrize(
    ("field", "report", "asked", "grant"),
    [
        ("source", "win_rate", {"by": "source"}, "lead.source: view"),
        ("source", "win_rate", {"source": "Fair"}, "lead.source: view"),
        ("source", "sources", {}, "lead.source: view"),
        ("market", "win_rate", {"by": "market"}, "lead.market: view"),
        ("custom.product", "win_rate", {"by": "product"}, "lead.custom.product: view"),
        ("lost_reason", "loss_reasons", {}, "lead.lost_reason: view"),
        ("expected_close_on", "forecast", {}, "lead.expected_close_on: view"),
    ],
)
def test_what_is_hidden_tells_no_groups_apart_and_the_refusal_names_the_grant(db, cast, own_quarter, field, report, asked, grant):
    ana = hide_from(cast, "ana", field)
    with pytest.raises(Refused) as refused:
        run(ana, report, asked)
    assert refused.value.facts["grant"] == grant


def test_hidden_values_leave_amounts_out_and_the_counts_in(db, cast, own_quarter):
    rows = run(hide_from(cast, "ana", "value"), "win_rate", {**QUARTER, "by": "team"}).rows
    assert [(row["won"], row["lost"], row["won_value_usd"], row["lost_value_usd"]) for row in rows] == [(2, 2, None, None)]
