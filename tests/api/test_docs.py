"""The OpenAPI document, its page and docs/api.md tell the same, and it is true."""

import re
from pathlib import Path

from crm.api.lead_form import RECORD_FIELDS
from crm.api.requests import LeadFields
from crm.leads.reads import SORTS
from crm.leads.records import LEAD

DOCS = Path(__file__).parents[2] / "docs" / "api.md"


def test_the_written_docs_list_exactly_the_routes_there_are(document):
    written = set(re.findall(r"^\| `(GET|POST|PATCH|DELETE) (/\S*)` \|", DOCS.read_text(), re.MULTILINE))
    offered = {(method.upper(), path.removeprefix("/v1")) for path, operations in document["paths"].items() for method in operations}
    assert written == offered


def test_the_written_docs_name_every_sort_and_every_field_one_may_set():
    text = DOCS.read_text()
    assert not [name for name in (*SORTS, *LeadFields.model_fields) if f"`{name}`" not in text]


def test_every_operation_has_words_a_security_scheme_and_documented_problems(document):
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["description"], path
            assert operation["security"], path
            assert {"401", "403", "422", "429"} <= operation["responses"].keys()
            names = {parameter["name"] for parameter in operation.get("parameters", ())}
            assert ("Idempotency-Key" in names) == (method == "post")
            records = ("lead", "alert", "pipeline", "stage", "company", "contact", "dashboard", "block", "template")
            kept = tuple(f"{{{record}_id}}" for record in records)
            changes = path.endswith(kept) and method in ("patch", "delete")
            assert ("If-Match" in names) == (changes or path.endswith("/hand-over"))


def test_a_writer_may_set_every_field_of_a_lead_but_those_the_system_sets():
    assert set(LEAD.fields) - set(RECORD_FIELDS.values()) == {"came_from_lead_id", "merged_into_id"}


def test_the_page_and_the_document_are_open_and_load_nothing_from_elsewhere(http, document):
    page = http.request("GET", "/docs")
    assert page.status_code == 200
    assert "<script" not in page.text
    assert not [link for link in re.findall(r'(?:src|href)="([^"#]+)"', page.text) if not link.startswith("/api/")]
    for path in document["paths"]:
        assert f"/api{path}" in page.text
    assert http.request("GET", "/docs.css").headers["content-type"].startswith("text/css")
    links, targets = set(re.findall(r'href="#([^"]+)"', page.text)), set(re.findall(r'id="([^"]+)"', page.text))
    assert links <= targets


def test_every_kind_of_problem_has_its_place_on_the_page(http, api):
    page = http.request("GET", "/docs").text
    for answer in (
        api("ana").get("/leads/999"),
        api(None).get("/me"),
        api("vera").post("/leads", {"name": "A", "team": "Gulf"}),
        api("ana").get("/leads", limit=0),
    ):
        assert f'id="{answer.json()["type"].split("#")[1]}"' in page
