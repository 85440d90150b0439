"""The route of one-time files: signed in, one's own, once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.testclient import TestClient

from crm.access import Person, acting_as, as_system, sessions, viewing
from crm.audit.export import KIND
from crm.audit.reads import AuditFilter
from crm.configuration import as_file
from crm.configuration.as_file import read_file
from crm.exports import asking, handing, making
from crm.web import cookie


def made_for(person: Person, kind: str, wanted: Mapping[str, Any]) -> str:
    with acting_as(person) as session:
        export_id = asking.ask(session, kind, wanted)
    making.make(export_id)
    return handing.address_of(person, export_id)


@pytest.fixture
def address(cast: Any) -> str:
    return made_for(cast.who("alma"), KIND, AuditFilter().as_json())


def session_of(cast: Any, name: str) -> str:
    with as_system() as session:
        return sessions.start(session, cast.people[name], address="192.0.2.10", device="Firefox on Linux")


def sign_in(web: TestClient, cast: Any, name: str) -> str:
    token = session_of(cast, name)
    web.cookies.set(cookie.name(), token)
    return token


def test_the_one_who_asked_gets_the_file_once(web: TestClient, cast: Any, address: str) -> None:
    sign_in(web, cast, "alma")
    answer = web.get(address)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="audit.csv"' and answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.text.startswith("at,who,what,kind,from,door,details") and "Exported" not in answer.text
    assert web.get(address).status_code == 404


def test_the_configuration_is_fetched_as_a_file_as_far_as_one_shapes_it(web: TestClient, cast: Any, db: Any) -> None:
    sign_in(web, cast, "mona")
    answer = web.get(made_for(cast.who("mona"), as_file.KIND, {}))
    assert answer.headers["content-disposition"] == 'attachment; filename="throughline.yaml"'
    assert "Gulf:" in answer.text and "Levant" not in answer.text and "roles:" not in answer.text
    with acting_as(cast.who("mona")) as session:
        assert read_file(session, answer.content).edits == ()
    assert db.value("select count(*) from crm.audit_events where kind = 'exported' and subject = 'configuration'") == 1


def test_a_stranger_gets_nothing_and_uses_nothing_up(web: TestClient, cast: Any, address: str) -> None:
    assert web.get(address).status_code == 401
    sign_in(web, cast, "mona")
    answer = web.get(address)
    assert answer.status_code == 404 and "Signed" not in answer.text
    sign_in(web, cast, "alma")
    assert web.head(address).status_code == 405
    assert web.get(address).status_code == 200


def test_a_grant_lost_between_asking_and_fetching_counts(web: TestClient, cast: Any, address: str, db: Any) -> None:
    sign_in(web, cast, "alma")
    with db.owner().begin() as connection:
        connection.exec_driver_sql("delete from crm.grants where resource = 'audit' and action = 'export'")
        connection.exec_driver_sql("update crm.access_stamps set version = version + 1")
    answer = web.get(address)
    assert answer.status_code == 403 and "audit: export" in answer.text


def test_an_ended_session_fetches_nothing(web: TestClient, cast: Any, address: str) -> None:
    sessions.end(sign_in(web, cast, "alma"))
    assert web.get(address).status_code == 401


def test_while_looking_as_somebody_nothing_is_fetched(web: TestClient, cast: Any, address: str) -> None:
    viewing.start(sign_in(web, cast, "alma"), cast.people["ana"])
    assert web.get(address).status_code == 403


@pytest.mark.parametrize("token", ["x", "x.csv", "%00", "' or 1=1", "a" * 5000, "%ff"])
def test_nonsense_finds_nothing(web: TestClient, cast: Any, token: str) -> None:
    sign_in(web, cast, "alma")
    assert web.get(f"/download/{token}").status_code == 404
