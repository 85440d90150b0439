"""Alerts over the API: the same version rules as leads."""

import pytest

DUE = "2027-03-01T09:00:00Z"


@pytest.fixture
def made(api, cast):
    answer = api("ana").post("/alerts", {"lead": cast.leads["Al Noor Trading"], "due_at": DUE, "text": "call"})
    assert answer.status_code == 201, answer.text
    return answer


def test_a_new_alert_says_where_it_is_and_whom_it_reminds(api, cast, made):
    body = made.json()
    assert (body["lead"]["name"], body["person"]["name"], body["due_at"], body["version"]) == ("Al Noor Trading", "Ana", DUE, 1)
    assert made.headers["location"] == f"/api/v1/alerts/{body['id']}"
    assert api("bruno").get(f"/alerts/{body['id']}").json() == body


def test_snooze_hand_over_and_done_are_patches_with_a_version(api, made):
    path = f"/alerts/{made.json()['id']}"
    assert api("ana").patch(path, {"due_at": DUE}).status_code == 428
    assert api("ana").patch(path, {"due_at": "2027-04-01T09:00:00+04:00"}, version=1).json()["due_at"] == "2027-04-01T05:00:00Z"
    assert api("ana").patch(path, {"person": "Bruno"}, version=2).json()["person"]["name"] == "Bruno"
    done = api("bruno").patch(path, {"is_done": True}, version=3).json()
    assert done["done_by"]["name"] == "Bruno"
    assert api("ana").patch(path, {"is_done": True}, version=3).json()["done_at"] == done["done_at"]
    assert api("ana").patch(path, {"is_done": False}, version=4).json()["done_at"] is None


def test_a_field_that_moved_on_is_a_412_with_the_alert_as_it_is(api, made):
    path = f"/alerts/{made.json()['id']}"
    api("bruno").patch(path, {"text": "mail instead"}, version=1)
    answer = api("ana").patch(path, {"text": "visit"}, version=1)
    assert answer.status_code == 412
    assert [met["field"] for met in answer.json()["conflicts"]] == ["text"]
    assert answer.json()["current"]["text"] == "mail instead"


def test_a_deleted_alert_is_gone_and_comes_back_by_undo(api, made):
    path = f"/alerts/{made.json()['id']}"
    answer = api("ana").delete(path, version=1)
    assert answer.status_code == 204
    assert api("ana").get(path).status_code == 404
    api("ana").post(f"/change-sets/{answer.headers['x-change-set']}/undo")
    assert api("ana").get(path).json()["text"] == "call"


def test_the_same_post_twice_sets_one_alert(api, cast, db):
    body = {"lead": cast.leads["Al Noor Trading"], "due_at": DUE}
    answers = [api("ana").post("/alerts", body, headers={"Idempotency-Key": "one"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert db.value("select count(*) from crm.alerts") == 1


def test_the_list_filters_and_pages(api, cast, made):
    later = api("ana").post("/alerts", {"lead": cast.leads["Delta Foods"], "due_at": "2027-05-01T09:00:00Z", "person": "bruno"}).json()
    first = made.json()["id"]
    assert [row["id"] for row in api("ana").rows("/alerts", limit=1)] == [first, later["id"]]
    assert [row["id"] for row in api("ana").rows("/alerts", person="me")] == [first]
    assert [row["id"] for row in api("ana").rows("/alerts", person="Bruno")] == [later["id"]]
    assert [row["id"] for row in api("ana").rows("/alerts", lead=cast.leads["Delta Foods"])] == [later["id"]]
    assert [row["id"] for row in api("ana").rows("/alerts", due_from="2027-04-01T00:00:00Z")] == [later["id"]]
    assert api("ana").rows("/alerts", is_done="true") == []


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(
    "body",
    [
        {}, {"due_at": DUE}, {"lead": 1}, {"lead": "Al Noor Trading", "due_at": DUE}, {"lead": 1, "due_at": "tomorrow"},
        {"lead": 1, "due_at": "2027-03-01T09:00:00"},
        {"lead": 1, "due_at": "9999-12-31T23:59:59-23:59"}, {"lead": 1, "due_at": DUE, "text": "x" * 301}, {"lead": 1, "due_at": DUE, "text": 5},
        {"lead": 1, "due_at": DUE, "person": "Nobody Here"}, {"lead": 1, "due_at": DUE, "person": None}, {"lead": 1, "due_at": DUE, "is_done": "maybe"},
        {"lead": 1, "due_at": DUE, "done_by": 1}, {"lead": -1, "due_at": DUE}, {"lead": 2**70, "due_at": DUE}, {"lead": 1, "due_at": DUE, "person": 2**62},
    ],
    ids=range(16),
)  # fmt: skip
def test_what_cannot_be_an_alert_is_refused_in_words(api, db, body):
    answer = api("ana").post("/alerts", body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"]
    assert db.value("select count(*) from crm.alerts") == 0


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(
    "params",
    [{"lead": "x"}, {"lead": 0}, {"person": "Nobody Here"}, {"due_from": "2027-03-01"}, {"due_before": "0001-01-01T00:00:00+23:00"}, {"is_done": "x"},
     {"cursor": "abc"}, {"limit": 0}, {"nonsense": 1}],
)  # fmt: skip
def test_a_parameter_that_makes_no_sense_is_refused_in_words(api, params):
    answer = api("ana").get("/alerts", **params)
    assert answer.status_code == 422, answer.text


def test_a_hidden_alert_and_a_hidden_lead_are_not_found(api, cast, made):
    path = f"/alerts/{made.json()['id']}"
    assert api("carla").get(path).status_code == 404
    assert api("carla").patch(path, {"text": "x"}, version=1).status_code == 404
    assert api("carla").delete(path, version=1).status_code == 404
    assert api("carla").post("/alerts", {"lead": cast.leads["Al Noor Trading"], "due_at": DUE}).status_code == 404
