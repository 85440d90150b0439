"""Pipelines and stages over the API: by grant, with the version rules of leads, each write a change set that can be undone."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def gulf(cast: Any) -> str:
    return f"/pipelines/{cast.pipelines['Gulf']}"


def stage(cast: Any, gulf: str, name: str) -> str:
    return f"{gulf}/stages/{cast.stages['Gulf'][name]}"


def test_a_manager_makes_a_pipeline_from_a_ready_made_one(api: Any, db: Any) -> None:
    made = api("mona").post("/pipelines", {"name": "Deals", "team": "Gulf", "begin_with": "deals"})
    assert made.status_code == 201 and made.json()["position"] == 1
    names = [row["name"] for row in api("mona").rows(f"/pipelines/{made.json()['id']}/stages")]
    assert names == ["Discovery", "Offer", "Negotiation", "Contract", "Won", "Lost"]
    api("mona").post(f"/change-sets/{made.headers['x-change-set']}/undo")
    assert db.value("select count(*) from crm.pipelines where name = 'Deals' and deleted_at is null") == 0


def test_a_pipeline_of_ones_own_stages(api: Any) -> None:
    made = api("alma").post("/pipelines", {"name": "Own", "team": "Levant", "stages": [{"name": "One", "required_fields": ["company"]}, {"name": "Two"}]})
    (one, _) = api("alma").rows(f"/pipelines/{made.json()['id']}/stages")
    assert one["required_fields"] == ["company"]


def test_a_stage_is_added_changed_and_met_by_version(api: Any, cast: Any, gulf: str) -> None:
    added = api("mona").post(f"{gulf}/stages", {"name": "Trial", "required_activity": "call", "colour": "deep"})
    assert (added.status_code, added.json()["position"], added.headers["etag"]) == (201, 5, '"1"')
    path = f"{gulf}/stages/{added.json()['id']}"
    assert api("mona").patch(path, {"target_days": 3}, version=1).json()["version"] == 2
    assert api("alma").patch(path, {"probability": 0.5}, version=1).json()["target_days"] == 3
    stale = api("alma").patch(path, {"target_days": 9}, version=1)
    assert (stale.status_code, stale.json()["conflicts"]) == (412, [{"field": "target_days", "seen": None, "theirs": 3, "mine": 9}])
    assert stale.json()["current"]["version"] == 3


def test_lost_reasons_and_fields_are_asked_for_part_by_part(api: Any, cast: Any, gulf: str) -> None:
    lost = stage(cast, gulf, "Lost")
    api("mona").patch(lost, {"lost_reasons": ["Price"]}, version=1)
    found = api("mona").patch(lost, {"required_fields": ["owner"]}, version=2).json()
    assert (found["lost_reasons"], found["required_fields"]) == (["Price"], ["owner"])


def test_a_stage_is_removed_with_a_place_for_its_leads_and_comes_back(api: Any, cast: Any, db: Any, gulf: str) -> None:
    lead = stage(cast, gulf, "Lead")
    assert api("mona").patch(lead, {"is_removed": True}, version=1).status_code == 422
    gone = api("mona").patch(lead, {"is_removed": True, "leads_to": "Contacted"}, version=1)
    assert gone.status_code == 204
    assert {row["stage"]["name"] for row in api("mona").rows("/leads")} == {"Contacted"}
    api("mona").post(f"/change-sets/{gone.headers['x-change-set']}/undo")
    assert {row["stage"]["name"] for row in api("mona").rows("/leads")} == {"Lead"}


def test_a_pipeline_is_renamed_and_archived_only_without_open_leads(api: Any, cast: Any, gulf: str) -> None:
    assert api("mona").patch(gulf, {"name": "Customers"}, version=1).json()["name"] == "Customers"
    assert api("mona").patch(gulf, {"is_archived": True}, version=2).status_code == 422


@pytest.mark.parametrize("who", ["ana", "vera"])
def test_who_configures_nothing_is_told_which_grant_is_missing(api: Any, cast: Any, gulf: str, who: str) -> None:
    for answer in (
        api(who).post("/pipelines", {"name": "Deals", "team": "Gulf"}), api(who).patch(gulf, {"name": "x"}, version=1),
        api(who).post(f"{gulf}/stages", {"name": "x"}), api(who).patch(stage(cast, gulf, "Lead"), {"name": "x"}, version=1),
    ):  # fmt: skip
        assert (answer.status_code, answer.json()["grant"]) == (403, "pipeline: configure")


def test_versions_must_be_said(api: Any, cast: Any, gulf: str) -> None:
    assert api("mona").patch(gulf, {"name": "x"}).status_code == 428
    assert api("mona").patch(stage(cast, gulf, "Lead"), {"name": "x"}, version=7).status_code == 422


@pytest.mark.parametrize(
    "body",
    [{"name": ""}, {"kind": "rocket"}, {"probability": 2}, {"probability": "NaN"}, {"target_days": -1}, {"colour": "red"}, {"required_fields": ["password"]},
     {"required_fields": "value"}, {"required_activity": "lunch"}, {"lost_reasons": ["x" * 81]}, {"id": 3}, {"deleted_at": "now"}, {"leads_to": []}],
)  # fmt: skip
def test_values_that_make_no_sense_are_refused(api: Any, cast: Any, db: Any, gulf: str, body: dict[str, Any]) -> None:
    assert api("alma").patch(stage(cast, gulf, "Lead"), body, version=1).status_code == 422
    assert db.value("select version from crm.stages where id = :id", id=cast.stages["Gulf"]["Lead"]) == 1


def test_a_stage_of_another_pipeline_is_not_found_here(api: Any, cast: Any, gulf: str) -> None:
    assert api("alma").patch(f"{gulf}/stages/{cast.stages['Levant']['Lead']}", {"name": "x"}, version=1).status_code == 404
    assert api("carla").patch(stage(cast, gulf, "Lead"), {"name": "x"}, version=1).status_code == 404
