"""A lead handed over to another pipeline by the API: with the version seen, once for a key, as one change set."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def deals(api: Any) -> int:
    made = api("mona").post("/pipelines", {"name": "Deals", "team": "Gulf", "begin_with": "deals"})
    found: int = made.json()["id"]
    return found


def counts(db: Any) -> tuple[int, int]:
    return db.value("select count(*) from crm.leads"), db.value("select count(*) from crm.changes")


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_linked_lead_begins_there_and_both_are_taken_back_at_once(api: Any, cast: Any, petra: str, deals: int, by: str) -> None:
    body = {"pipeline": deals, "ends_in": cast.stages["Gulf"]["Won"]} if by == "id" else {"pipeline": "deals", "ends_in": "won"}
    made = api("bruno").post(f"{petra}/hand-over", body, version=1)
    assert (made.status_code, made.json()["pipeline"]["name"], made.json()["stage"]["name"]) == (201, "Deals", "Discovery")
    assert made.headers["location"] == f"/api/v1/leads/{made.json()['id']}" and made.headers["etag"] == '"1"'
    assert api("bruno").get(petra).json()["stage"]["name"] == "Won"
    api("bruno").post(f"/change-sets/{made.headers['x-change-set']}/undo")
    assert api("bruno").get(petra).json()["stage"]["name"] == "Lead"
    assert api("bruno").get(f"/leads/{made.json()['id']}").status_code == 404


def test_the_same_key_hands_over_once(api: Any, db: Any, petra: str, deals: int) -> None:
    first, second = (api("bruno").post(f"{petra}/hand-over", {"pipeline": deals}, version=1, headers={"Idempotency-Key": "h1"}) for _ in range(2))
    assert first.content == second.content and second.headers["idempotency-replayed"] == "true"
    assert db.value("select count(*) from crm.leads where came_from_lead_id is not null") == 1


def test_without_the_version_seen_nothing_happens(api: Any, db: Any, petra: str, deals: int) -> None:
    before = counts(db)
    assert api("bruno").post(f"{petra}/hand-over", {"pipeline": deals}).status_code == 428
    assert counts(db) == before


def test_who_comes_second_is_told_what_stands(api: Any, db: Any, petra: str, deals: int) -> None:
    api("ana").patch(petra, {"stage": "Contacted"}, version=1)
    before = counts(db)
    stale = api("bruno").post(f"{petra}/hand-over", {"pipeline": deals}, version=1)
    assert (stale.status_code, stale.json()["conflicts"][0]["field"], stale.json()["current"]["version"]) == (412, "stage", 2)
    assert counts(db) == before


@pytest.mark.parametrize(("who", "status"), [("carla", 404), ("vera", 403)])
def test_a_stranger_finds_nothing_and_a_viewer_is_told_the_grant(api: Any, db: Any, petra: str, deals: int, who: str, status: int) -> None:
    before = counts(db)
    answer = api(who).post(f"{petra}/hand-over", {"pipeline": deals}, version=1)
    assert answer.status_code == status
    assert who != "vera" or "lead: create" in answer.text
    assert counts(db) == before


def test_a_read_only_key_hands_nothing_over(api: Any, db: Any, petra: str, deals: int) -> None:
    before = counts(db)
    assert api("bruno", read_only=True).post(f"{petra}/hand-over", {"pipeline": deals}, version=1).status_code == 403
    assert counts(db) == before


def test_a_pipeline_out_of_sight_is_as_unknown_as_none(api: Any, cast: Any, petra: str) -> None:
    hidden = api("bruno").post(f"{petra}/hand-over", {"pipeline": cast.pipelines["Levant"]}, version=1)
    missing = api("bruno").post(f"{petra}/hand-over", {"pipeline": 10**9}, version=1)
    assert (hidden.status_code, hidden.json()["detail"]) == (422, missing.json()["detail"])


@pytest.mark.parametrize("body", [
    {}, {"pipeline": None}, {"pipeline": ""}, {"pipeline": "Nowhere"}, {"pipeline": "x" * 301}, {"pipeline": "Accounts"}, {"pipeline": 0}, {"pipeline": -1},
    {"pipeline": 2**70}, {"pipeline": True}, {"pipeline": [1]}, {"pipeline": "Deals", "ends_in": "Lost"}, {"pipeline": "Deals", "ends_in": "Offer"},
    {"pipeline": "Deals", "ends_in": {"id": 1}}, {"pipeline": "Deals", "owner": 1}, {"pipeline": "Deals' or '1'='1"}, {"pipeline": "Deals\x00"}, [], "Deals",
])  # fmt: skip
def test_whatever_else_is_refused_in_words_and_writes_nothing(api: Any, db: Any, petra: str, deals: int, body: Any) -> None:
    before = counts(db)
    answer = api("bruno").post(f"{petra}/hand-over", body, version=1)
    assert answer.status_code in (400, 422) and answer.json()["detail"]
    assert counts(db) == before
