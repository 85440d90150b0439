"""Templates over the API: the version rules of leads, and a preview that says what is missing."""

from __future__ import annotations

import pytest

from tests.db.test_templates import add_field, change, close

TEXT = 'Hello {{ contact.name | default("there") }},\n\nyour VAT number is {{ lead.custom.vat_number }}.'


@pytest.fixture
def made(api, cast):
    add_field(cast)
    answer = api("mona").post("/templates", {"name": "First contact", "subject": "{{ lead.name }} and us", "body": TEXT})
    assert answer.status_code == 201, answer.text
    return answer


def test_a_new_one_is_the_makers_teams_and_its_people_read_it(api, made):
    body = made.json()
    assert (body["name"], body["team"]["name"], body["body"], body["version"]) == ("First contact", "Gulf", TEXT, 1)
    assert made.headers["location"] == f"/api/v1/templates/{body['id']}" and made.headers["etag"] == '"1"'
    assert api("bruno").get(f"/templates/{body['id']}").json() == body
    assert api("carla").get(f"/templates/{body['id']}").status_code == 404


def test_everybodys_takes_the_grant_everywhere(api, cast):
    body = {"name": "Thanks", "team": None, "body": "Thank you."}
    refused = api("mona").post("/templates", body)
    assert (refused.status_code, refused.json()["grant"]) == (403, "template: create")
    assert api("alma").post("/templates", body).json()["team"] is None
    assert [row["name"] for row in api("carla").rows("/templates")] == ["Thanks"]


def test_lists_go_on_by_cursor(api, made):
    for name in ("B", "A"):
        api("mona").post("/templates", {"name": name, "body": "x"})
    assert [row["name"] for row in api("ana").rows("/templates", limit=1)] == ["First contact", "B", "A"]


def test_a_field_that_moved_on_is_a_412_with_the_template_as_it_is_and_others_are_merged(api, made):
    path = f"/templates/{made.json()['id']}"
    assert api("mona").patch(path, {"body": "x"}).status_code == 428
    assert api("alma").patch(path, {"body": "Hers"}, version=1).json()["version"] == 2
    assert api("mona").patch(path, {"subject": "Mine"}, version=1).json()["version"] == 3
    answer = api("mona").patch(path, {"body": "Mine"}, version=1)
    assert answer.status_code == 412
    (met,) = answer.json()["conflicts"]
    assert (met["field"], met["seen"], met["theirs"], met["mine"], met["their_person"]["name"]) == ("body", TEXT, "Hers", "Mine", "Alma")
    assert answer.json()["current"]["body"] == "Hers"


def test_a_removed_one_is_gone_and_comes_back_by_undo(api, made):
    path = f"/templates/{made.json()['id']}"
    assert api("ana").delete(path, version=1).json()["grant"] == "template: delete"
    removed = api("mona").delete(path, version=1)
    assert removed.status_code == 204 and api("mona").get(path).status_code == 404
    api("mona").post(f"/change-sets/{removed.headers['x-change-set']}/undo")
    assert api("mona").get(path).status_code == 200


def test_a_preview_is_filled_in_and_says_what_is_missing(api, cast, made):
    path, lead = f"/templates/{made.json()['id']}/preview", cast.leads["Al Noor Trading"]
    empty = api("ana").get(path, lead=lead).json()
    assert (empty["subject"], empty["body"]) == ("Al Noor Trading and us", "Hello there,\n\nyour VAT number is [VAT number].")
    assert empty["missing"] == [{"field": "lead.custom.vat_number", "label": "VAT number", "detail": "The lead has no value for “VAT number”."}]
    change("lead", lead, {"custom.vat_number": "AE-77"}, 1)
    full = api("ana").get(path, lead=lead).json()
    assert (full["body"], full["missing"], full["contact"]) == ("Hello there,\n\nyour VAT number is AE-77.", [], None)


def test_a_preview_keeps_back_what_a_role_hides(api, db, cast, made):
    change("lead", cast.leads["Al Noor Trading"], {"custom.vat_number": "AE-77"}, 1)
    close(db, "lead", "custom.vat_number")
    answer = api("bruno").get(f"/templates/{made.json()['id']}/preview", lead=cast.leads["Al Noor Trading"])
    assert "AE-77" not in answer.text and "lead.custom.vat_number: view" in answer.json()["missing"][0]["detail"]


def test_a_preview_needs_a_lead_that_one_sees(api, cast, made):
    path = f"/templates/{made.json()['id']}/preview"
    for asked, status in (
        ({}, 422), ({"lead": "x"}, 422), ({"lead": 0}, 422), ({"lead": cast.leads["Nile Mart"]}, 404), ({"lead": 10**12}, 404),
        ({"lead": cast.leads["Delta Foods"], "contact": 10**12}, 404), ({"lead": cast.leads["Delta Foods"], "more": 1}, 422),
    ):  # fmt: skip
        assert api("ana").get(path, **asked).status_code == status, asked


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"), ({"name": "X"}, "body"), ({"name": "X", "body": ""}, "body"), ({"name": "x" * 81, "body": "x"}, "name"),
        ({"name": 5, "body": "x"}, "name"),
        ({"name": "X", "body": "x" * 1_000_000}, "body"), ({"name": "X", "body": "{{ constructor }}"}, "body"),
        ({"name": "X", "body": "{% for x in y %}"}, "body"),
        ({"name": "X", "body": "{{ lead.name }}" * 10_000}, "body"), ({"name": "X", "body": "{{ lead.name"}, "body"),
        ({"name": "X", "body": "x", "subject": "{{ lead.__class__ }}"}, "subject"), ({"name": "X", "body": "x", "team": "Nowhere"}, "team"),
        ({"name": "X", "body": "x", "version": 1}, "version"),
    ],
)  # fmt: skip
def test_what_cannot_be_one_is_refused_in_words(api, db, cast, body, field):
    answer = api("alma").post("/templates", body)
    assert answer.status_code == 422 and answer.json()["detail"], answer.text
    assert field in answer.text
    assert db.value("select count(*) from crm.templates") == 0
