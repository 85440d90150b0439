"""One reading of production, from the connection that is set to the mirror: what jobs and the command line run."""

from __future__ import annotations

from collections.abc import Callable

from crm.access import as_system
from crm.connectors.metabase import connected
from crm.customers.mirror_state import is_configured, questions
from crm.customers.production import BadAnswer
from crm.customers.sync import Kind, Synced, sync
from crm.errors import Busy
from crm.logs import log


def sync_now(kind: Kind, *, asked_by: int | None = None, progress: Callable[[str], None] | None = None) -> Synced:
    """Raises `Invalid` where no production is connected, `Busy` where another run is at it, `BadAnswer` where production did not answer well."""
    with as_system() as session:
        numbers = questions(session)
    return sync(connected(numbers), kind=kind, asked_by=asked_by, progress=progress)


def sync_as_job(kind: Kind, *, asked_by: int | None) -> None:
    """As a job, that never fails for production's sake: the run's row and the alarm say what happened, and the next one comes by itself."""
    if not is_configured():
        return
    try:
        done = sync_now(kind, asked_by=asked_by)
    except Busy:
        log.info("sync_skipped", kind=kind)
    except BadAnswer as error:
        log.warning("sync_answer_bad", kind=kind, what=error.kind)
    else:
        log.info("orders_synced", run_id=done.run_id, kind=done.kind, **done.counts)
