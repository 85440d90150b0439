"""Open pages follow a view that begins or ends: within the two seconds of a look, also when another tab or an admin ended it."""

from __future__ import annotations

from typing import Any

import pytest

from crm.access import OPERATOR, acting_as, as_system, sessions, viewing
from crm.people.use_cases import add_person, disable_person, place_person, role_id
from crm.web import sockets
from tests.web.test_sockets import check


@pytest.fixture
def ran(monkeypatch: Any) -> list[set[str]]:
    found: list[set[str]] = []
    monkeypatch.setattr(sockets, "_run_again", found.append)
    return found


def open_as(cast: Any, other: str | None) -> tuple[str, sockets.Socket]:
    with as_system() as session:
        token = sessions.start(session, cast.people["alma"], address="", device="")
    if other:
        viewing.start(token, cast.people[other])
    found = sessions.find(token)
    assert found
    return token, sockets.Socket(found.token_hash, found.person, found.person.id if found.by else None)


def test_a_view_begun_in_another_tab_runs_this_one_again(cast: Any, ran: list[set[str]]) -> None:
    token, page = open_as(cast, None)
    viewing.start(token, cast.people["ana"])
    check(page)
    assert ran == [{page.token_hash}] and page.person.id == cast.people["ana"] and not page.must_close.is_set()
    check(page)
    assert len(ran) == 1


def test_a_view_that_ended_runs_the_page_again(cast: Any, ran: list[set[str]]) -> None:
    token, page = open_as(cast, "ana")
    viewing.stop(token)
    check(page)
    assert ran == [{page.token_hash}] and page.person.id == cast.people["alma"]


def test_disabling_the_one_looked_at_runs_the_page_again_and_closes_nothing(cast: Any, ran: list[set[str]]) -> None:
    _, page = open_as(cast, "ana")
    with acting_as(OPERATOR) as session:
        disable_person(session, cast.people["ana"], 1, source="test")
    check(page)
    assert ran == [{page.token_hash}] and page.person.id == cast.people["alma"] and not page.must_close.is_set()


def test_losing_the_grant_runs_the_page_again(cast: Any, ran: list[set[str]]) -> None:
    _, page = open_as(cast, "ana")
    with acting_as(OPERATOR) as session:
        add_person(session, {"email": "zoe@demo.example", "name": "Zoe"}, [(None, role_id(session, "admin"))], source="test")
        place_person(session, cast.people["alma"], [(cast.teams["Gulf"], role_id(session, "rep"))])
    check(page)
    assert ran == [{page.token_hash}] and page.person.id == cast.people["alma"]
