"""Stage totals: each person's own, filters by name or id, and what the report states beside its numbers."""

from dataclasses import replace
from datetime import date

import pytest
import time_machine
from sqlalchemy import text

from crm.access import OPERATOR
from crm.errors import Invalid, NotFound, Refused
from crm.ledger.fold import fold
from crm.reports.use_cases import run
from tests.db.ledgers import add_lead, at, change, recount_now, totals

NAME = "pipeline_by_stage"


@pytest.fixture(params=[False, True], ids=["unfolded", "folded"])
def leads(request, db, cast):
    """Leads of every team, some without an owner, some moved; not folded yet, or all folded."""
    add_lead(cast, "Gulf", None, value="10")
    add_lead(cast, "Levant", "carla", value="20", stage="Contacted")
    add_lead(cast, "Levant", "ana", value="40")
    change(db, cast.leads["Petra Supplies"], stage_id=cast.stages["Gulf"]["Won"])
    if request.param:
        fold()


def with_grants(person, **scopes):
    """The person with other scopes for (report, view), membership by membership."""
    memberships = [replace(m, grants={**m.grants, ("report", "view"): scope}) for m, scope in zip(person.memberships, scopes.values(), strict=True)]
    return replace(person, memberships=tuple(memberships), _reaches={})


def in_both_teams(db, cast):
    """Ana, a rep in Gulf, is one in Levant too."""
    with db.owner().begin() as connection:
        connection.execute(
            text("insert into crm.memberships (person_id, team_id, role_id) select :p, :t, id from crm.roles where name = 'rep'"),
            {"p": cast.people["ana"], "t": cast.teams["Levant"]},
        )
    return cast.who("ana")


def test_an_admin_sees_all(db, cast, leads):
    found = run(cast.who("alma"), NAME, {})
    assert found.scope == "all"
    assert totals(cast.who("alma")) == recount_now(db)


def test_a_team_sees_its_own(db, cast, leads):
    for who in ("mona", "ana", "vera"):
        assert run(cast.who(who), NAME, {}).scope == "team"
        assert totals(cast.who(who)) == recount_now(db, "team_id = :t", t=cast.teams["Gulf"]), who


def test_who_sees_their_own_only_sees_no_more(db, cast, leads):
    ana = with_grants(cast.who("ana"), gulf="own")
    assert run(ana, NAME, {}).scope == "own"
    assert totals(ana) == recount_now(db, "owner_id = :p", p=cast.people["ana"])


def test_one_team_wholly_and_ones_own_in_another(db, cast, leads):
    ana = with_grants(in_both_teams(db, cast), gulf="own", levant="team")
    assert run(ana, NAME, {}).scope == "mixed"
    assert totals(ana) == recount_now(db, "(team_id = :t or owner_id = :p)", t=cast.teams["Levant"], p=cast.people["ana"])


def test_past_days_keep_to_the_scope_of_today(db, cast):
    """A lead that ana gave away counts for her up to the day she gave it."""
    lead = add_lead(cast, "Gulf", "ana", when=at("2026-01-10 10:00"), value="30")
    change(db, lead, when=at("2026-02-10 10:00"), owner_id=cast.people["bruno"])
    fold()
    ana = with_grants(cast.who("ana"), gulf="own")
    assert totals(ana, date(2026, 2, 9)) == {cast.stages["Gulf"]["Lead"]: (1, 30.0)}
    assert totals(ana, date(2026, 2, 10)) == {}


def test_without_the_grant_the_report_is_refused(db, cast):
    with pytest.raises(Refused, match="report: view"):
        run(with_grants(cast.who("ana"), gulf="none"), NAME, {})


def test_filters_by_name(db, cast, leads):
    for filters, where in (
        ({"team": "levant"}, "team_id = (select id from crm.teams where name = 'Levant')"),
        ({"owner": "Ana"}, "owner_id = (select id from crm.people where name = 'Ana')"),
        ({"owner": "ana@demo.example"}, "owner_id = (select id from crm.people where name = 'Ana')"),
        ({"team": "Gulf", "owner": "bruno"}, "owner_id = (select id from crm.people where name = 'Bruno')"),
        ({"team": ""}, "true"),
    ):
        assert totals(OPERATOR, **filters) == recount_now(db, where), filters


def test_filters_by_id_and_by_oneself(db, cast, leads):
    assert totals(OPERATOR, pipeline=str(cast.pipelines["Levant"])) == recount_now(db, "pipeline_id = :p", p=cast.pipelines["Levant"])
    assert totals(cast.who("alma"), owner="me") == recount_now(db, "owner_id = :p", p=cast.people["alma"])


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ({"team": "Nowhere"}, "no team “Nowhere”"),
        ({"pipeline": "Accounts"}, "Several have the name"),
        ({"pipeline": "999999"}, "no pipeline “999999”"),
        ({"colour": "red"}, "no filter “colour”. It takes: team, pipeline, owner"),
    ],
)
def test_a_filter_that_names_nothing_or_several_is_refused_in_words(db, cast, filters, says):
    with pytest.raises(Invalid, match=says):
        run(OPERATOR, NAME, filters)


def test_a_pipeline_out_of_sight_cannot_be_named(db, cast):
    with pytest.raises(Invalid, match="or you may not see it"):
        run(cast.who("carla"), NAME, {"pipeline": str(cast.pipelines["Gulf"])})


def test_an_unknown_report_names_those_there_are(db, cast):
    with pytest.raises(NotFound, match="pipeline_by_stage"):
        run(OPERATOR, "no_such_report", {})


def test_stages_come_in_order_and_empty_ones_are_shown(db, cast):
    rows = run(cast.who("mona"), NAME, {}).rows
    assert [(row["pipeline"], row["stage"], row["kind"], row["leads"]) for row in rows] == [
        ("Accounts", "Lead", "open", 3), ("Accounts", "Contacted", "open", 0), ("Accounts", "Negotiation", "open", 0),
        ("Accounts", "Won", "won", 0), ("Accounts", "Lost", "lost", 0),
    ]  # fmt: skip


def test_a_removed_stage_is_shown_on_the_days_when_it_held_leads(db, cast):
    lead = add_lead(cast, "Gulf", "ana", when=at("2026-01-10 10:00"), value="30", stage="Negotiation")
    change(db, lead, when=at("2026-02-10 10:00"), stage_id=cast.stages["Gulf"]["Won"])
    with db.owner().begin() as connection:
        connection.execute(text("update crm.stages set deleted_at = now(), version = version + 1 where id = :id"), {"id": cast.stages["Gulf"]["Negotiation"]})

    def stages(as_of):
        return [row["stage"] for row in run(cast.who("mona"), NAME, {}, as_of).rows]

    assert "Negotiation" in stages(date(2026, 1, 31))
    assert "Negotiation" not in stages(None)


def test_leads_in_a_pipeline_whose_name_is_out_of_sight_are_still_counted(db, cast):
    """Ana's past lead in Levant's pipeline is hers to count; its names are not hers to read."""
    lead = add_lead(cast, "Levant", "ana", when=at("2026-01-10 10:00"), value="30")
    change(db, lead, when=at("2026-02-10 10:00"), owner_id=cast.people["carla"])
    rows = run(with_grants(cast.who("ana"), gulf="own"), NAME, {}, date(2026, 1, 31)).rows
    counted = [row for row in rows if row["leads"]]
    assert [(row["pipeline"], row["stage"], row["leads"]) for row in counted] == [
        (f"Pipeline {cast.pipelines['Levant']}", f"Stage {cast.stages['Levant']['Lead']}", 1)
    ]


def test_what_the_report_states(db, cast):
    with time_machine.travel("2026-11-21T09:00:00Z"):
        found = run(OPERATOR, NAME, {"team": "gulf"}, date(2026, 3, 31))
    stated = found.as_json()
    assert {name: stated[name] for name in ("name", "scope", "time_zone", "currency", "as_of", "data_age_seconds", "filters")} == {
        "name": NAME, "scope": "all", "time_zone": "UTC", "currency": "USD", "as_of": "2026-03-31", "data_age_seconds": 0, "filters": {"team": "Gulf"},
    }  # fmt: skip
    assert {"pipeline", "stage", "leads", "value_usd"} <= set(stated["columns"])
    assert "As of the end of 31 Mar 2026; days begin at midnight in UTC." in found.states()
    assert "Everybody's leads; only team Gulf." in found.states()


def test_a_day_that_has_not_come_yet_is_refused(db, cast):
    with time_machine.travel("2026-11-21T09:00:00Z", tick=False):
        assert run(OPERATOR, NAME, {}, date(2026, 11, 22)).as_of == date(2026, 11, 22)
        with pytest.raises(Invalid, match="has not come yet"):
            run(OPERATOR, NAME, {}, date(2026, 11, 23))
