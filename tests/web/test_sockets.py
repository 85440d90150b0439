"""Open pages end with their sessions: one query finds which."""

from __future__ import annotations

import asyncio
from typing import Any

from crm.access import OPERATOR, acting_as, as_system, sessions
from crm.people.use_cases import disable_person, place_person, role_id
from crm.web import sockets


def open_socket(person_id: int) -> sockets.Socket:
    with as_system() as session:
        token = sessions.start(session, person_id, address="", device="")
    found = sessions.find(token)
    assert found
    return sockets.Socket(found.token_hash, found.person)


def check(*open_now: sockets.Socket) -> None:
    sockets._open.clear()
    sockets._open.update(open_now)
    asyncio.run(sockets._check(0))
    sockets._open.clear()


def test_the_sockets_of_an_ended_session_close_and_no_others(cast: Any) -> None:
    ana, bruno = open_socket(cast.people["ana"]), open_socket(cast.people["bruno"])
    with acting_as(OPERATOR) as session:
        disable_person(session, cast.people["ana"], 1, source="test")
    check(ana, bruno)
    assert ana.must_close.is_set() and not bruno.must_close.is_set()


def test_a_changed_role_runs_that_persons_pages_again_and_closes_none(cast: Any, monkeypatch: Any) -> None:
    ran: list[set[str]] = []
    monkeypatch.setattr(sockets, "_run_again", ran.append)
    ana, bruno = open_socket(cast.people["ana"]), open_socket(cast.people["bruno"])
    with acting_as(OPERATOR) as session:
        place_person(session, cast.people["ana"], [(None, role_id(session, "admin"))])
    check(ana, bruno)
    assert ran == [{ana.token_hash}]
    assert ana.person.reach("person", "configure").everywhere and not ana.must_close.is_set()


def test_nothing_happens_while_nothing_changed(cast: Any, monkeypatch: Any) -> None:
    ran: list[set[str]] = []
    monkeypatch.setattr(sockets, "_run_again", ran.append)
    ana = open_socket(cast.people["ana"])
    check(ana)
    assert ran == [] and not ana.must_close.is_set()


def test_one_query_checks_all_open_pages(cast: Any, monkeypatch: Any) -> None:
    asked: list[set[str]] = []
    real = sessions.valid_among
    monkeypatch.setattr(sessions, "valid_among", lambda hashes: asked.append(set(hashes)) or real(hashes))
    everybody = [open_socket(person_id) for person_id in cast.people.values()]
    check(*everybody, *everybody)
    assert asked == [{socket.token_hash for socket in everybody}]


def test_a_page_is_remembered_for_whom_it_draws() -> None:
    sockets.bind("page-1", "hash-of-ana")
    assert sockets.drawn_for("page-1") == "hash-of-ana"
    sockets.release("page-1")
    assert sockets.drawn_for("page-1") is None
