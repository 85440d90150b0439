"""Dashboards over the API: whose they are, with the version rules of leads; nothing but figures there are can stand in one."""

from __future__ import annotations

from typing import Any

import pytest

GULF = {"name": "Gulf this quarter", "audience": "team", "team": "Gulf", "filters": {"period": "quarter"},
        "blocks": [{"what": "wins.owners"}, {"what": "stale.leads", "title": "Who waits", "width": "full", "parameters": {"source": "Fair"}}]}  # fmt: skip


@pytest.fixture
def gulf(api: Any) -> dict[str, Any]:
    made = api("mona").post("/dashboards", GULF)
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"/api/v1/dashboards/{made.json()['id']}"
    return made.json()


def path(dashboard: dict[str, Any], block: int | None = None) -> str:
    return f"/dashboards/{dashboard['id']}" + ("" if block is None else f"/blocks/{dashboard['blocks'][block]['id']}")


def test_a_dashboard_is_read_with_its_blocks_by_whom_it_is_for(api: Any, cast: Any, gulf: dict[str, Any]) -> None:
    for who in ("ana", "vera", "alma"):
        found = api(who).get(path(gulf))
        assert (found.status_code, found.headers["etag"], found.json()["team"]["name"]) == (200, '"1"', "Gulf")
        assert [(block["what"], block["title"], block["width"], block["parameters"]) for block in found.json()["blocks"]] == [
            ("wins.owners", None, "half", {}), ("stale.leads", "Who waits", "full", {"source": "Fair"}),
        ]  # fmt: skip
        assert [row["id"] for row in api(who).rows("/dashboards")] == [gulf["id"]]
    assert api("carla").get(path(gulf)).status_code == 404 and api("carla").rows("/dashboards") == []


def test_a_list_goes_on_page_by_page(api: Any) -> None:
    made = [api("ana").post("/dashboards", {"name": f"Number {number}"}).json()["id"] for number in range(5)]
    assert [row["id"] for row in api("ana").rows("/dashboards", limit=2)] == made


def test_one_is_changed_met_by_version_and_brought_back(api: Any, gulf: dict[str, Any]) -> None:
    changed = api("mona").patch(path(gulf), {"filters": {"market": "ae"}}, version=1)
    assert (changed.status_code, changed.json()["filters"], changed.json()["version"]) == (200, {"market": "AE"}, 2)
    assert api("alma").patch(path(gulf), {"name": "Another"}, version=1).json()["name"] == "Another"
    stale = api("mona").patch(path(gulf), {"name": "Mine"}, version=1)
    assert (stale.status_code, stale.json()["conflicts"]) == (412, [{"field": "name", "seen": GULF["name"], "theirs": "Another", "mine": "Mine"}])
    assert stale.json()["current"]["version"] == 3
    gone = api("mona").delete(path(gulf), version=3)
    assert gone.status_code == 204 and api("mona").get(path(gulf)).status_code == 404
    api("mona").post(f"/change-sets/{gone.headers['x-change-set']}/undo")
    assert len(api("ana").get(path(gulf)).json()["blocks"]) == 2


def test_blocks_are_added_changed_and_removed_by_themselves(api: Any, gulf: dict[str, Any]) -> None:
    added = api("mona").post(f"{path(gulf)}/blocks", {"what": "team.lines"})
    assert (added.status_code, added.json()["position"]) == (201, 2)
    assert api("mona").patch(path(gulf, 0), {"title": "Winners"}, version=1).json()["title"] == "Winners"
    assert api("alma").patch(path(gulf, 0), {"width": "full"}, version=1).json()["title"] == "Winners"
    stale = api("alma").patch(path(gulf, 0), {"title": "Heroes"}, version=1)
    assert (stale.status_code, stale.json()["current"]["title"]) == (412, "Winners")
    gone = api("mona").delete(path(gulf, 1), version=1)
    assert gone.status_code == 204
    assert [block["what"] for block in api("vera").get(path(gulf)).json()["blocks"]] == ["wins.owners", "team.lines"]
    api("mona").post(f"/change-sets/{gone.headers['x-change-set']}/undo")
    assert [block["what"] for block in api("vera").get(path(gulf)).json()["blocks"]] == ["wins.owners", "stale.leads", "team.lines"]


def test_who_does_not_share_is_told_which_grant_is_missing(api: Any, gulf: dict[str, Any]) -> None:
    shared = api("ana").post("/dashboards", GULF)
    assert (shared.status_code, shared.json()["grant"]) == (403, "view: share")
    own = api("ana").post("/dashboards", {"name": "Mine"}).json()
    assert api("ana").patch(path(own), {"audience": "everyone"}, version=1).status_code == 403
    for answer in (
        api("ana").patch(path(gulf), {"name": "x"}, version=1), api("ana").delete(path(gulf), version=1),
        api("vera").post(f"{path(gulf)}/blocks", {"what": "wins.months"}), api("vera").patch(path(gulf, 0), {"width": "full"}, version=1),
        api("vera").delete(path(gulf, 0), version=1),
    ):  # fmt: skip
        assert answer.status_code == 403, answer.text


def test_a_block_of_another_dashboard_is_not_found_here(api: Any, gulf: dict[str, Any]) -> None:
    other = api("mona").post("/dashboards", {"name": "Mine"}).json()
    for asked in (f"{path(other)}/blocks/{gulf['blocks'][0]['id']}", f"{path(gulf)}/blocks/{10**12}"):
        assert api("mona").patch(asked, {"width": "full"}, version=1).status_code == 404
        assert api("mona").delete(asked, version=1).status_code == 404


@pytest.mark.parametrize(
    "body",
    [{"what": "wins.everything"}, {"what": None}, {}, {"what": "wins.months", "title": "x" * 81}, {"what": "wins.months", "width": "huge"},
     {"what": "wins.months", "parameters": {"sql": "select 1"}}, {"what": "wins.months", "parameters": {"team": "Gulf"}},
     {"what": "wins.months", "parameters": {"team": 2**70}}, {"what": "wins.months", "parameters": {"market": "A1"}},
     {"what": "wins.months", "kind": "exploration"},
     {"what": "wins.months", "dashboard_id": 1}, {"what": "wins.months", "position": -1}, {"what": ["wins.months"]}],
)  # fmt: skip
def test_values_that_make_no_sense_are_refused(api: Any, db: Any, gulf: dict[str, Any], body: dict[str, Any]) -> None:
    assert api("mona").post(f"{path(gulf)}/blocks", body).status_code == 422
    assert api("mona").post("/dashboards", {"name": "x", "blocks": [body]}).status_code == 422
    assert db.value("select count(*) from crm.dashboard_blocks") == 2


def test_versions_must_be_said_and_a_name_must_be_given(api: Any, gulf: dict[str, Any]) -> None:
    assert api("mona").patch(path(gulf), {"name": "x"}).status_code == 428
    assert api("mona").delete(path(gulf, 0)).status_code == 428
    assert api("mona").post("/dashboards", {"name": " "}).status_code == 422
    assert api("mona").post("/dashboards", {"name": "x", "audience": "team"}).status_code == 422


def test_an_exploration_stands_among_the_figures(api: Any, gulf: dict[str, Any]) -> None:
    body = {"kind": "exploration", "what": "explore", "title": "Counted", "parameters": {"address": {"measure": ["Leads"], "by": ["Owner"]}}}
    added = api("mona").post(f"{path(gulf)}/blocks", body)
    assert (added.status_code, added.json()["parameters"]) == (201, body["parameters"])
    for parameters in ({}, {"address": {"sql": ["x"]}}, {"address": {"by": "x" * 301}}, {"address": {"by": ["x"]}, "team": 1}, {"team": 1}):
        assert api("mona").post(f"{path(gulf)}/blocks", {**body, "parameters": parameters}).status_code == 422
    assert api("mona").post(f"{path(gulf)}/blocks", {**body, "what": "wins.owners"}).status_code == 422
