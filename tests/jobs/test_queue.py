"""A job exists when, and only when, the work that asked for it was committed."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from crm.access import acting_as, as_system
from crm.errors import Refused
from crm.jobs import tasks
from crm.jobs.app import app, defer
from crm.leads.use_cases import edit_leads
from tests.jobs.waiting import eventually

JOB_TABLES = ("procrastinate_jobs", "procrastinate_events", "procrastinate_periodic_defers")


class Regret(Exception):
    pass


def jobs(db):
    return db.rows("select id, task_name, args, status from jobs.procrastinate_jobs order by id")


def test_a_job_commits_with_the_work(db, cast):
    with acting_as(cast.who("ana")) as session:
        job_id = defer(session, tasks.clean_up, timestamp=1)
        assert session.scalar(text("select count(*) from crm.leads")) == 3  # she sees what she saw before
    assert [(job["id"], job["task_name"], job["args"]) for job in jobs(db)] == [(job_id, "clean_up", {"timestamp": 1})]


def test_a_job_of_a_transaction_that_was_rolled_back_does_not_exist(db, cast):
    def ask_and_regret():
        with acting_as(cast.who("ana")) as session:
            defer(session, "clean_up", timestamp=1)
            raise Regret

    with pytest.raises(Regret):
        ask_and_regret()
    assert jobs(db) == []


def test_the_machinery_defers_jobs_too(db, cast):
    with as_system() as session:
        defer(session, tasks.clean_up, timestamp=1)
        defer(session, tasks.clean_up, timestamp=2)
        session.execute(text("select count(*) from crm.sessions"))
    assert len(jobs(db)) == 2


def test_an_unknown_task_is_an_error_at_once(db, cast):
    with pytest.raises(KeyError), as_system() as session:
        defer(session, "no such task")


def test_a_denied_write_leaves_the_job_tables_untouched(db, cast):
    lead = cast.leads["Petra Supplies"]

    def everything():
        return {table: db.rows(f"select * from jobs.{table}") for table in JOB_TABLES}

    def ask_and_be_refused():
        with acting_as(cast.who("vera")) as session:
            defer(session, tasks.clean_up, timestamp=1)
            edit_leads(session, [(lead, 1, {"next_step": "x"})], source="test", on_conflict="refuse")

    before = everything()
    with pytest.raises(Refused):
        ask_and_be_refused()
    assert everything() == before


def test_a_view_role_cannot_touch_the_queue(db, cast):
    with pytest.raises(ProgrammingError), acting_as(cast.who("alma")) as session:
        session.execute(text("select * from jobs.procrastinate_jobs"))


def test_every_task_is_found_by_its_name_and_none_combines_retry_with_a_queueing_lock(db):
    app.perform_import_paths()
    assert {"reap_jobs", "clean_up"} <= set(app.tasks)
    assert [task.name for task in app.tasks.values() if task.retry_strategy and task.queueing_lock] == []


def test_a_worker_runs_what_was_deferred(db, cast):
    from crm.jobs.supervisor import Supervisor

    with as_system() as session:
        defer(session, tasks.clean_up, timestamp=7)
    with Supervisor():
        eventually(lambda: [job for job in jobs(db) if job["args"] == {"timestamp": 7} and job["status"] == "succeeded"])
