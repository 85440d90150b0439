"""Is a worker alive, and does the queue move?"""

from __future__ import annotations

from sqlalchemy import text

from crm.access import as_system
from crm.jobs.app import queue_of
from crm.jobs.worker import STALLED_AFTER_SECONDS

_PULSE = text("""
    select
        (select count(*) from procrastinate_workers where last_heartbeat >= now() - make_interval(secs => :seconds)) as workers,
        (select extract(epoch from now() - max(last_heartbeat))::int from procrastinate_workers) as seconds,
        count(*) filter (where j.status = 'todo' and (j.scheduled_at is null or j.scheduled_at <= now())) as waiting,
        count(*) filter (where j.status = 'failed') as failed
    from procrastinate_jobs as j
""")


def pulse() -> tuple[bool, str]:
    """(does a worker live, what to know about it and the queue)."""
    with as_system() as session, queue_of(session):
        row = session.execute(_PULSE, {"seconds": STALLED_AFTER_SECONDS}).one()
    queue = f"{row.waiting:,} jobs wait, {row.failed:,} failed lately"
    if not row.workers:
        last = f"; the last heartbeat was {row.seconds:,} s ago" if row.seconds is not None else ""
        return False, f"no worker is alive{last}; {queue}. Start python -m crm serve, or python -m crm worker."
    return True, f"{row.workers} alive, last heartbeat {row.seconds:,} s ago; {queue}"
