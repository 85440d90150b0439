"""Whatever is sent, the answer is a clear refusal and never a failure of the server."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from crm.api import door, lookups

RAW = [
    b"", b"{", b"[", b"nonsense", b"\xff\xfe", b'"text"', b"null", b"[]", b"5", b"NaN", b'{"value": {"amount": NaN, "currency": "USD"}}', b'{"name": Infinity}',
    b'{"name": 1e400}', b'{"stage": 99999999999999999999999999}', b'{"stage": 1e3}', b'{"name": "\\ud800"}', b'{"name": "a\\u0000b"}',
    b'{"custom": {"k\\u0000": 1}}',
    b'{"custom": {"k": "\\u0000"}}', b'{"custom": {"k": ' + b"[" * 900 + b"]" * 900 + b"}}", b"[" * 100_000, b'{"custom": ' * 200 + b"1" + b"}" * 200,
    b'{"value": {"amount": "' + b"9" * 100_000 + b'", "currency": "USD"}}', b'{"value": {"amount": 1e308, "currency": "USD"}}',
    b'{"value": {"amount": "-0", "currency": "\xc3\x9f\xc3\x9f\xc3\x9f"}}',
    b'{"expected_close_on": "0000-00-00"}', b'{"expected_close_on": "99999-01-01"}', b'{"name": {"$gt": ""}}', b'{"owner": {"id": 1}}',
    b'{"name": "' + b"x" * 1_000_000 + b'"}',
    b'{"value": {"amount": "1_000", "currency": "USD", "rate": 5}}', b'{"custom": {"' + b"k" * 5000 + b'": 1}}', b'{"next_step": ["a"]}',
    b'{"deleted_at": null}', b'{"team_id": 1}',
    b'{"__proto__": 1}', b'{"custom.size": 1}',
]  # fmt: skip


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("raw", RAW, ids=range(len(RAW)))
def test_a_body_that_cannot_be_taken_is_refused_in_words(api, db, petra, raw):
    json_type = {"Content-Type": "application/json"}
    for answer in (
        api("ana").request("PATCH", petra, content=raw, version=1, headers=json_type),
        api("ana").request("POST", "/leads", content=raw, headers=json_type),
        api("ana").request("PATCH", "/leads", content=raw, headers=json_type),
        api("ana").request("POST", f"{petra}/activities", content=raw, headers=json_type),
        api("ana").request("POST", "/alerts", content=raw, headers=json_type),
    ):  # fmt: skip
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.json()["detail"]
        assert len(answer.text) < 3000
    assert db.value("select max(version) from crm.leads") == 1


def test_a_body_of_more_than_5_mb_is_a_413(api, petra):
    answer = api("ana").request("POST", "/leads", content=b"x" * (door.LARGEST_BODY + 1), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413

    async def parts():
        for _ in range(60):
            yield b"x" * 100_000

    assert api("ana").request("POST", "/leads", content=parts(), headers={"Content-Type": "application/json"}).status_code == 413


def test_another_kind_of_content_is_a_415(api):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        assert api("ana").request("POST", "/leads", content=b'{"name": "A", "team": "Gulf"}', headers={"Content-Type": kind}).status_code == 415


def test_an_unknown_route_and_method_are_problems_too(http, api):
    for path, method, status in (
        ("/v1/nothing", "GET", 404),
        ("/nothing", "GET", 404),
        ("/v1/leads/", "GET", 404),
        ("/v1/me", "POST", 405),
        ("/v1/leads", "PUT", 405),
        ("/v1/leads", "OPTIONS", 405),
    ):
        answer = http.request(method, path, headers=api("ana").headers)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert answer.json()["detail"]
    assert "GET" in http.request("POST", "/v1/me").headers["allow"]


def test_no_other_site_is_let_in(http, api):
    answer = http.request("GET", "/v1/me", headers={**api("ana").headers, "Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_mistake_of_the_server_is_a_500_without_its_internals(api, monkeypatch, capsys):
    monkeypatch.setattr(lookups.directory, "people", lambda *_, **__: 1 / 0)
    answer = api("ana").get("/people")
    assert answer.status_code == 500
    assert "ZeroDivisionError" not in answer.text
    assert "division" not in answer.text


def test_a_database_that_is_away_is_a_503_with_retry_after(api, monkeypatch):
    def away(*_, **__):
        raise OperationalError("select secret", {}, Exception("connection refused at 10.0.0.5"))

    monkeypatch.setattr(lookups.directory, "people", away)
    answer = api("ana").get("/people")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert "10.0.0.5" not in answer.text
    assert "secret" not in answer.text


texts = st.text(max_size=30) | st.sampled_from(["Won", "Gulf", "2026-12-31", "\x00", "‮", "9" * 40, "' or 1=1 --", "%", "\\"])
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)
money = st.fixed_dictionaries({"amount": values, "currency": texts | st.sampled_from(["USD", "AED", "ZZZ"])})
fields = st.sampled_from(
    [
        "name",
        "company",
        "team",
        "pipeline",
        "stage",
        "owner",
        "value",
        "expected_close_on",
        "next_step",
        "source",
        "market",
        "email",
        "phone",
        "lost_reason",
        "external_id",
        "custom",
    ]
)
bodies = st.dictionaries(fields | texts, values | money, max_size=4)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(body=bodies)
def test_no_body_makes_the_server_fail(api, petra, body):
    raw = json.dumps(body).encode()
    edits = [{"id": lead_id, "version": 1, "set": body} for lead_id in (2, 1)]
    version = int(api("mona").get(petra).headers["etag"].strip('"')) if api("mona").get(petra).status_code == 200 else 1
    json_type = {"Content-Type": "application/json"}
    for answer in (
        api("mona").request("PATCH", petra, content=raw, version=version, headers=json_type),
        api("mona").request("POST", "/leads", content=raw, headers=json_type),
        api("mona").request("PATCH", "/leads", content=json.dumps({"edits": edits}), headers=json_type),
        api("mona").request("POST", f"{petra}/activities", content=raw, headers=json_type),
        api("mona").request("POST", "/alerts", content=raw, headers=json_type),
    ):  # fmt: skip
        assert answer.status_code < 500, (raw, answer.text)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    params=st.dictionaries(
        st.sampled_from(
            [
                "team",
                "pipeline",
                "stage",
                "owner",
                "source",
                "q",
                "updated_since",
                "sort",
                "as_of",
                "known_on",
                "limit",
                "cursor",
                "lead",
                "person",
                "is_done",
                "due_from",
                "due_before",
                "market",
                "ordered_days",
                "contacted",
                "has_lead",
            ]
        ),
        texts,
        max_size=3,
    )
)
def test_no_parameter_makes_the_server_fail(api, petra, params):
    for path in ("/leads", petra, f"{petra}/changes", "/people", "/reports/pipeline_by_stage", "/alerts", "/customers"):
        assert api("ana").get(path, **params).status_code < 500, (path, params)
