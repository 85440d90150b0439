"""What every report costs in the database, uncached, in every view scope, with its usual filters: now, as of a past day, and beside people who write."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from functools import partial

from crm import clock
from crm.bench.ground import Ground
from crm.bench.measure import Figure, figure, times_ms
from crm.bench.writers import WRITERS, writing
from crm.ledger.fold import fold
from crm.reports.registry import REPORTS, Report
from crm.reports.use_cases import run

LEDGER_BAR, OTHER_BAR = 150, 600
"""Milliseconds: of what reads postings, stays or their fold, and of everything else."""
LOOK_AT_RECORDS = ("loss_reasons", "stale_leads", "activity", "activity_by_week")
"""Which read leads or activities, and the ledger only to know which of them changed since a fold."""
MOST_BESIDE_WRITERS = 2
PAST_DAYS = 100
EXPLORED: Mapping[str, Mapping[str, str]] = {
    "value by owner and month of creation": {"measure": "value", "by": "owner", "split": "began_month"},
    "value won by owner and month of close": {"measure": "value", "which": "won", "by": "owner", "split": "ended_month"},
    "win rate by source": {"measure": "win_rate", "by": "source"},
    "lost by reason": {"which": "lost", "by": "lost_reason"},
    "days to close by source": {"measure": "days_to_close", "by": "source"},
}
"""Beside leads by stage, which `explore` counts by itself."""
OF_LEADS = tuple(report for report in REPORTS.values() if not report.is_of_orders)
OF_ORDERS = tuple(report for report in REPORTS.values() if report.is_of_orders)


def measure(ground: Ground) -> Iterator[Figure]:
    """Every report of leads in every scope, once what other parts have posted is folded, as the worker does within a minute."""
    fold()
    day = clock.today("UTC") - timedelta(days=PAST_DAYS)
    yield from in_every_scope(ground, OF_LEADS)
    yield from in_every_scope(ground, OF_LEADS, day)
    for says, asked in EXPLORED.items():
        takes = times_ms(partial(run, ground.people["all"], "explore", {**asked, "totals": "yes"}, None), runs=9, warm_up=1)
        yield figure("reports", f"explore, {says}, all", takes, bar=OTHER_BAR, is_of_p95=True)


def in_every_scope(ground: Ground, reports: Iterable[Report], as_of: date | None = None) -> Iterator[Figure]:
    """Bars are those of 1,000,000 leads and orders, now and as of a past day."""
    for report in reports:
        bar = LEDGER_BAR if reads_the_ledger(report) else OTHER_BAR
        for scope, person in ground.people.items():
            if report.is_of_orders and person.reach("customer", "view").is_none:
                continue
            takes = times_ms(partial(run, person, report.name, {}, as_of), runs=9 if as_of else 21, warm_up=2)
            yield figure("reports", f"{report.name}, {scope}{', as of a past day' if as_of else ''}", takes, bar=bar, is_of_p95=True)


def measure_beside_writers(ground: Ground) -> Iterator[Figure]:
    """Every report of leads, everybody's, at rest and while others save once a second each."""
    fold()
    idle = {report.name: _all(ground, report) for report in OF_LEADS}
    with writing(ground.people["all"].id):
        for report in OF_LEADS:
            busy = _all(ground, report)
            yield figure("writers", f"{report.name}, all, beside {WRITERS} writers", busy)
            ratio = statistics.median(busy) / statistics.median(idle[report.name])
            yield Figure("writers", f"{report.name}, all, beside {WRITERS} writers / at rest", "×", ratio, bar=MOST_BESIDE_WRITERS)


def _all(ground: Ground, report: Report) -> list[float]:
    return times_ms(partial(run, ground.people["all"], report.name, {}, None), runs=21, warm_up=2)


def reads_the_ledger(report: Report) -> bool:
    """Whether it reads postings, stays or their fold alone."""
    return any(table in report.query.sql for table in ("crm.stays", "crm.posting")) and report.name not in LOOK_AT_RECORDS
