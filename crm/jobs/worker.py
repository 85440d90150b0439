"""The worker process: takes jobs, beats its heart, and does not outlive the process that supervises it."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from procrastinate.job_context import JobContext
from procrastinate.worker import Worker
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from crm.access import as_system
from crm.errors import CrmError
from crm.jobs.app import app, connector
from crm.logs import log

CONCURRENCY = 3
HEARTBEAT_SECONDS = 10.0
STALLED_AFTER_SECONDS = 60.0
"""A worker without a heartbeat for this long is gone; what it was doing is for the reaper."""
PARENT_CHECK_SECONDS = 0.5
GRACE_SECONDS = 10.0


def run(*, parent_pid: int | None = None) -> None:
    """Work until SIGTERM, Ctrl+C or the end of the process `parent_pid`. Raises `CrmError` where there is no queue yet."""
    _look_for_the_queue()
    keep_quiet()
    if parent_pid is not None:
        threading.Thread(target=_follow, args=(parent_pid,), name="parent watch", daemon=True).start()
    with app.replace_connector(connector()):
        app.run_worker(
            name="throughline", concurrency=CONCURRENCY, update_heartbeat_interval=HEARTBEAT_SECONDS,
            stalled_worker_timeout=STALLED_AFTER_SECONDS, worker_middleware=[_outcome],
        )  # fmt: skip


def keep_quiet() -> None:
    """Job outcomes are logged by `_outcome`; procrastinate would add arguments and messages, which may hold people's data."""
    logging.getLogger("procrastinate.worker").addFilter(_is_no_outcome)


def _is_no_outcome(record: logging.LogRecord) -> bool:
    return not str(getattr(record, "action", "")).startswith("job_")


def _look_for_the_queue() -> None:
    try:
        with as_system() as session:
            found = session.scalar(text("select to_regclass('jobs.procrastinate_jobs')"))
    except DBAPIError as error:
        raise CrmError("The database cannot be reached, or was never migrated. Check DATABASE_URL and run python -m crm migrate.") from error
    if found is None:
        raise CrmError("The database has no job queue yet. Run python -m crm migrate first.")


def _follow(parent_pid: int) -> None:
    """Stop when the parent is gone, however it went; after the grace period without goodbye (the reaper takes the job up)."""
    while os.getppid() == parent_pid:
        time.sleep(PARENT_CHECK_SECONDS)
    log.warning("worker_orphaned", parent_pid=parent_pid)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)


async def _outcome(call_next: Callable[[], Awaitable[Any]], context: JobContext, worker: Worker) -> Any:
    began = time.monotonic()
    facts = {"task": context.job.task_name, "job_id": context.job.id, "attempt": context.job.attempts + 1}
    try:
        found = await call_next()
    except Exception as error:
        log.error("job_failed", **facts, seconds=round(time.monotonic() - began, 3), error=type(error).__name__, where=_where(error))
        raise
    log.info("job_done", **facts, seconds=round(time.monotonic() - began, 3))
    return found


def _where(error: BaseException) -> str:
    """The innermost line of ours: messages and arguments may hold people's data, so they stay out of the log."""
    root = Path(__file__).resolve().parents[2]
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(f"{root}{os.sep}crm")]
    return f"{Path(ours[-1].filename).relative_to(root)}:{ours[-1].lineno}" if ours else ""
