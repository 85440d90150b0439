"""One reading of production into the mirror, and the leads that follow from it. Safe to ask for at any time, as often as one likes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from crm.access import as_system
from crm.clock import now
from crm.customers import rules, staging
from crm.customers.lead_making import make_leads
from crm.customers.mirroring import Mirroring
from crm.customers.order_months import fold_orders
from crm.customers.production import BadAnswer, Production
from crm.customers.runs import Run, alone, raise_alarm, resolve, standing
from crm.db import engine as db_engine
from crm.logs import log

Kind = Literal["full", "difference"]
UNEXPECTED = "Something went wrong here while orders were read. What was mirrored before is kept; the log says more."


@dataclass(slots=True)
class Synced:
    """What a run did. `waiting`: orders left out because their customer is not known; `remarks`: what somebody should look at, in words."""

    run_id: int
    kind: str
    counts: dict[str, int]
    waiting: int = 0
    without_rate: int = 0
    change_set_id: int | None = None
    remarks: list[str] = field(default_factory=list)


def sync(production: Production, *, kind: Kind = "difference", asked_by: int | None = None, progress: Callable[[str], None] | None = None) -> Synced:
    """Read production and bring the mirror and its leads up to date.

    Raises `Busy` where another run is at it, `BadAnswer` where production did not answer well.
    Everything is read and checked before anything changes; a bad answer leaves the mirror as it was, a failed run and an
    alarm. A difference reads what changed since the newest change seen, less `OVERLAP`; without a good run before, or
    after one that was cut short while it wrote, everything is read. Of an id that comes twice the row changed last counts.

    An order whose customer is in neither answer nor mirror is left out and counted as waiting. It is not kept anywhere:
    later differences meet it again for as long as they overlap, and every full reading does.
    """
    with alone() as connection:
        with as_system(engine=connection) as session:
            before = standing(session)
        if before.was_cut_short or before.seen_until is None:
            kind = "full"
        run = Run(kind, asked_by)
        try:
            return _Sync(connection, run, progress or (lambda step: None)).work(production, before.seen_until, must_mend=before.was_cut_short)
        except BadAnswer as error:
            run.fail(error.kind, error.detail)
            raise
        except BaseException as error:
            log.error("sync_failed", run_id=run.id, error=type(error).__name__)
            run.fail("error", UNEXPECTED)
            raise


class _Sync:
    def __init__(self, connection: Connection, run: Run, progress: Callable[[str], None]) -> None:
        self.connection, self.run, self.progress = connection, run, progress
        self.begun_at = now()

    def tell(self, step: str, **counts: int) -> None:
        self.run.tell(step, **counts)
        self.progress(step)

    def _read_so_far(self, step: str, what: str, rows: int) -> None:
        self.tell(f"{step}: {rows:,}" if rows else step, **{f"{what}_read": rows})

    def work(self, production: Production, seen_until: datetime | None, *, must_mend: bool) -> Synced:
        is_full = self.run.kind == "full"
        with as_system(engine=self.connection) as session:
            staging.lay_out(session)
        staging.read_all(self.connection, production, None if is_full else rules.reads_since(seen_until), self._read_so_far)
        self.tell("Checking what was read")
        with as_system(engine=self.connection) as session:
            staging.check(session, is_full=is_full)
            seen_until = staging.seen_until(session, before=seen_until, begun_at=self.begun_at)
        self.tell("Writing exchange rates")
        mirroring = Mirroring(self.connection, is_full=is_full, now=self.begun_at, tell=self.tell)
        mirroring.merge()
        if must_mend:
            mirroring.mend()
        self.tell("Making leads", leads_changed=mirroring.leads_changed)
        made = make_leads(progress=lambda count: self.tell(f"Making leads: {count:,}", leads_created=count))
        self.run.tell(leads_created=made.created)
        remarks = [*_remarks(mirroring), *made.remarks]
        self._keep(mirroring, made.remarks, is_full=is_full)
        self._fold()
        self.run.succeed(seen_until=seen_until, remark=" ".join(remarks))
        return Synced(self.run.id, self.run.kind, self.run.counts, mirroring.waiting, mirroring.without_rate, made.change_set_id, remarks)

    def _fold(self) -> None:
        """So that reports of revenue need not count these orders again."""
        with as_system(engine=self.connection) as session:
            fold_orders(session, self.begun_at)

    def _keep(self, mirroring: Mirroring, not_made: list[str], *, is_full: bool) -> None:
        """Alarms about what was left out; only a full reading can say that there is nothing of it any more."""
        found = {"rates_missing": _without_rate(mirroring), "customers_missing": _waiting(mirroring), "leads_not_made": " ".join(not_made)}
        with as_system(engine=db_engine.runtime_engine()) as session:
            for kind, words in found.items():
                if words:
                    raise_alarm(session, kind, words)
                elif is_full or kind == "leads_not_made":
                    resolve(session, kind)


def _remarks(mirroring: Mirroring) -> list[str]:
    return [words for words in (_waiting(mirroring), _without_rate(mirroring)) if words]


def _waiting(mirroring: Mirroring) -> str:
    if not mirroring.waiting:
        return ""
    return f"{mirroring.waiting:,} orders wait: production did not tell of their customers."


def _without_rate(mirroring: Mirroring) -> str:
    if not mirroring.without_rate:
        return ""
    return f"{mirroring.without_rate:,} orders are in a currency without an exchange rate and count as no USD until there is one."
