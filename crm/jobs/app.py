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
from procrastinate.tasks import Task
from sqlalchemy import text
from sqlalchemy.orm import Session

from crm import settings
from crm.db import engine, roles
from crm.db.queue import SCHEMA, ask

# Never opened: `defer` brings the caller's connection, a worker brings its own (`connector`).
app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector(), import_paths=["crm.jobs.tasks"])


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
    return ask(session, task.name, queue=task.queue, lock=task.lock, priority=task.priority, run_at=run_at, **ids)


@contextmanager
def queue_of(session: Session) -> Iterator[Session]:
    """A system session whose unqualified names are the queue's, for procrastinate's own functions."""
    session.execute(text("select set_config('search_path', :search_path, true)"), {"search_path": SCHEMA})
    yield session
