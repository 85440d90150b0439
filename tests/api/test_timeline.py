"""A lead's changes and activities."""

from datetime import timedelta

import pytest

from crm.clock import now


def test_changes_are_told_newest_first_with_names(api, cast, petra):
    api("mona").patch(petra, {"stage": "Won", "owner": "Ana", "value": {"amount": "5", "currency": "EUR"}, "custom": {"color": "large"}}, version=1)
    newest, first = api("ana").rows(f"{petra}/changes")
    assert (newest["version"], newest["person"]["name"], newest["source"], first["version"]) == (2, "Mona", "api", 1)
    fields = {change["field"]: (change["old"], change["new"]) for change in newest["fields"]}
    assert fields["stage"] == ({"id": cast.stages["Gulf"]["Lead"], "name": "Lead"}, {"id": cast.stages["Gulf"]["Won"], "name": "Won"})
    assert fields["owner"] == ({"id": cast.people["bruno"], "name": "Bruno"}, {"id": cast.people["ana"], "name": "Ana"})
    assert fields["value"] == ({"amount": "9500.00", "currency": "USD"}, {"amount": "5.00", "currency": "EUR"})
    assert fields["custom.color"] == (None, "large")


def test_changes_come_page_by_page(api, petra):
    for version in range(1, 8):
        api("ana").patch(petra, {"next_step": str(version)}, version=version)
    assert [change["version"] for change in api("ana").rows(f"{petra}/changes", limit=3)] == [8, 7, 6, 5, 4, 3, 2, 1]


def test_a_name_out_of_sight_is_left_out(api, cast, petra):
    api("mona").patch(petra, {"team": "Levant"}, version=1)
    change = api("carla").rows(f"{petra}/changes")[0]
    old = next(field["old"] for field in change["fields"] if field["field"] == "pipeline")
    assert old == {"id": cast.pipelines["Gulf"], "name": None}


def test_a_strangers_timeline_is_a_404(api, petra):
    for path in (f"{petra}/changes", f"{petra}/activities"):
        assert api("carla").get(path).status_code == 404
    assert api("carla").post(f"{petra}/activities", {"kind": "call"}).status_code == 404


def test_an_activity_is_noted_and_told(api, petra):
    at = (now() - timedelta(hours=3)).replace(microsecond=0)
    made = api("ana").post(f"{petra}/activities", {"kind": "meeting", "body": "Showed samples.", "happened_at": at.isoformat(), "duration_minutes": 45})
    assert made.status_code == 201
    assert made.json()["person"]["name"] == "Ana"
    assert (made.json()["happened_at"], made.json()["duration_minutes"]) == (at.isoformat().replace("+00:00", "Z"), 45)
    assert api("bruno").rows(f"{petra}/activities") == [made.json()]
    assert api("bruno").get(petra).json()["last_contacted_at"] == made.json()["happened_at"]


def test_activities_come_page_by_page_newest_first(api, petra):
    at = now() - timedelta(days=1)
    for number in range(7):
        api("ana").post(f"{petra}/activities", {"kind": "note", "body": str(number), "happened_at": (at + timedelta(minutes=number // 2)).isoformat()})
    assert [row["body"] for row in api("ana").rows(f"{petra}/activities", limit=2)] == ["6", "5", "4", "3", "2", "1", "0"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "kind"), ({"kind": "party"}, "kind"), ({"kind": "note"}, "body"), ({"kind": "call", "happened_at": "2999-01-01T00:00:00Z"}, "happened_at"),
        ({"kind": "call", "happened_at": "noon"}, "happened_at"), ({"kind": "call", "happened_at": "2026-01-01T00:00:00"}, "happened_at"),
        ({"kind": "call", "happened_at": "0001-01-01T00:00:00+23:00"}, "happened_at"), ({"kind": "call", "duration_minutes": -1}, "duration_minutes"),
        ({"kind": "call", "duration_minutes": "5"}, "duration_minutes"), ({"kind": "call", "person": "Mona"}, "person"),
        ({"kind": "call", "body": "x" * 20_001}, "body"),
    ],
)  # fmt: skip
def test_an_activity_that_cannot_be_is_a_422_that_names_the_field(api, petra, body, field):
    answer = api("ana").post(f"{petra}/activities", body)
    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text


def test_a_viewer_may_note_nothing(api, petra):
    assert api("vera").post(f"{petra}/activities", {"kind": "call"}).status_code == 403
