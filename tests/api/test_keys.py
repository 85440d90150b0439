"""Who may ask: keys, what stops them at once, and that nothing but a key opens the API."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from crm.access import OPERATOR, acting_as, as_system, keys, sessions
from crm.api import throttle
from crm.clock import now
from crm.errors import Invalid, NotFound
from crm.people.use_cases import disable_person, place_person, role_id
from crm.web import cookie


def me(http, key, scheme="Bearer"):
    return http.request("GET", "/v1/me", headers={"Authorization": f"{scheme} {key}"})


def test_without_a_valid_key_every_route_answers_401_before_it_looks_at_anything(http, document):
    for path, operations in document["paths"].items():
        for method in operations:
            for headers in (
                {},
                {"Authorization": "Bearer tl_wrong"},
                {"Authorization": "Basic dXNlcjpwYXNz"},
                {"Authorization": "Bearer"},
                {"Authorization": b"Bearer \xff"},
            ):
                answer = http.request(method.upper(), path.replace("{", "").replace("}", ""), headers=headers, params={"nonsense": "1"})
                assert answer.status_code in (401, 429), (method, path, answer.text)
                assert answer.headers["content-type"] == "application/problem+json"
                if answer.status_code == 401:
                    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_page_sessions_cookie_opens_nothing(http, cast):
    with as_system() as session:
        token = sessions.start(session, cast.people["alma"], address="127.0.0.1", device="test")
    for headers in ({"Cookie": f"{cookie.name()}={token}"}, {"Authorization": f"Bearer {token}"}):
        assert http.request("GET", "/v1/me", headers=headers).status_code == 401


def test_only_the_hash_of_a_key_is_kept(db, cast):
    key = keys.create_key(cast.people["ana"], "sync")
    row = db.rows("select * from crm.api_keys")[0]
    assert key.startswith("tl_")
    assert len(key) > 40
    assert key not in str(row)


def test_a_revoked_key_stops_with_the_next_request_and_others_go_on(http, cast):
    first, second = (keys.create_key(cast.people["ana"], name) for name in ("first", "second"))
    assert me(http, first).status_code == 200
    keys.revoke_key(cast.people["ana"], next(row.id for row in keys.list_keys(cast.people["ana"]) if row.name == "first"))
    assert me(http, first).status_code == 401
    assert me(http, second).status_code == 200


def test_somebody_elses_key_cannot_be_revoked(cast):
    keys.create_key(cast.people["ana"], "sync")
    key_id = keys.list_keys(cast.people["ana"])[0].id
    with pytest.raises(NotFound):
        keys.revoke_key(cast.people["bruno"], key_id)


def test_a_key_works_up_to_its_expiry_and_not_after(http, cast):
    key = keys.create_key(cast.people["ana"], "sync", expires_at=now() + timedelta(days=1))
    with time_machine.travel(now() + timedelta(days=1, seconds=-5)):
        assert me(http, key).status_code == 200
    with time_machine.travel(now() + timedelta(days=1, seconds=5)):
        assert me(http, key).status_code == 401


def test_a_disabled_persons_key_stops_with_the_next_request(http, cast, db):
    key = keys.create_key(cast.people["ana"], "sync")
    assert me(http, key).status_code == 200
    with acting_as(OPERATOR) as session:
        disable_person(session, cast.people["ana"], 1, source="test")
    assert me(http, key).status_code == 401


def test_a_changed_role_acts_with_the_next_request(http, cast):
    key = keys.create_key(cast.people["ana"], "sync")
    assert me(http, key).json()["teams"][0]["role"] == "rep"
    with acting_as(OPERATOR) as session:
        place_person(session, cast.people["ana"], [(cast.teams["Levant"], role_id(session, "viewer"))])
    assert me(http, key).json()["teams"] == [{"id": cast.teams["Levant"], "name": "Levant", "role": "viewer"}]
    assert me(http, key).json()["grants"]["lead"]["edit"] == "none"


def test_last_use_is_written_at_most_once_a_minute(http, cast, db):
    key = keys.create_key(cast.people["ana"], "sync")
    used = []
    for seconds in (0, 30, 59, 61):
        with time_machine.travel(now() + timedelta(seconds=seconds), tick=False):
            moment = now()
            me(http, key)
        used.append(db.value("select last_used_at from crm.api_keys") == moment)
    assert used == [True, False, False, True]


def test_a_key_needs_a_name_and_an_expiry_to_come(cast):
    for name, expires_at in (("", None), ("x" * 101, None), ("sync", now() - timedelta(seconds=1))):
        with pytest.raises(Invalid):
            keys.create_key(cast.people["ana"], name, expires_at=expires_at)


def test_making_and_revoking_a_key_is_audited(cast, db):
    keys.create_key(cast.people["ana"], "sync")
    keys.revoke_key(cast.people["ana"], keys.list_keys(cast.people["ana"])[0].id)
    events = db.rows("select kind, person_id, facts from crm.audit_events where kind like 'key.%' order by id")
    assert [(event["kind"], event["person_id"]) for event in events] == [("key.created", cast.people["ana"]), ("key.revoked", cast.people["ana"])]
    assert "tl_" not in str(events)


def test_many_wrong_keys_are_answered_with_retry_after_and_a_valid_key_still_works(http, cast, monkeypatch):
    monkeypatch.setattr(throttle, "wrong_keys", throttle.Throttle(0.5, 3))
    key = keys.create_key(cast.people["ana"], "sync")
    answers = [me(http, "tl_wrong") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert me(http, key).status_code == 200


def test_a_key_that_asks_without_end_is_slowed_down(http, cast, monkeypatch):
    monkeypatch.setattr(throttle, "requests", throttle.Throttle(0.1, 2))
    first, second = (keys.create_key(cast.people["ana"], name) for name in ("first", "second"))
    assert [me(http, first).status_code for _ in range(3)] == [200, 200, 429]
    assert me(http, second).status_code == 200


def test_the_commands_make_list_and_revoke_keys(cast, http, capsys):
    from crm.__main__ import main

    assert main(["key", "create", "--person", "ana@demo.example", "--name", "warehouse", "--read-only", "--expires-days", "3"]) == 0
    key = capsys.readouterr().out.strip()
    assert me(http, key).json()["is_read_only"] is True
    assert main(["key", "list", "--person", "ana@demo.example"]) == 0
    assert "warehouse" in (listed := capsys.readouterr().out)
    assert key not in listed
    assert main(["key", "revoke", str(keys.list_keys(cast.people["ana"])[0].id), "--person", "ana@demo.example"]) == 0
    assert me(http, key).status_code == 401
    assert main(["key", "create", "--person", "nobody@demo.example", "--name", "x"]) == 2
    assert "nobody@demo.example" in capsys.readouterr().err


def test_no_person_reads_the_table_of_keys(cast):
    with pytest.raises(ProgrammingError, match="permission denied"), acting_as(cast.who("alma")) as session:
        session.execute(text("select * from crm.api_keys"))
