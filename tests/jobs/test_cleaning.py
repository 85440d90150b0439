"""The clean-up removes what is over, and nothing that is still of use."""

import pytest
from sqlalchemy import text

from crm.access import as_system
from crm.jobs import tasks
from crm.jobs.app import defer
from crm.jobs.cleaning import clean_up
from tests.jobs.waiting import on_queue


def add(db, statement, **values):
    with db.owner().begin() as connection:
        return connection.scalar(text(statement + " returning id"), values)


def ids(db, table):
    return set(db.rows(f"select array_agg(id) as ids from {table}")[0]["ids"] or [])


CASES = {
    "sessions": (
        "insert into crm.sessions (person_id, token_hash, expires_at, revoked_at) values ({ana}, {hash}, now() + interval '{expires}', {revoked})",
        [{"expires": "-6 days", "revoked": "null"}, {"expires": "10 days", "revoked": "now() - interval '6 days'"}, {"expires": "1 day", "revoked": "null"}],
        [{"expires": "-8 days", "revoked": "null"}, {"expires": "10 days", "revoked": "now() - interval '8 days'"}],
    ),
    "one_time_links": (
        "insert into crm.one_time_links (person_id, purpose, token_hash, expires_at, used_at)"
        " values ({ana}, 'reset', {hash}, now() + interval '{expires}', {used})",
        [{"expires": "1 hour", "used": "null"}, {"expires": "1 day", "used": "now()"}],
        [{"expires": "-2 days", "used": "null"}, {"expires": "1 day", "used": "now() - interval '2 days'"}],
    ),
    "sign_in_attempts": (
        "insert into crm.sign_in_attempts (email, address, at) values ('x', {hash}, now() - interval '{age}')", [{"age": "23 hours"}], [{"age": "25 hours"}],
    ),
    "idempotency_keys": (
        "insert into crm.idempotency_keys (person_id, key, request_hash, created_at) values ({ana}, {hash}, 'x', now() - interval '{age}')",
        [{"age": "23 hours"}], [{"age": "25 hours"}],
    ),
    "exports": (
        "insert into crm.exports (person_id, kind, name, standing, expires_at) values ({ana}, 'x', 'x', {hash}, now() + interval '{expires}')",
        [{"expires": "1 hour"}, {"expires": "-23 hours"}], [{"expires": "-25 hours"}],
    ),
    "export_parts": (
        "with asked as (insert into crm.exports (person_id, kind, name, standing, expires_at)"
        " values ({ana}, 'x', 'x', {hash}, now() + interval '{expires}') returning id)"
        " insert into crm.export_parts (export_id, number, content) select id, 0, 'file' from asked",
        [{"expires": "1 minute"}], [{"expires": "-1 minute"}],
    ),
}  # fmt: skip


@pytest.mark.parametrize("table", CASES)
def test_what_is_over_goes_and_the_rest_stays(db, cast, table):
    statement, stays, goes = CASES[table]
    made = [add(db, statement.format(ana=cast.people["ana"], hash=f"'{number}'", **case)) for number, case in enumerate([*stays, *goes])]
    assert clean_up()[table] == len(goes)
    assert ids(db, f"crm.{table}") == set(made[: len(stays)])


def test_finished_jobs_go_after_days_and_waiting_ones_never(db):
    def job(status, age):
        with as_system() as session:
            job_id = defer(session, tasks.clean_up, timestamp=1)
        with on_queue(db) as connection:
            connection.execute(text("update procrastinate_jobs set status = cast(:s as procrastinate_job_status) where id = :id"), {"s": status, "id": job_id})
            connection.execute(text("update procrastinate_events set at = now() - cast(:age as interval) where job_id = :id"), {"age": age, "id": job_id})
        return job_id

    kept = {job("todo", "30 days"), job("doing", "30 days"), job("succeeded", "2 days"), job("failed", "2 days")}
    job("succeeded", "4 days"), job("failed", "4 days")
    assert clean_up()["jobs"] == 2
    assert ids(db, "jobs.procrastinate_jobs") == kept
