"""Me, pipelines, stages, teams, people, reports."""

from datetime import timedelta

import pytest

from crm.access import acting_as
from crm.changes import Edit
from crm.goals.use_cases import set_goals
from crm.reports import use_cases


def test_me_tells_roles_teams_and_how_far_each_grant_reaches(api, cast):
    ana, alma = api("ana").get("/me").json(), api("alma").get("/me").json()
    assert ana["teams"] == [{"id": cast.teams["Gulf"], "name": "Gulf", "role": "rep"}]
    assert (ana["roles"], ana["is_read_only"]) == ([], False)
    assert (ana["grants"]["lead"]["view"], ana["grants"]["lead"]["delete"], ana["grants"]["lead"]["export"]) == ("team", "own", "none")
    assert (alma["roles"], alma["grants"]["lead"]["view"]) == (["admin"], "all")
    assert api("ana", read_only=True).get("/me").json()["grants"]["lead"]["edit"] == "none"


def test_pipelines_and_stages_are_those_one_sees(api, cast):
    assert [row["id"] for row in api("ana").rows("/pipelines")] == [cast.pipelines["Gulf"]]
    assert [row["team"]["name"] for row in api("alma").rows("/pipelines", limit=1)] == ["Gulf", "Levant"]
    stages = api("ana").rows(f"/pipelines/{cast.pipelines['Gulf']}/stages", limit=2)
    assert [(row["name"], row["kind"]) for row in stages] == [
        ("Lead", "open"),
        ("Contacted", "open"),
        ("Negotiation", "open"),
        ("Won", "won"),
        ("Lost", "lost"),
    ]
    assert (stages[0]["probability"], stages[0]["target_days"], stages[0]["required_fields"]) == (0.1, 7, [])
    assert api("carla").get(f"/pipelines/{cast.pipelines['Gulf']}/stages").status_code == 404


def test_teams_are_ones_own_and_those_one_may_hand_leads_to(api):
    assert [row["name"] for row in api("ana").rows("/teams")] == ["Gulf"]
    assert [row["name"] for row in api("mona").rows("/teams", limit=1)] == ["Gulf", "Levant"]
    assert [row["name"] for row in api("alma").rows("/teams")] == ["Gulf", "Levant"]


def test_goals_are_those_of_ones_teams(api, cast):
    made = []
    with acting_as(cast.who("alma")) as session:
        for team, person, amount in (("Gulf", None, "120000"), ("Gulf", "ana", "50000.5"), ("Levant", "carla", "7")):
            values = {"team_id": cast.teams[team], "person_id": cast.people.get(person), "starts_on": "2026-10-01", "amount_usd": amount}
            made.append(set_goals(session, [Edit("goal", None, values)], source="test").results[0].record_id)
    assert api("ana").rows("/goals", limit=1) == [
        {"id": made[0], "version": 1, "team": {"id": cast.teams["Gulf"], "name": "Gulf"}, "person": None, "starts_on": "2026-10-01",
         "amount": {"amount": "120000.00", "currency": "USD"}},
        {"id": made[1], "version": 1, "team": {"id": cast.teams["Gulf"], "name": "Gulf"}, "person": {"id": cast.people["ana"], "name": "Ana"},
         "starts_on": "2026-10-01", "amount": {"amount": "50000.50", "currency": "USD"}},
    ]  # fmt: skip
    assert [row["id"] for row in api("carla").rows("/goals")] == made[2:]
    assert [row["id"] for row in api("alma").rows("/goals", limit=2)] == made


def test_people_are_those_of_ones_teams(api):
    gulf = {"Mona", "Ana", "Bruno", "Vera"}
    assert {row["name"] for row in api("ana").rows("/people", limit=2)} == gulf
    assert {row["name"] for row in api("carla").rows("/people")} == {"Carla"}
    everybody = {row["name"]: row["teams"] for row in api("alma").rows("/people")}
    assert everybody.keys() == gulf | {"Alma", "Carla"}
    assert everybody["Alma"] == [{"id": None, "name": None, "role": "admin"}]


def test_a_role_without_the_grant_sees_no_people_and_no_teams(api, db):
    with db.owner().begin() as connection:
        connection.exec_driver_sql(
            "update crm.grants set scope = 'none', version = version + 1 where"
            " scope <> 'none' and resource in ('person', 'team', 'report') and role_id = (select id from crm.roles where name = 'rep')"
        )
    for path in ("/people", "/teams", "/reports", "/reports/pipeline_by_stage"):
        assert api("ana").get(path).status_code == 403


def test_a_report_counts_what_one_sees(api, cast):
    report = api("ana").get("/reports/pipeline_by_stage").json()
    assert (report["name"], report["scope"], report["currency"]) == ("pipeline_by_stage", "team", "USD")
    assert sum(row["leads"] for row in report["rows"]) == 3
    assert sum(row["leads"] for row in api("carla").get("/reports/pipeline_by_stage").json()["rows"]) == 1
    assert sum(row["leads"] for row in api("alma").get("/reports/pipeline_by_stage", team="Levant").json()["rows"]) == 1
    assert sum(row["leads"] for row in api("alma").get("/reports/pipeline_by_stage", as_of="2020-01-01").json()["rows"]) == 0


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"colour": "red"}, "colour"), ({"team": "Nowhere"}, "team"), ({"as_of": "soon"}, "as_of"), ({"as_of": "2999-01-01"}, "as_of"),
        ({"known_on": "soon"}, "known_on"), ({"as_of": "2026-01-02", "known_on": "2026-01-01"}, "known_on"),
        ({"known_on": "9999-12-31"}, "known_on"), ({"known_on": "2026-01-01T10:00:00Z"}, "known_on"), ({"known_on": "'; drop table"}, "known_on"),
    ],
)  # fmt: skip
def test_a_reports_parameters_are_checked(api, params, field):
    answer = api("alma").get("/reports/pipeline_by_stage", **params)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_reports_are_listed_with_their_parameters_and_an_unknown_one_is_a_404(api):
    listed = {row["name"]: row for row in api("ana").rows("/reports")}
    assert {"team", "pipeline", "owner"} <= {param["name"] for param in listed["pipeline_by_stage"]["parameters"]}
    assert {"pipeline", "stage", "leads", "value_usd"} <= {column["name"] for column in listed["pipeline_by_stage"]["columns"]}
    assert api("ana").get("/reports/astrology").status_code == 404


def test_a_report_is_read_with_what_was_known_on_a_day_where_it_can_tell(api):
    found = api("ana").get("/reports/pipeline_by_stage", as_of="2026-01-01", known_on="2026-01-02").json()
    assert (found["as_of"], found["known_on"]) == ("2026-01-01", "2026-01-02")
    listed = {row["name"]: row["known_on"] for row in api("ana").rows("/reports")}
    assert listed["movement"] and listed["funnel"] and not listed["revenue_by_market"]
    refused = api("alma").get("/reports/revenue_by_market", known_on="2026-01-02")
    assert (refused.status_code, refused.json()["field"]) == (422, "known_on")
    assert "orders" in refused.json()["detail"]
    explored = api("ana").get("/explore", measure="leads", known_on="2026-01-02").json()
    assert (explored["as_of"], explored["known_on"], explored["rows"]) == ("2026-01-02", "2026-01-02", [])


def test_a_report_that_takes_too_long_says_what_to_do(api, monkeypatch):
    stop = use_cases.at_most
    monkeypatch.setattr(use_cases, "at_most", lambda session, _, words: stop(session, timedelta(milliseconds=1), words))
    answer = api("ana").get("/reports/stage_velocity")
    assert (answer.status_code, answer.json()["title"]) == (503, "Took too long")
    assert "Ask for fewer days" in answer.json()["detail"]


def test_a_report_over_a_period_says_its_first_and_last_day_as_documented(api):
    """The document knows both; each answer is held against it as it comes."""
    answer = api("ana").get("/reports/movement", **{"from": "2026-01-01", "to": "2026-01-31"}).json()
    assert (answer["from"], answer["to"]) == ("2026-01-01", "2026-01-31")
    assert "from" not in api("ana").get("/reports/pipeline_by_stage").json()
    for name in ("neglected_customers", "revenue_by_market", "funnel"):
        assert api("ana").get(f"/reports/{name}").status_code == 200


def test_an_exploration_has_the_form_of_a_report(api):
    answer = api("ana").get("/explore", measure="value", by="owner", which="open").json()
    assert {row["group"]: row["value_usd"] for row in answer["rows"]} == {"Ana": 12400, "Bruno": 9500}
    assert (answer["name"], answer["scope"], answer["filters"]["by"]) == ("explore", "team", "owner")
    assert api("ana").get("/explore", measure="revenue").json()["name"] == "explore_orders"
    for asked in ({"measure": "x"}, {"by": "' or true --"}, {"split": "owner; drop"}, {"which": "x"}, {"top": "999"}, {"unknown": "1"}):
        assert api("ana").get("/explore", **asked).status_code == 422
