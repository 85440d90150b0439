"""What each owner has open, began, won and lost; where leads come from and what becomes of them."""

from datetime import date
from decimal import Decimal
from io import StringIO

import pytest

from crm.access import OPERATOR, acting_as
from crm.ledger.fold import fold
from crm.organisation.configuring import save_setting
from crm.reports.export import Wanted, write_csv
from crm.reports.use_cases import run
from tests.db.ledgers import add_lead, at, change
from tests.db.test_goals import make_goal
from tests.queries.test_pipeline_by_stage import in_both_teams, with_grants
from tests.roles import hide_from

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


def goals(person=OPERATOR, as_of=MARCH_31, **filters):
    """Who has a goal -> it, what they won in its quarter, and how far that is."""
    rows = run(person, "owners", {**MARCH, **filters}, as_of).rows
    return {row["owner"]: (row["goal_usd"], row["goal_won_usd"], row["goal_progress"]) for row in rows if row["goal_usd"] is not None}


@pytest.fixture
def meant(db, cast, march):
    """Goals of the first quarter, in which ana won another 130 before March, and one of ana's for the next."""
    early = add_lead(cast, "Gulf", "ana", when=at("2026-01-05 10:00"), value="130")
    change(db, early, when=at("2026-01-31 23:00"), stage_id=cast.stages["Gulf"]["Won"])
    before = add_lead(cast, "Gulf", "ana", when=at("2025-12-05 10:00"), value="9000")
    change(db, before, when=at("2025-12-31 23:00"), stage_id=cast.stages["Gulf"]["Won"])
    for team, person, amount in (("Gulf", "ana", "400"), ("Gulf", "mona", "50"), ("Gulf", None, "9000"), ("Levant", "carla", "800")):
        make_goal(cast, "alma", team=team, person=person, starts_on="2026-01-01", amount=amount)
    make_goal(cast, person="ana", starts_on="2026-04-01", amount="7")


def test_a_goal_stands_beside_what_was_won_in_its_quarter(db, cast, meant):
    assert goals() == {"Carla": (800, 1000, Decimal("1.25")), "Ana": (400, 200, Decimal("0.5")), "Mona": (50, 0, 0)}


def test_whoever_has_a_goal_and_nothing_else_comes_last(db, cast, meant):
    assert list(owners()) == ["Carla", "Ana", "Bruno", "Nobody", "Mona"] and owners()["Mona"] == (0,) * 7


def test_a_goal_is_of_the_quarter_of_the_last_day_and_won_up_to_it(db, cast, meant):
    assert goals(to="2026-03-14", as_of=date(2026, 3, 14)) == {"Ana": (400, 130, Decimal("0.325")), "Carla": (800, 0, 0), "Mona": (50, 0, 0)}
    assert goals(to="2026-04-02", as_of=None) == {"Ana": (7, 0, 0)}
    assert goals(**{"from": "2025-12-01"}, to="2025-12-31") == {}


def test_a_quarter_begins_as_the_fiscal_year_does(db, cast, meant):
    with acting_as(cast.who("alma")) as session:
        save_setting(session, "fiscal_year_starts_in_month", 2, source="test")
    make_goal(cast, person="ana", starts_on="2026-02-01", amount="100")
    assert goals(owner="ana") == {"Ana": (100, 70, Decimal("0.7"))}


def test_goals_are_of_the_teams_in_reach_and_ones_own(db, cast, meant):
    assert set(goals(cast.who("carla"))) == {"Carla"}
    assert set(goals(cast.who("mona"))) == {"Ana", "Mona"}
    assert goals(with_grants(cast.who("ana"), gulf="own")) == {"Ana": (400, 200, Decimal("0.5"))}
    assert goals(with_grants(cast.who("bruno"), gulf="own")) == {}
    assert set(goals(team="Levant")) == {"Carla"}
    assert set(goals(owner="ana")) == {"Ana"}


def test_somebodys_goals_in_two_teams_are_one_and_a_team_has_its_own(db, cast, meant):
    in_both_teams(db, cast)
    make_goal(cast, "alma", team="Levant", person="ana", starts_on="2026-01-01", amount="600")
    assert goals()["Ana"] == (1000, 200, Decimal("0.2"))
    assert goals(team="Gulf")["Ana"] == (400, 200, Decimal("0.5"))
    assert goals(team="Levant")["Ana"] == (600, 0, 0)
    assert goals(cast.who("mona"))["Ana"] == (400, 200, Decimal("0.5"))


def test_goals_are_not_told_of_one_pipeline_and_the_report_says_which_they_are(db, cast, meant):
    pipeline = str(cast.pipelines["Gulf"])
    of_one = run(OPERATOR, "owners", {**MARCH, "pipeline": pipeline}, MARCH_31)
    assert {row["goal_usd"] for row in of_one.rows} == {None} and "Goals are of all pipelines, so that none stands beside figures of one." in of_one.states()
    assert "Goals are those of Q1 2026, with what was won in it up to 31 Mar 2026." in run(OPERATOR, "owners", MARCH, MARCH_31).states()


def test_where_values_are_hidden_no_goal_tells_them(db, cast, meant):
    found = run(hide_from(cast, "ana", "value"), "owners", MARCH, MARCH_31)
    assert {"goal_usd", "goal_won_usd", "goal_progress"} <= set(found.left_out)
    assert {row[name] for row in found.rows for name in found.left_out} == {None}


def test_a_file_holds_the_goals_in_reach_of_exporting(db, cast, meant):
    file = StringIO()
    write_csv(cast.who("mona"), Wanted("owners", MARCH, MARCH_31).as_json(), file)
    head, *rows = (line.split(",") for line in file.getvalue().splitlines())
    assert {row[1]: row[-3:] for row in rows if row[-1]} == {"Ana": ["400.00", "200.00", "0.5000"], "Mona": ["50.00", "0", "0.0000"]}
    assert head[-3:] == ["goal_usd", "goal_won_usd", "goal_progress"]


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
