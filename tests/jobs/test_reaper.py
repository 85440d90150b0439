"""The reaper takes up what a dead worker left, each job on its own."""

import pytest
from sqlalchemy import text

from crm.access import as_system
from crm.jobs import reaper, tasks
from crm.jobs.app import defer, queue_of
from tests.jobs.waiting import on_queue


@pytest.fixture
def worker(db):
    """A worker that is alive."""
    return _register(db)


def _register(db, *, last_heartbeat="now()"):
    with on_queue(db) as connection:
        return connection.scalar(text(f"insert into procrastinate_workers (last_heartbeat) values ({last_heartbeat}) returning id"))


def dead_worker(db):
    return _register(db, last_heartbeat="now() - interval '5 minutes'")


def job_of(db, worker_id, *, attempts=0, queueing_lock=None, started="now() - interval '4 minutes'"):
    with as_system() as session:
        job_id = defer(session, tasks.clean_up, timestamp=1)
    with on_queue(db) as connection:
        connection.execute(
            text("update procrastinate_jobs set status = 'doing', worker_id = :w, attempts = :a, queueing_lock = :q where id = :id"),
            {"w": worker_id, "a": attempts, "q": queueing_lock, "id": job_id},
        )
        connection.execute(text(f"update procrastinate_events set at = {started} where job_id = :id and type = 'started'"), {"id": job_id})
    return job_id


def status(db, job_id):
    return db.value("select status::text from jobs.procrastinate_jobs where id = :id", id=job_id)


def test_a_job_of_a_dead_worker_waits_again(db):
    job = job_of(db, dead_worker(db))
    assert reaper.reap().retried == [job]
    assert status(db, job) == "todo"


def test_a_job_whose_worker_was_pruned_waits_again(db):
    job = job_of(db, None)
    assert reaper.reap().retried == [job]
    assert status(db, job) == "todo"


def test_a_job_of_a_living_worker_is_left_alone(db, worker):
    job = job_of(db, worker)
    found = reaper.reap()
    assert (found.retried, found.failed, found.left) == ([], [], [])
    assert status(db, job) == "doing"


def test_a_job_that_hangs_in_a_living_worker_is_failed_and_not_started_twice(db, worker):
    job = job_of(db, worker, started="now() - interval '7 hours'")
    assert reaper.reap().failed == [job]
    assert status(db, job) == "failed"


def test_a_job_that_brought_down_three_workers_is_failed(db):
    job = job_of(db, dead_worker(db), attempts=reaper.MOST_ATTEMPTS - 1)
    assert reaper.reap().failed == [job]


def test_a_job_whose_twin_already_waits_is_failed_and_the_others_are_still_taken_up(db):
    gone = dead_worker(db)
    twin_of_a_waiting_one, plain = job_of(db, gone, queueing_lock="clean_up"), job_of(db, gone)
    with on_queue(db) as connection:
        connection.execute(text("insert into procrastinate_jobs (queue_name, task_name, queueing_lock) values ('default', 'clean_up', 'clean_up')"))
    found = reaper.reap()
    assert (found.failed, found.retried) == ([twin_of_a_waiting_one], [plain])


def test_one_bad_job_does_not_stop_the_sweep(db, monkeypatch):
    gone = dead_worker(db)
    bad, good = job_of(db, gone), job_of(db, gone)
    settle = reaper._settle

    def refuse_the_bad_one(job_id, *, may_retry):
        if job_id == bad:
            raise RuntimeError("cannot be read")
        return settle(job_id, may_retry=may_retry)

    monkeypatch.setattr(reaper, "_settle", refuse_the_bad_one)
    found = reaper.reap()
    assert (found.left, found.retried) == ([bad], [good])


def test_two_reapers_take_a_job_up_once(db):
    job = job_of(db, dead_worker(db))
    with as_system() as first, queue_of(first):
        first.execute(text("select 1 from procrastinate_jobs where id = :id for update"), {"id": job})
        found = reaper.reap()
    assert (found.retried, found.failed) == ([], [])
