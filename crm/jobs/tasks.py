"""The jobs that run by themselves. A slot that nobody took within ten minutes is dropped: the next one does its work."""

from __future__ import annotations

from crm.configuration import moving
from crm.customers.asking import DIFFERENCE, FULL, TURNS
from crm.exports import asking, making
from crm.jobs import cleaning, reaper, syncing
from crm.jobs.app import app
from crm.ledger.fold import fold
from crm.logs import log

EVERY_MINUTE = "* * * * *"
HOURLY = "17 * * * *"
EVERY_QUARTER = "*/15 * * * *"
NIGHTLY = "7 2 * * *"


@app.periodic(cron=EVERY_MINUTE)
@app.task(name="reap_jobs", queueing_lock="reap_jobs")
def reap_jobs(timestamp: int) -> None:
    """Take up jobs whose worker is gone."""
    reaper.reap()


@app.periodic(cron=HOURLY)
@app.task(name="clean_up", queueing_lock="clean_up")
def clean_up(timestamp: int) -> None:
    """Remove what nobody needs any more."""
    log.info("cleaned_up", **cleaning.clean_up())


@app.periodic(cron=EVERY_MINUTE)
@app.task(name="fold_postings", queueing_lock="fold_postings")
def fold_postings(timestamp: int) -> None:
    """Fold what was posted since the last fold; rebuild where the reporting time zone changed."""
    folded = fold()
    if folded:
        log.info("postings_folded", count=folded)


@app.periodic(cron=EVERY_QUARTER)
@app.task(name=DIFFERENCE, lock=TURNS, queueing_lock=DIFFERENCE)
def sync_orders(timestamp: int | None = None, asked_by_id: int | None = None) -> None:
    """Read what changed in production."""
    syncing.sync_as_job("difference", asked_by=asked_by_id)


@app.periodic(cron=NIGHTLY)
@app.task(name=FULL, lock=TURNS, queueing_lock=FULL)
def sync_orders_fully(timestamp: int | None = None, asked_by_id: int | None = None) -> None:
    """Read everything in production, and mark what is gone."""
    syncing.sync_as_job("full", asked_by=asked_by_id)


@app.task(name=moving.TASK)
def move_leads_of_stage(move_id: int) -> None:
    """Move the leads of a removed stage to where the draft said."""
    log.info("stage_leads_moved", move_id=move_id, count=moving.go_on(move_id))


@app.task(name=asking.TASK)
def make_export(export_id: int) -> None:
    """Make a file that somebody asked for."""
    log.info("export_made", export_id=export_id, outcome=making.make(export_id))
