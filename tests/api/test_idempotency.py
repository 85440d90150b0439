"""An Idempotency-Key makes a repeated POST one POST."""

from datetime import timedelta

import pytest
import time_machine

from crm.access import idempotency
from crm.api import leads
from crm.clock import now

BODY = {"name": "Sinai Glass", "team": "Gulf"}
KEY = {"Idempotency-Key": "order-1"}


def count(db):
    return db.value("select count(*) from crm.leads where name = 'Sinai Glass'")


def test_the_first_answer_is_given_again(api, db):
    first, second = (api("ana").post("/leads", BODY, headers=KEY) for _ in range(2))
    assert (first.status_code, second.status_code, count(db)) == (201, 201, 1)
    assert second.content == first.content
    for name in ("etag", "location", "x-change-set", "content-type"):
        assert second.headers[name] == first.headers[name]
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"


def test_a_refusal_is_given_again_too(api, db):
    for _ in range(2):
        assert api("vera").post("/leads", BODY, headers=KEY).status_code == 403
    assert db.value("select status from crm.idempotency_keys") == 403


def test_another_request_with_the_same_key_is_refused(api, db, petra):
    api("ana").post("/leads", BODY, headers=KEY)
    assert api("ana").post("/leads", {**BODY, "source": "fair"}, headers=KEY).status_code == 422
    assert api("ana").post(f"{petra}/activities", {"kind": "call"}, headers=KEY).status_code == 422
    assert count(db) == 1


def test_keys_of_two_people_do_not_meet(api, db):
    assert api("ana").post("/leads", BODY, headers=KEY).status_code == 201
    assert "idempotency-replayed" not in api("bruno").post("/leads", BODY, headers=KEY).headers
    assert count(db) == 2


def test_while_the_first_runs_the_second_is_a_409(api, cast, db, document):
    assert api("ana").post("/leads", BODY, headers=KEY).status_code == 201
    with db.owner().begin() as connection:
        connection.exec_driver_sql("update crm.idempotency_keys set status = null, answer = null")
    answer = api("ana").post("/leads", BODY, headers=KEY)
    assert (answer.status_code, answer.headers["retry-after"]) == (409, "1")
    assert count(db) == 1


def test_a_request_that_died_with_its_process_may_be_tried_again_after_a_while(api, db):
    api("ana").post("/leads", BODY, headers=KEY)
    with db.owner().begin() as connection:
        connection.exec_driver_sql("update crm.idempotency_keys set status = null, answer = null")
    with time_machine.travel(now() + idempotency.ABANDONED_AFTER + timedelta(seconds=1)):
        assert api("ana").post("/leads", BODY, headers=KEY).status_code == 201


def test_after_a_day_the_key_is_free_again(api, db):
    api("ana").post("/leads", BODY, headers=KEY)
    with time_machine.travel(now() + timedelta(hours=23, minutes=59)):
        assert "idempotency-replayed" in api("ana").post("/leads", BODY, headers=KEY).headers
    with time_machine.travel(now() + timedelta(hours=24, minutes=1)):
        assert "idempotency-replayed" not in api("ana").post("/leads", BODY, headers=KEY).headers
    assert count(db) == 2


def test_a_failure_of_the_server_is_not_kept_and_neither_is_what_it_wrote(api, db, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("the cable")

    with monkeypatch.context() as broken:
        broken.setattr(leads, "_written", fail)
        answer = api("ana").post("/leads", BODY, headers=KEY)
    assert answer.status_code == 500
    assert "cable" not in answer.text
    assert (count(db), db.value("select count(*) from crm.idempotency_keys")) == (0, 0)
    assert api("ana").post("/leads", BODY, headers=KEY).status_code == 201


def test_the_answer_stands_or_falls_with_the_work(api, db, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(idempotency, "_KEEP", None)
        assert api("ana").post("/leads", BODY, headers=KEY).status_code == 500
    assert count(db) == 0


@pytest.mark.parametrize("key", ["", "x" * 201, "a\x07b"])
def test_a_key_has_up_to_200_printable_characters(api, key):
    answer = api("ana").post("/leads", BODY, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")


def test_undo_and_notes_are_done_once_too(api, petra):
    change_set = api("ana").patch(petra, {"stage": "Won"}, version=1).headers["x-change-set"]
    first, second = (api("ana").post(f"/change-sets/{change_set}/undo", headers={"Idempotency-Key": "undo"}) for _ in range(2))
    assert first.json() == second.json()
    for _ in range(2):
        api("ana").post(f"{petra}/activities", {"kind": "call"}, headers={"Idempotency-Key": "call"})
    assert len(api("ana").rows(f"{petra}/activities")) == 1
