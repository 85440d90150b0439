"""Many leads in one call: each edit answered in its place, one change set, conflicts kept for their person."""

import pytest


@pytest.fixture
def ids(cast):
    return cast.leads


def statuses(answer):
    assert answer.status_code == 200, answer.text
    return [result["status"] for result in answer.json()["results"]]


def edits(*given):
    return {"edits": [{"id": lead_id, "version": version, "set": values} for lead_id, version, values in given]}


def test_each_edit_is_answered_in_its_place(api, db, ids):
    api("ana").patch(f"/leads/{ids['Petra Supplies']}", {"next_step": "visit"}, version=1)
    answer = api("mona").patch(
        "/leads",
        edits(
            (ids["Al Noor Trading"], 1, {"stage": "Contacted"}),
            (ids["Petra Supplies"], 1, {"stage": "Contacted"}),
            (ids["Nile Mart"], 1, {"next_step": "x"}),
            (ids["Delta Foods"], 1, {"stage": "Nowhere"}),
            (ids["Delta Foods"], 1, {"colour": "red"}),
            (999_999, 1, {"stage": "Contacted"}),
            (ids["Delta Foods"], 7, {"next_step": "x"}),
            (ids["Delta Foods"], 1, {}),
        ),
    )
    assert statuses(answer) == ["applied", "merged", "not_found", "invalid", "invalid", "not_found", "invalid", "applied"]
    results = answer.json()["results"]
    assert [result["id"] for result in results[:3]] == [ids["Al Noor Trading"], ids["Petra Supplies"], ids["Nile Mart"]]
    assert (results[0]["version"], results[0]["applied"]) == (2, ["stage"])
    assert (results[1]["version"], results[3]["field"], results[4]["field"], results[6]["field"]) == (3, "stage", "colour", "version")
    sets = db.rows(
        "select distinct change_set_id from crm.changes where record_id = any(:ids) and version > 1 and person_id = 2",
        ids=[ids["Al Noor Trading"], ids["Petra Supplies"]],
    )
    assert [row["change_set_id"] for row in sets] == [answer.json()["change_set"]]


def test_a_conflict_applies_what_nobody_touched_and_waits_for_its_person(api, ids):
    petra = ids["Petra Supplies"]
    api("ana").patch(f"/leads/{petra}", {"stage": "Won"}, version=1)
    answer = api("bruno").patch("/leads", edits((petra, 1, {"stage": "Negotiation", "next_step": "visit"})))
    (result,) = answer.json()["results"]
    assert (result["status"], result["applied"], result["version"]) == ("conflict", ["next_step"], 3)
    (met,) = result["conflicts"]
    assert (met["field"], met["seen"]["name"], met["theirs"]["name"], met["mine"]["name"]) == ("stage", "Lead", "Won", "Negotiation")
    assert [kept["field"] for kept in api("bruno").rows("/conflicts")] == ["stage"]
    assert api("ana").rows("/conflicts") == []


def test_what_the_grant_does_not_reach_is_denied_for_itself(api, ids, db, cast):
    with db.owner().begin() as connection:
        connection.exec_driver_sql(
            "update crm.grants set scope = 'own', version = version + 1 where"
            " resource = 'lead' and action = 'edit' and role_id = (select id from crm.roles where name = 'rep')"
        )
    answer = api("bruno").patch("/leads", edits((ids["Petra Supplies"], 1, {"next_step": "x"}), (ids["Delta Foods"], 1, {"next_step": "x"})))
    assert statuses(answer) == ["applied", "denied"]
    assert db.value("select version from crm.leads where id = :id", id=ids["Delta Foods"]) == 1


def test_without_the_bulk_grant_it_is_a_403(api, ids):
    assert api("vera").patch("/leads", edits((ids["Petra Supplies"], 1, {"next_step": "x"}))).status_code == 403


def test_all_of_it_is_undone_at_once(api, db, ids):
    answer = api("ana").patch("/leads", edits((ids["Petra Supplies"], 1, {"next_step": "x"}), (ids["Delta Foods"], 1, {"stage": "Won"})))
    undone = api("ana").post(f"/change-sets/{answer.json()['change_set']}/undo").json()
    assert (undone["records"], undone["left_alone"]) == (2, [])
    assert api("ana").get(f"/leads/{ids['Delta Foods']}").json()["stage"]["name"] == "Lead"


def test_names_are_looked_up_in_each_leads_own_pipeline(api, ids):
    answer = api("alma").patch("/leads", edits((ids["Petra Supplies"], 1, {"stage": "Negotiation"}), (ids["Nile Mart"], 1, {"stage": "Negotiation"})))
    assert statuses(answer) == ["applied", "applied"]
    stages = [api("alma").get(f"/leads/{ids[name]}").json()["stage"] for name in ("Petra Supplies", "Nile Mart")]
    assert stages[0]["name"] == stages[1]["name"] == "Negotiation"
    assert stages[0]["id"] != stages[1]["id"]


def test_nothing_written_makes_no_change_set(api, ids, db):
    before = db.value("select count(*) from crm.change_sets")
    assert api("ana").patch("/leads", edits((ids["Nile Mart"], 1, {"next_step": "x"}))).json()["change_set"] is None
    assert db.value("select count(*) from crm.change_sets") == before


@pytest.mark.parametrize(
    "body",
    [
        {}, {"edits": []}, {"edits": [{"id": 1, "version": 1}]}, {"edits": [{"id": "1", "version": 1, "set": {}}]},
        {"edits": [{"id": 1, "version": True, "set": {}}]},
        {"edits": [{"id": 1, "version": 1, "set": {}, "why": "x"}]}, {"edits": [{"id": 2**63, "version": 1, "set": {}}]}, {"edits": {"id": 1}}, [], 5,
        {"edits": [{"id": 1, "version": 1, "set": {}}] * 1001},
    ],
)  # fmt: skip
def test_a_call_of_another_shape_is_a_422(api, body):
    assert api("ana").request("PATCH", "/leads", json=body).status_code == 422
