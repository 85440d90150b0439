"""What a worker does with jobs, and what it says about them."""

import logging

import pytest
from sqlalchemy import text

from crm import logs
from crm.__main__ import main
from crm.access import as_system
from crm.jobs import cleaning, tasks, worker
from crm.jobs.app import app, connector, defer
from tests.db.ledgers import add_lead


@pytest.fixture
def said(monkeypatch):
    """What is logged, as (event, fields)."""
    lines = []

    class Notebook:
        def __getattr__(self, level):
            return lambda event, **fields: lines.append((event, fields))

    for module in (worker, tasks):
        monkeypatch.setattr(module, "log", Notebook())
    monkeypatch.setattr(logs, "set_up", lambda: None)
    return lines


@pytest.fixture
def work(db, said):
    """Does all jobs that wait, in this process."""

    def run():
        with app.replace_connector(connector()):
            app.run_worker(wait=False, install_signal_handlers=False, worker_middleware=[worker._outcome], listen_notify=False)

    return run


def status(db, job_id):
    return db.value("select status::text from jobs.procrastinate_jobs where id = :id", id=job_id)


def test_the_fold_is_a_job(db, cast, work, said):
    add_lead(cast, "Gulf", "ana", value="10")
    with as_system() as session:
        job = defer(session, tasks.fold_postings, timestamp=1)
    work()
    assert status(db, job) == "succeeded"
    assert db.value("select count(*) from crm.unfolded_postings") == 0
    assert [fields["count"] for event, fields in said if event == "postings_folded"] == [5]


def test_a_failing_job_fails_alone_and_its_message_stays_out_of_the_log(db, work, said, monkeypatch, caplog):
    def fail():
        raise ValueError("Ana's mail address")

    monkeypatch.setattr(cleaning, "clean_up", fail)
    monkeypatch.setattr(tasks, "fold", lambda: 0)
    with as_system() as session:
        bad, good = defer(session, tasks.clean_up, timestamp=1), defer(session, tasks.fold_postings, timestamp=1)
    worker.keep_quiet()
    with caplog.at_level(logging.INFO):
        work()
    assert (status(db, bad), status(db, good)) == ("failed", "succeeded")
    failed = [fields for event, fields in said if event == "job_failed" and fields["job_id"] == bad]
    assert [(fields["task"], fields["error"]) for fields in failed] == [("clean_up", "ValueError")]
    assert failed[0]["where"].startswith("crm/jobs/tasks.py:")
    assert "mail address" not in str(said) + caplog.text


def test_a_worker_without_a_queue_says_what_to_do(db, said, capsys):
    with db.owner().begin() as connection:
        connection.execute(text("drop schema jobs cascade"))
    assert main(["worker"]) == 2
    assert capsys.readouterr().err == "The database has no job queue yet. Run python -m crm migrate first.\n"


def test_a_worker_without_a_database_says_what_to_do(db, said, capsys, monkeypatch):
    from crm import settings
    from crm.db import engine

    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    for cache in (settings.current, engine.owner_url, engine.runtime_engine, engine.role_names):
        cache.cache_clear()
    assert main(["worker"]) == 2
    assert capsys.readouterr().err.startswith("The database cannot be reached")
