"""Removes what nobody needs any more: dead sessions and links, old tries to sign in, replayed answers, files that nobody fetched, finished jobs."""

from __future__ import annotations

from sqlalchemy import text

from crm.access import as_system
from crm.jobs.app import queue_of

KEEP_SESSION_DAYS = 7
"""Ended sessions stay this long for "My account" to show."""
KEEP_LINK_DAYS = 1
KEEP_ATTEMPT_DAYS = 1
KEEP_ANSWER_HOURS = 24
KEEP_JOB_DAYS = 3
KEEP_EXPORT_DAYS = 1
"""Files go with their hour; that they were asked for stays this long, so that whoever comes late is told."""

# Batches keep each transaction short; what is left over waits for the next run.
BATCH = 10_000
_OLD = {
    "sessions": ("least(expires_at, revoked_at) < now() - make_interval(days => :keep)", KEEP_SESSION_DAYS),
    "one_time_links": ("least(expires_at, used_at) < now() - make_interval(days => :keep)", KEEP_LINK_DAYS),
    "downloads": ("least(expires_at, used_at) < now() - make_interval(days => :keep)", KEEP_LINK_DAYS),
    "export_parts": ("exists (select from crm.exports as e where e.id = export_id and e.expires_at < now() - make_interval(hours => :keep))", 0),
    "exports": ("expires_at < now() - make_interval(days => :keep)", KEEP_EXPORT_DAYS),
    "sign_in_attempts": ("at < now() - make_interval(days => :keep)", KEEP_ATTEMPT_DAYS),
    "idempotency_keys": ("created_at < now() - make_interval(hours => :keep)", KEEP_ANSWER_HOURS),
}
_OLD_JOBS = text("""
    delete from procrastinate_jobs
    where id in (
        select j.id
        from procrastinate_jobs as j
        where j.status in ('succeeded', 'failed', 'cancelled', 'aborted')
            and (select max(e.at) from procrastinate_events as e where e.job_id = j.id) < now() - make_interval(days => :keep)
        order by j.id
        limit :batch
    )
""")


def clean_up() -> dict[str, int]:
    """Rows removed by table. Each table in a transaction of its own."""
    removed = {}
    for table, (condition, keep) in _OLD.items():
        with as_system() as session:
            statement = text(f"delete from crm.{table} where id in (select id from crm.{table} where {condition} order by id limit :batch)")
            removed[table] = session.execute(statement, {"keep": keep, "batch": BATCH}).rowcount  # type: ignore[attr-defined]
    with as_system() as session, queue_of(session):
        removed["jobs"] = session.execute(_OLD_JOBS, {"keep": KEEP_JOB_DAYS, "batch": BATCH}).rowcount  # type: ignore[attr-defined]
    return removed
