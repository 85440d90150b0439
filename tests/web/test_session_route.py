"""The route that trades a ticket for the cookie, and the one that ends the session."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from crm.access import as_system, links, sessions
from crm.web import cookie
from tests.web.conftest import ORIGIN

OURS = {"origin": ORIGIN}


@pytest.fixture
def ticket(cast: Any) -> str:
    with as_system() as session:
        return links.issue(session, "ticket", cast.people["ana"])


def test_a_ticket_becomes_an_httponly_cookie(web: TestClient, cast: Any, ticket: str) -> None:
    answer = web.post("/session", json={"ticket": ticket}, headers=OURS)
    assert answer.status_code == 204
    flags = answer.headers["set-cookie"].lower()
    assert "httponly" in flags and "samesite=lax" in flags and "path=/" in flags
    found = sessions.find(web.cookies[cookie.name()])
    assert found and found.person.id == cast.people["ana"]


def test_over_https_the_cookie_is_secure_and_tied_to_the_host(monkeypatch: pytest.MonkeyPatch, web: TestClient, ticket: str) -> None:
    from crm import settings

    monkeypatch.setenv("CRM_BASE_URL", "https://crm.example.com")
    settings.current.cache_clear()
    headers = {"origin": "https://crm.example.com", "host": "crm.example.com"}
    answer = web.post("/session", json={"ticket": ticket}, headers=headers)
    assert answer.headers["set-cookie"].startswith("__Host-throughline=")
    assert "secure" in answer.headers["set-cookie"].lower()
    assert "max-age" in answer.headers["strict-transport-security"]


def test_a_used_ticket_gives_nothing(web: TestClient, ticket: str) -> None:
    web.post("/session", json={"ticket": ticket}, headers=OURS)
    again = web.post("/session", json={"ticket": ticket}, headers=OURS)
    assert again.status_code == 401 and "set-cookie" not in again.headers


@pytest.mark.parametrize("headers", [{}, {"origin": "http://evil.example"}])
def test_only_a_page_of_ours_may_begin_or_end_a_session(web: TestClient, ticket: str, token: str, headers: dict[str, str]) -> None:
    web.cookies.set(cookie.name(), token)
    assert web.post("/session", json={"ticket": ticket}, headers=headers).status_code == 403
    assert web.delete("/session", headers=headers).status_code == 403
    assert sessions.find(token)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"nonsense", b'"text"', b'{"ticket": "\\ud800"}', b"\xff", b"[" * 990])
def test_nonsense_is_refused_with_words(web: TestClient, body: bytes) -> None:
    assert web.post("/session", content=body, headers=OURS).status_code == 422


def test_a_long_body_is_refused_also_when_its_length_is_not_announced(web: TestClient) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(5):
            yield b"x" * 500

    assert web.post("/session", content=parts(), headers=OURS).status_code == 403
    assert web.post("/session", content=b"x" * 2000, headers=OURS).status_code == 403


def test_signing_out_ends_the_session_and_drops_the_cookie(signed_in: TestClient, token: str) -> None:
    answer = signed_in.delete("/session", headers=OURS)
    assert answer.status_code == 204 and "max-age=0" in answer.headers["set-cookie"].lower()
    assert sessions.find(token) is None


def test_health_is_open_and_asks_the_database(web: TestClient) -> None:
    answer = web.get("/healthz", headers={"host": "10.0.0.5"})
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_health_says_so_when_the_database_is_away(web: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("crm.web.routes._ask_database", away)
    assert web.get("/healthz").status_code == 503
