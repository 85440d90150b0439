"""Undo and conflicts over the API."""

import pytest


@pytest.fixture
def conflict(api, cast, petra):
    """Bruno's wish for another stage met ana's."""
    api("ana").patch(petra, {"stage": "Won"}, version=1)
    api("bruno").patch("/leads", {"edits": [{"id": cast.leads["Petra Supplies"], "version": 1, "set": {"stage": "Negotiation"}}]})
    (found,) = api("bruno").rows("/conflicts")
    return found


def test_a_conflict_tells_all_there_is_to_decide(conflict, cast):
    assert (conflict["record"], conflict["record_type"]) == ({"id": cast.leads["Petra Supplies"], "name": "Petra Supplies"}, "lead")
    assert [conflict[side]["name"] for side in ("seen", "theirs", "mine")] == ["Lead", "Won", "Negotiation"]
    assert (conflict["their_person"]["name"], conflict["their_source"], conflict["seen_version"], conflict["their_version"]) == ("Ana", "api", 1, 2)


def test_mine_writes_my_value(api, conflict, petra):
    answer = api("bruno").post(f"/conflicts/{conflict['id']}/resolve", {"choice": "mine"})
    assert (answer.status_code, answer.json()["version"]) == (200, 3)
    assert api("bruno").get(petra).json()["stage"]["name"] == "Negotiation"
    assert api("bruno").rows("/conflicts") == []
    assert api("bruno").post(f"/conflicts/{conflict['id']}/resolve", {"choice": "mine"}).status_code == 404


def test_theirs_leaves_the_lead_alone(api, conflict, petra):
    assert api("bruno").post(f"/conflicts/{conflict['id']}/resolve", {"choice": "theirs"}).json()["change_set"] is None
    assert (api("bruno").get(petra).json()["version"], api("bruno").rows("/conflicts")) == (2, [])


def test_a_field_that_changed_once_more_is_a_412_and_a_new_conflict(api, conflict, petra):
    api("mona").patch(petra, {"stage": "Lost"}, version=2)
    answer = api("bruno").post(f"/conflicts/{conflict['id']}/resolve", {"choice": "mine"})
    assert answer.status_code == 412
    (left,) = api("bruno").rows("/conflicts")
    assert left["id"] != conflict["id"]
    assert left["theirs"]["name"] == "Lost"
    assert api("bruno").post(f"/conflicts/{left['id']}/resolve", {"choice": "mine"}).status_code == 200


def test_somebody_elses_conflict_is_not_found(api, conflict, petra):
    for who in ("ana", "mona", "alma", "carla"):
        assert api(who).rows("/conflicts") == []
        assert api(who).post(f"/conflicts/{conflict['id']}/resolve", {"choice": "theirs"}).status_code == 404


def test_a_choice_is_mine_or_theirs(api, conflict):
    for body in ({}, {"choice": "both"}, {"choice": None}, {"choice": "mine", "why": "x"}):
        assert api("bruno").post(f"/conflicts/{conflict['id']}/resolve", body).status_code == 422


def test_a_conflict_stays_when_its_person_may_no_longer_write(api, db, cast, conflict):
    with db.owner().begin() as connection:
        connection.exec_driver_sql(
            f"update crm.memberships set role_id = (select id from crm.roles where name = 'viewer') where person_id = {cast.people['bruno']}"
        )
    assert api("bruno").post(f"/conflicts/{conflict['id']}/resolve", {"choice": "mine"}).status_code in (403, 404)
    assert [row["id"] for row in api("bruno").rows("/conflicts")] == [conflict["id"]]


def test_conflicts_come_page_by_page(api, cast, petra):
    fields = {"next_step": "a", "source": "a", "market": "AE", "email": "a@b.example", "phone": "1"}
    api("ana").patch(petra, fields, version=1)
    api("bruno").patch(
        "/leads", {"edits": [{"id": cast.leads["Petra Supplies"], "version": 1, "set": {name: "EG" if name == "market" else "b" for name in fields}}]}
    )
    assert sorted(row["field"] for row in api("bruno").rows("/conflicts", limit=2)) == sorted(fields)


def test_undo_takes_back_what_nobody_built_on_and_lists_the_rest(api, petra):
    answer = api("ana").patch(petra, {"stage": "Won", "next_step": "visit"}, version=1)
    api("bruno").patch(petra, {"stage": "Lost"}, version=2)
    undone = api("ana").post(f"/change-sets/{answer.headers['x-change-set']}/undo").json()
    assert undone["records"] == 1
    (left,) = undone["left_alone"]
    assert (left["field"], left["theirs"]["name"], left["mine"]["name"]) == ("stage", "Lost", "Lead")
    lead = api("ana").get(petra).json()
    assert (lead["stage"]["name"], lead["next_step"]) == ("Lost", None)


def test_a_hidden_change_set_is_not_found_and_a_viewer_may_undo_nothing(api, petra):
    change_set = api("ana").patch(petra, {"stage": "Won"}, version=1).headers["x-change-set"]
    assert api("carla").post(f"/change-sets/{change_set}/undo").status_code == 404
    assert api("carla").post("/change-sets/999999/undo").status_code == 404
    refused = api("vera").post(f"/change-sets/{change_set}/undo")
    assert refused.status_code == 403 or refused.json()["records"] == 0
    assert api("ana").get(petra).json()["stage"]["name"] == "Won"


def test_undo_takes_no_body(api, petra):
    change_set = api("ana").patch(petra, {"stage": "Won"}, version=1).headers["x-change-set"]
    assert api("ana").post(f"/change-sets/{change_set}/undo", {"why": "x"}).status_code == 422
    assert api("ana").post(f"/change-sets/{change_set}/undo", {}).status_code == 200
