"""Asking for jobs: one exists when, and only when, the transaction that asked for it commits.

The tasks themselves live behind a door (`crm.jobs`); a word asks by the task's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import procrastinate
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.db import direct, engine

SCHEMA = "jobs"

# Never opened: `ask` brings the caller's connection.
_enqueuer = JobManager(procrastinate.SyncPsycopgConnector())

_STANDING = text("select current_setting('role') as role, current_setting('search_path') as search_path")
_SWITCH = text("select set_config('role', :role, true), set_config('search_path', :search_path, true)")
_IS_ASKED = text("select exists (select from procrastinate_jobs where task_name = any(:tasks) and status in ('todo', 'doing'))")


def ask(
    session: Session, task: str, *, queue: str = "default", lock: str | None = None, priority: int = 0, run_at: datetime | None = None, **ids: int | str | None
) -> int:
    """Ask for the task inside the caller's transaction; answers the job's id."""
    job = Job(id=None, queue=queue, lock=lock, queueing_lock=None, task_name=task, priority=priority, task_kwargs=dict(ids), scheduled_at=run_at)
    with _on_queue(session):
        job_id = _enqueuer.defer_job(job, connection=direct.driver_of(session)).id
    assert job_id is not None
    return job_id


def is_asked(session: Session, *tasks: str) -> bool:
    """Whether a job of one of these tasks waits or runs."""
    with _on_queue(session):
        return bool(session.scalar(_IS_ASKED, {"tasks": list(tasks)}))


@contextmanager
def _on_queue(session: Session) -> Iterator[None]:
    """Where the queue's tables are in reach; view roles may not touch them."""
    standing: Any = session.execute(_STANDING).one()
    session.execute(_SWITCH, {"role": engine.role_names().write, "search_path": SCHEMA})
    yield  # an error has ended the transaction: there is nothing to switch back
    session.execute(_SWITCH, {"role": standing.role, "search_path": standing.search_path})
