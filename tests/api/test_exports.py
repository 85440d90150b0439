"""Files over the API: asked for, made in the background, fetched once."""

from __future__ import annotations

import csv
import io

import pytest

from crm.exports import asking, making
from tests.db.test_report_export import set_scope

BODY = {"report": "pipeline_by_stage", "format": "csv"}


def test_a_file_is_asked_for_made_and_fetched_once(api, db):
    mona = api("mona")
    asked = mona.post("/exports", {**BODY, "parameters": {"pipeline": "Accounts"}, "as_of": "2026-01-31"})
    export = asked.json()
    assert asked.status_code == 202 and asked.headers["location"] == f"/api/v1/exports/{export['id']}"
    assert (export["state"], export["file"], export["name"]) == ("waiting", None, "pipeline_by_stage-2026-01-31.csv")
    path = f"/exports/{export['id']}"
    early = mona.get(f"{path}/file")
    assert early.status_code == 409 and early.headers["retry-after"] == "1"
    making.make(export["id"])
    ready = mona.get(path).json()
    assert (ready["state"], ready["rows"], ready["file"]) == ("ready", 5, f"/api/v1{path}/file")
    answer = mona.get(f"{path}/file")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/csv")
    assert "pipeline_by_stage-2026-01-31.csv" in answer.headers["content-disposition"] and answer.headers["cache-control"] == "no-store"
    assert len(answer.content) == ready["size_bytes"] and len(list(csv.DictReader(io.StringIO(answer.text)))) == 5
    again = mona.get(f"{path}/file")
    assert again.status_code == 410 and again.json()["type"] == "/api/docs#file-gone"
    assert mona.get(path).json()["state"] == "fetched"
    (event,) = db.rows("select facts from crm.audit_events where kind = 'exported'")
    assert event["facts"]["door"] == "api"


def test_a_file_holds_what_was_known_on_the_day_that_is_asked_for(api, db):
    asked = api("mona").post("/exports", {**BODY, "as_of": "2026-01-31", "known_on": "2026-02-28"})
    assert asked.status_code == 202
    assert db.value("select wanted ->> 'known_on' from crm.exports") == "2026-02-28"
    making.make(asked.json()["id"])
    assert api("mona").get(f"/exports/{asked.json()['id']}").json()["state"] == "ready"
    other = api("alma").post("/exports", {"report": "revenue_by_market", "format": "csv", "known_on": "2026-02-28"}).json()
    making.make(other["id"])
    failed = api("alma").get(f"/exports/{other['id']}").json()
    assert failed["state"] == "failed" and failed["problem"]


def test_the_same_key_asks_once(api, db):
    first, again = (api("mona").post("/exports", BODY, headers={"Idempotency-Key": "one"}) for _ in range(2))
    assert first.json() == again.json() and again.headers["idempotency-replayed"] == "true"
    assert api("mona").post("/exports", {**BODY, "format": "xlsx"}, headers={"Idempotency-Key": "one"}).status_code == 422
    assert db.value("select count(*) from crm.exports") == 1


@pytest.mark.parametrize("who", ["ana", "vera", "carla"])
def test_without_the_grant_nothing_is_made_and_the_grant_is_named(api, db, who):
    answer = api(who).post("/exports", BODY)
    assert answer.status_code == 403 and answer.json()["grant"] == "report: export"
    assert db.value("select count(*) from crm.exports") == 0


def test_a_key_that_only_reads_asks_for_nothing_but_fetches_its_persons_file(api):
    assert api("mona", read_only=True).post("/exports", BODY).status_code == 403
    export_id = api("mona").post("/exports", BODY).json()["id"]
    making.make(export_id)
    assert api("mona", read_only=True).get(f"/exports/{export_id}/file").status_code == 200


def test_a_grant_that_went_on_the_way_is_named(api, db):
    lost, failed = (api("mona").post("/exports", BODY).json()["id"] for _ in range(2))
    making.make(lost)
    set_scope(db, "report", "export", "none")
    making.make(failed)
    answer = api("mona").get(f"/exports/{lost}/file")
    assert answer.status_code == 403 and answer.json()["grant"] == "report: export"
    assert "report: export" in api("mona").get(f"/exports/{failed}").json()["problem"]
    assert api("mona").get(f"/exports/{failed}/file").status_code == 410


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422), ({"report": "pipeline_by_stage"}, 422), ({**BODY, "chart": "stages"}, 422), ({**BODY, "format": "png", "chart": "../x"}, 422),
        ({**BODY, "format": "png", "report": "stale_leads"}, 422),
        ({**BODY, "format": "png", "report": "explore", "chart": "of_month"}, 422), ({**BODY, "format": "../x"}, 422),
        ({**BODY, "report": "passwords"}, 404), ({**BODY, "report": "audit"}, 404), ({**BODY, "parameters": {"team": "' or 1=1"}}, 422),
        ({**BODY, "parameters": {"x": "1"}}, 422), ({**BODY, "parameters": {"team": ["Gulf"]}}, 422), ({**BODY, "parameters": []}, 422),
        ({**BODY, "as_of": "yesterday"}, 422), ({**BODY, "known_on": "yesterday"}, 422), ({**BODY, "person": 1}, 422), ({**BODY, "state": "ready"}, 422),
        ({**BODY, "parameters": {"team": "\x00"}}, 422),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_a_problem(api, db, body, status):
    assert api("mona").post("/exports", body).status_code == status
    assert db.value("select count(*) from crm.exports") == 0


def test_a_chart_is_a_picture_that_is_fetched_once(api, db):
    mona = api("mona")
    asked = mona.post("/exports", {**BODY, "format": "png", "as_of": "2026-01-31"})
    export = asked.json()
    assert asked.status_code == 202 and (export["name"], export["format"]) == ("pipeline_by_stage-2026-01-31.png", "png")
    making.make(export["id"])
    answer = mona.get(f"/exports/{export['id']}/file")
    assert answer.headers["content-type"] == "image/png" and answer.content.startswith(b"\x89PNG")
    assert mona.get(f"/exports/{export['id']}/file").status_code == 410


def test_a_list_is_said_to_have_no_chart_and_a_wrong_chart_which_there_are(api):
    said = api("mona").post("/exports", {**BODY, "format": "png", "report": "stale_leads"}).json()["detail"]
    assert "is a list" in said
    said = api("mona").post("/exports", {**BODY, "format": "png", "report": "owners", "chart": "x"}).json()["detail"]
    assert said == "owners has no chart “x”. It has: owners, weighted."


@pytest.mark.parametrize("export_id", ["0", "999", "-1", "x", "9" * 30])
def test_an_id_of_nothing_finds_nothing(api, export_id):
    for path in (f"/exports/{export_id}", f"/exports/{export_id}/file"):
        assert api("mona").get(path).status_code == 404


def test_too_many_that_wait_are_told_to_wait(api, monkeypatch):
    monkeypatch.setattr(asking, "MOST_AT_ONCE", 1)
    api("mona").post("/exports", BODY)
    answer = api("mona").post("/exports", BODY)
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 0
