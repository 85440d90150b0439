"""The job queue: procrastinate on the same Postgres, in the schema `jobs`.

Jobs take ids and call one use case. They run at least once, so each must be harmless when it runs again.
Never combine a task's `retry` with a `queueing_lock`: the retry meets the lock and the job stays in `doing` for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import procrastinate
import psycopg
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from procrastinate.tasks import Task
from sqlalchemy import text
from sqlalchemy.orm import Session

from crm import settings
from crm.db import engine, roles

SCHEMA = "jobs"

# Neither connector is ever opened: `defer` brings the caller's connection, a worker brings its own (`connector`).
app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector(), import_paths=["crm.jobs.tasks"])
_enqueuer = JobManager(procrastinate.SyncPsycopgConnector())

_STANDING = text("select current_setting('role') as role, current_setting('search_path') as search_path")
_SWITCH = text("select set_config('role', :role, true), set_config('search_path', :search_path, true)")


def connector() -> procrastinate.PsycopgConnector:
    """A worker's own connections, as the runtime login."""
    url = roles.login_url(settings.current(), engine.owner_url()).set(drivername="postgresql")
    return procrastinate.PsycopgConnector(
        conninfo=url.render_as_string(hide_password=False), min_size=1, max_size=6,
        kwargs={"options": f"-c search_path={SCHEMA} -c timezone=UTC", "application_name": "throughline worker"},
    )  # fmt: skip


def defer(session: Session, task: Task[..., Any, ...] | str, *, run_at: datetime | None = None, **ids: int | str | None) -> int:
    """Ask for a job inside the caller's transaction; answers its id. It exists when, and only when, that commits."""
    if isinstance(task, str):
        app.perform_import_paths()  # type: ignore[no-untyped-call]  # procrastinate left it without annotations
        task = app.tasks[task]
    job = Job(queue=task.queue, lock=task.lock, queueing_lock=None, task_name=task.name, priority=task.priority, task_kwargs=dict(ids), scheduled_at=run_at)
    with _on_queue(session) as connection:
        job_id = _enqueuer.defer_job(job, connection=connection).id
    assert job_id is not None
    return job_id


@contextmanager
def _on_queue(session: Session) -> Iterator[psycopg.Connection[Any]]:
    """The session's raw connection where the queue's tables are in reach; view roles may not touch them."""
    standing = session.execute(_STANDING).one()
    session.execute(_SWITCH, {"role": engine.role_names().write, "search_path": SCHEMA})
    raw = session.connection().connection.driver_connection
    assert isinstance(raw, psycopg.Connection)
    yield raw  # an error has ended the transaction: there is nothing to switch back
    session.execute(_SWITCH, {"role": standing.role, "search_path": standing.search_path})


@contextmanager
def queue_of(session: Session) -> Iterator[Session]:
    """A system session whose unqualified names are the queue's, for procrastinate's own functions."""
    session.execute(text("select set_config('search_path', :search_path, true)"), {"search_path": SCHEMA})
    yield session
