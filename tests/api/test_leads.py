"""Leads over the API: read, create, change, delete; merged, refused, and what a stranger gets."""

import pytest


def named(cast, kind, name):
    ids = {"stage": cast.stages["Gulf"], "owner": cast.people, "team": cast.teams}[kind]
    return {"id": ids[name], "name": name.capitalize() if kind == "owner" else name}


def test_a_lead_is_read_in_the_promised_form(api, cast, petra):
    answer = api("ana").get(petra)
    assert answer.status_code == 200
    assert answer.headers["etag"] == '"1"'
    lead = answer.json()
    assert lead["name"] == "Petra Supplies"
    assert lead["team"] == {"id": cast.teams["Gulf"], "name": "Gulf"}
    assert lead["stage"] == {**named(cast, "stage", "Lead"), "kind": "open"}
    assert lead["owner"] == named(cast, "owner", "bruno")
    assert lead["value"] == {"amount": "9500.00", "currency": "USD"}
    assert lead["value_usd"] == {"amount": "9500.00", "currency": "USD"}
    assert lead["lifetime_usd"] == {"amount": "0.00", "currency": "USD"}
    assert lead["created_at"].endswith("Z")
    assert lead["custom"] == {}


def test_a_strangers_lead_and_a_missing_one_are_the_same_404(api, petra):
    hidden, missing = api("carla").get(petra), api("carla").get("/leads/999999")
    assert hidden.status_code == missing.status_code == 404
    assert hidden.json() == missing.json()


@pytest.mark.parametrize("wrong", ["abc", "0", "-1", "9223372036854775808", "1.0", "%00", "٣"])
def test_an_id_that_cannot_be_one_is_not_found(api, wrong):
    assert api("ana").get(f"/leads/{wrong}").status_code == 404


def test_a_new_lead_needs_a_name_and_a_team_and_gets_the_rest_by_default(api, cast):
    answer = api("ana").post("/leads", {"name": "Sinai Glass", "team": "Gulf"})
    assert answer.status_code == 201
    lead = answer.json()
    assert answer.headers["location"] == f"/api/v1/leads/{lead['id']}"
    assert answer.headers["etag"] == '"1"'
    assert lead["stage"]["name"] == "Lead"
    assert lead["owner"] == named(cast, "owner", "ana")
    assert api("bruno").get(f"/leads/{lead['id']}").json() == lead


@pytest.mark.parametrize(
    ("body", "field"),
    [({"team": "Gulf"}, "name"), ({"name": "X"}, "team"), ({"name": "X", "team": "Nowhere"}, "team"), ({"name": "X", "stage": "Won"}, "team")],
)
def test_what_a_new_lead_lacks_is_named(api, body, field):
    answer = api("ana").post("/leads", body)
    assert answer.status_code == 422
    assert answer.json()["field"] == field


def test_references_are_written_by_id_or_by_exact_name(api, cast):
    by_name = api("mona").post("/leads", {"name": "A", "team": "Gulf", "pipeline": "Accounts", "stage": "Negotiation", "owner": "Bruno"}).json()
    by_id = (
        api("mona")
        .post(
            "/leads",
            {
                "name": "A",
                "team": cast.teams["Gulf"],
                "pipeline": cast.pipelines["Gulf"],
                "stage": cast.stages["Gulf"]["Negotiation"],
                "owner": cast.people["bruno"],
            },
        )
        .json()
    )
    same = ("team", "pipeline", "stage", "owner")
    assert {name: by_name[name] for name in same} == {name: by_id[name] for name in same}


def test_a_company_is_found_by_name_or_made_where_it_is_asked_for(api):
    unknown = api("ana").post("/leads", {"name": "A", "team": "Gulf", "company": "Acme"})
    assert (unknown.status_code, unknown.json()["field"]) == (422, "company")
    made = api("ana").post("/leads", {"name": "A", "team": "Gulf", "company": {"name": "Acme"}}).json()
    found = api("ana").post("/leads", {"name": "B", "team": "Gulf", "company": "Acme"}).json()
    assert made["company"]["name"] == "Acme"
    assert found["company"] == made["company"]


def test_a_company_out_of_sight_cannot_be_taken_by_its_id(api, db, cast, petra):
    with db.owner().begin() as connection:
        hidden = connection.exec_driver_sql(f"insert into crm.companies (name, team_id) values ('Hidden', {cast.teams['Levant']}) returning id").scalar()
    for answer in (api("ana").patch(petra, {"company": hidden}, version=1), api("ana").patch(petra, {"company": "Hidden"}, version=1)):
        assert (answer.status_code, answer.json()["field"]) == (422, "company")


def test_a_name_that_stands_for_two_companies_is_refused(api, db, cast):
    with db.owner().begin() as connection:
        connection.exec_driver_sql(f"insert into crm.companies (name, team_id) select 'Twin', {cast.teams['Gulf']} from generate_series(1, 2)")
    answer = api("ana").post("/leads", {"name": "A", "team": "Gulf", "company": "Twin"})
    assert (answer.status_code, answer.json()["field"]) == (422, "company")
    assert "more than one" in answer.json()["detail"]


def test_a_change_is_written_and_answers_with_the_new_version(api, cast, petra):
    answer = api("ana").patch(petra, {"stage": "Negotiation", "value": {"amount": "100", "currency": "AED"}, "custom": {"color": "large"}}, version=1)
    assert answer.status_code == 200
    lead = answer.json()
    assert (lead["version"], answer.headers["etag"]) == (2, '"2"')
    assert lead["stage"] == {**named(cast, "stage", "Negotiation"), "kind": "open"}
    assert lead["value"] == {"amount": "100.00", "currency": "AED"}
    assert lead["value_usd"] == {"amount": "27.23", "currency": "USD"}
    assert lead["custom"] == {"color": "large"}
    emptied = api("ana").patch(petra, {"value": None, "custom": {"color": None}}, version=2).json()
    assert (emptied["value"], emptied["custom"]) == (None, {})


def test_a_change_of_other_fields_meanwhile_is_merged(api, petra):
    api("ana").patch(petra, {"next_step": "send samples"}, version=1)
    answer = api("bruno").patch(petra, {"expected_close_on": "2026-12-20"}, version=1)
    assert answer.status_code == 200
    assert (answer.json()["version"], answer.json()["next_step"], answer.json()["expected_close_on"]) == (3, "send samples", "2026-12-20")


def test_a_change_of_the_same_field_meanwhile_is_refused_with_all_three_values_and_nothing_is_written(api, db, cast, petra):
    api("ana").patch(petra, {"stage": "Won"}, version=1)
    answer = api("bruno").patch(petra, {"stage": "Negotiation", "next_step": "visit"}, version=1)
    assert answer.status_code == 412
    problem = answer.json()
    assert problem["type"] == "/api/docs#stale"
    (met,) = problem["conflicts"]
    assert (met["field"], met["seen"], met["theirs"], met["mine"]) == (
        "stage", named(cast, "stage", "Lead"), named(cast, "stage", "Won"), named(cast, "stage", "Negotiation"),
    )  # fmt: skip
    assert met["their_person"] == named(cast, "owner", "ana")
    assert (problem["current"]["version"], problem["current"]["next_step"]) == (2, None)
    assert db.value("select count(*) from crm.conflicts") == 0
    assert api("ana").get(petra).json() == problem["current"]


def test_a_write_without_if_match_is_a_428_and_a_malformed_one_a_400(api, petra):
    for request in (lambda **o: api("ana").patch(petra, {"next_step": "x"}, **o), lambda **o: api("ana").delete(petra, **o)):
        assert request().status_code == 428
        for wrong in ("1", '"one"', "*", 'W/"1"', '"1", "2"', '""', '"0"', '"99999999999999999999"'):
            assert request(headers={"If-Match": wrong}).status_code == 400


def test_a_version_that_does_not_exist_yet_is_refused(api, petra):
    answer = api("ana").patch(petra, {"next_step": "x"}, version=9)
    assert (answer.status_code, answer.json()["field"]) == (422, "version")


def test_an_empty_change_answers_with_the_lead_as_it_is(api, petra):
    answer = api("ana").patch(petra, {}, version=1)
    assert (answer.status_code, answer.json()["version"]) == (200, 1)


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"stge": "Won"}, "stge"),
        ({"stage": "Nowhere"}, "stage"),
        ({"stage": True}, "stage"),
        ({"stage": 1.5}, "stage"),
        ({"stage": 999999}, "stage"),
        ({"owner": "Nobody"}, "owner"),
        ({"owner": 999999}, "owner"),
        ({"company": 999999}, "company"),
        ({"name": None}, "name"),
        ({"name": 5}, "name"),
        ({"name": "x" * 301}, "name"),
        ({"value": {"amount": "lots", "currency": "AED"}}, "value"),
        ({"value": {"amount": "1", "currency": "dirham"}}, "value.currency"),
        ({"value": {"amount": "1"}}, "value.currency"),
        ({"value": 5}, "value"),
        ({"value": {"amount": "1e30", "currency": "AED"}}, "value"),
        ({"expected_close_on": "soon"}, "expected_close_on"),
        ({"expected_close_on": "2026-02-30"}, "expected_close_on"),
        ({"market": "Dubai"}, "market"),
        ({"custom": []}, "custom"),
        ({"custom": {"": 1}}, "custom"),
        ({"custom": {"k" * 64: 1}}, "custom"),
        ({"id": 5}, "id"),
        ({"version": 5}, "version"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_used_is_a_422_that_names_the_field(api, db, petra, body, field):
    answer = api("ana").patch(petra, body, version=1)
    assert answer.status_code == 422, answer.text
    assert answer.json()["field"] == field
    assert api("ana").get(petra).json()["version"] == 1


def test_a_strangers_write_is_a_404_a_viewers_a_403_and_neither_writes(api, db, petra):
    before = db.rows("select version, updated_at from crm.leads order by id"), db.value("select count(*) from crm.changes")
    for who, status in (("carla", 404), ("vera", 403)):
        assert api(who).patch(petra, {"next_step": "x"}, version=1).status_code == status
        assert api(who).patch(petra, {"stage": "Won"}, version=1).status_code == status
        assert api(who).delete(petra, version=1).status_code == status
    assert api("vera").post("/leads", {"name": "A", "team": "Gulf"}).status_code == 403
    assert api("carla").post("/leads", {"name": "A", "team": "Gulf"}).status_code == 403
    assert (db.rows("select version, updated_at from crm.leads order by id"), db.value("select count(*) from crm.changes")) == before


def test_a_lead_given_away_answers_with_its_version_only(api, cast, petra):
    answer = api("mona").patch(petra, {"team": "Levant"}, version=1)
    assert answer.status_code == 200
    assert answer.json() == {"id": cast.leads["Petra Supplies"], "version": 2, "visible": False}
    assert api("mona").get(petra).status_code == 404
    assert api("carla").get(petra).json()["team"]["name"] == "Levant"
    undone = api("mona").post(f"/change-sets/{answer.headers['x-change-set']}/undo")
    assert undone.json()["records"] == 1
    assert api("mona").get(petra).json()["owner"]["name"] == "Bruno"


def test_a_deleted_lead_is_gone_until_its_change_set_is_undone(api, petra):
    answer = api("bruno").delete(petra, version=1)
    assert (answer.status_code, answer.content) == (204, b"")
    assert api("bruno").get(petra).status_code == 404
    assert api("bruno").patch(petra, {"next_step": "x"}, version=2).status_code == 404
    assert "Petra Supplies" not in [lead["name"] for lead in api("bruno").rows("/leads")]
    assert api("bruno").post(f"/change-sets/{answer.headers['x-change-set']}/undo").json()["left_alone"] == []
    assert api("bruno").get(petra).json()["version"] == 3


def test_deleting_what_somebody_has_just_changed_is_refused(api, petra):
    api("ana").patch(petra, {"next_step": "visit"}, version=1)
    answer = api("bruno").delete(petra, version=1)
    assert answer.status_code == 412
    assert [met["field"] for met in answer.json()["conflicts"]] == ["next_step"]
    assert api("bruno").get(petra).status_code == 200


def test_a_merged_lead_says_where_it_went(api, cast, petra, db):
    other = cast.leads["Al Noor Trading"]
    with db.owner().begin() as connection:
        connection.exec_driver_sql(
            f"update crm.leads set merged_into_id = {other}, deleted_at = now(), version = version + 1 where id = {cast.leads['Petra Supplies']}"
        )
    for answer in (api("ana").get(petra), api("ana").patch(petra, {"next_step": "x"}, version=1), api("ana").get(f"{petra}/changes")):
        assert (answer.status_code, answer.json()["merged_into"]) == (410, other)
    assert api("carla").get(petra).status_code == 404


def test_a_read_only_key_reads_and_writes_nothing(api, db, petra):
    client = api("mona", read_only=True)
    assert client.get(petra).status_code == 200
    assert client.get("/me").json()["is_read_only"] is True
    for answer in (
        client.patch(petra, {"next_step": "x"}, version=1), client.delete(petra, version=1), client.post("/leads", {"name": "A", "team": "Gulf"}),
        client.patch("/leads", {"edits": [{"id": 1, "version": 1, "set": {}}]}), client.post("/change-sets/1/undo"),
        client.post("/conflicts/1/resolve", {"choice": "theirs"}), client.post(f"{petra}/activities", {"kind": "call"}),
    ):  # fmt: skip
        assert answer.status_code == 403
    assert db.value("select count(*) from crm.changes where record_type = 'lead' and version > 1") == 0
