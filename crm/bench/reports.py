"""What every report costs in the database, uncached, in every view scope, with its usual filters; now, and as of a past day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from crm import clock
from crm.bench.ground import Ground
from crm.bench.measure import Figure, figure, times_ms
from crm.reports.registry import REPORTS, Report
from crm.reports.use_cases import run

LEDGER_BAR, OTHER_BAR = 150, 600
"""Milliseconds: of what reads postings, stays or their fold, and of everything else."""
LOOK_AT_LEADS = ("loss_reasons", "stale_leads")
PAST_DAYS = 100


def measure(ground: Ground) -> Iterator[Figure]:
    """Every report in every scope. Bars are those of 1,000,000 leads."""
    day = clock.today("UTC") - timedelta(days=PAST_DAYS)
    for report in REPORTS.values():
        bar = LEDGER_BAR if reads_the_ledger(report) else OTHER_BAR
        for scope, person in ground.people.items():
            if report.is_of_orders and person.reach("customer", "view").is_none:
                continue
            takes = times_ms(partial(run, person, report.name, {}, None), runs=21, warm_up=2)
            yield figure("reports", f"{report.name}, {scope}", takes, bar=bar, is_of_p95=True)
        yield figure("reports", f"{report.name}, all, as of a past day", times_ms(partial(run, ground.people["all"], report.name, {}, day), runs=3, warm_up=1))


def reads_the_ledger(report: Report) -> bool:
    """Whether it reads postings, stays or their fold alone."""
    return any(table in report.query.sql for table in ("crm.stays", "crm.posting")) and report.name not in LOOK_AT_LEADS
