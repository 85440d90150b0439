"""Takes up jobs whose worker is gone. Each on its own: one that cannot be taken up never keeps the others waiting."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from crm.access import as_system
from crm.jobs.app import queue_of
from crm.jobs.worker import STALLED_AFTER_SECONDS
from crm.logs import log

MOST_ATTEMPTS = 3
"""A job that brought its worker down this often is failed instead of tried again."""
LONGEST_HOURS = 6
"""A job that runs longer, though its worker lives, hangs: it is failed, never started beside itself."""

# `worker_id` is null once the worker's row was pruned.
_STALLED = """
    select j.id, j.task_name, j.attempts, w.last_heartbeat >= now() - make_interval(secs => :seconds) as is_alive
    from procrastinate_jobs as j
    left join procrastinate_workers as w on w.id = j.worker_id
    where j.status = 'doing'
        and (
            w.id is null
            or w.last_heartbeat < now() - make_interval(secs => :seconds)
            or (select max(e.at) from procrastinate_events as e where e.job_id = j.id and e.type = 'started') < now() - make_interval(hours => :hours)
        )
"""
_FIND = text(f"{_STALLED} order by j.id")
_TAKE = text(f"{_STALLED} and j.id = :id for update of j skip locked")
_RETRY = text("select procrastinate_retry_job_v2(:id, now(), null, null, null)")
_FAIL = text("select procrastinate_finish_job_v1(:id, 'failed', false)")
_LIMITS = {"seconds": STALLED_AFTER_SECONDS, "hours": LONGEST_HOURS}


@dataclass(slots=True)
class Reaped:
    """Ids of jobs that wait again, that were failed for good, and that could not be helped this time."""

    retried: list[int]
    failed: list[int]
    left: list[int]


def reap() -> Reaped:
    """Sweep once over all stalled jobs."""
    done = Reaped([], [], [])
    with as_system() as session, queue_of(session):
        stalled = list(session.scalars(_FIND, _LIMITS))
    for job_id in stalled:
        try:
            _take_up(job_id, done)
        except Exception as error:
            log.error("job_not_reaped", job_id=job_id, error=type(error).__name__)
            done.left.append(job_id)
    return done


def _take_up(job_id: int, done: Reaped) -> None:
    try:
        outcome = _settle(job_id, may_retry=True)
    except IntegrityError:  # a twin with the same queueing lock already waits: that one does the work
        outcome = _settle(job_id, may_retry=False)
    if outcome is not None:
        (done.retried if outcome else done.failed).append(job_id)


def _settle(job_id: int, *, may_retry: bool) -> bool | None:
    """True: waits again; False: failed; None: it ended meanwhile, or somebody else is at it."""
    with as_system() as session, queue_of(session):
        job = session.execute(_TAKE, {**_LIMITS, "id": job_id}).one_or_none()
        if job is None:
            return None
        will_retry = may_retry and not job.is_alive and job.attempts + 1 < MOST_ATTEMPTS
        session.execute(_RETRY if will_retry else _FAIL, {"id": job_id})
        log.warning("job_reaped", job_id=job_id, task=job.task_name, retried=will_retry)
        return will_retry
