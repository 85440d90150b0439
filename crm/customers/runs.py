"""The record of readings of production, one row each, and the alarms about them. Kept apart from what is read: each line commits at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from crm.access import as_system
from crm.clock import now
from crm.customers.rules import WRITING
from crm.db import direct
from crm.db import engine as db_engine
from crm.errors import Busy

LOCK = 7_261_500_417
COUNTS = ("customers_read", "orders_read", "rates_read", "customers_changed", "orders_changed", "leads_created", "leads_changed")
STOPPED = "It stopped before its end; the next run begins anew."

_BURY = text("update crm.sync_runs set state = 'failed', finished_at = heard_at, problem = :problem where state = 'running'")
_LAST_GOOD = text("select id, seen_until from crm.sync_runs where state = 'done' order by id desc limit 1")
_WAS_CUT_SHORT = text(f"""
    select exists (select from crm.sync_runs where state = 'failed' and step like '{WRITING}%' and id > coalesce(cast(:after as bigint), 0))
""")
_BEGIN = text(
    "insert into crm.sync_runs (kind, asked_by_id, started_at, heard_at, step) values (:kind, :asked_by, :now, :now, 'Asking production') returning id"
)
_END = text("""
    update crm.sync_runs set state = :state, step = coalesce(:step, step), problem = :problem, seen_until = :seen_until, heard_at = :now, finished_at = :now
    where id = :id
""")
_RAISE = text("""
    insert into crm.alarms (kind, text, first_at, last_at) values (:kind, :text, :now, :now)
    on conflict (kind) where resolved_at is null do update set text = excluded.text, last_at = excluded.last_at, times = alarms.times + 1
""")
_RESOLVE = text("update crm.alarms set resolved_at = :now where resolved_at is null and kind like :kinds")

# Neither the mirror nor a sign of life waits for the disk. The run's last line does, and what was written before it is then there, too.
_UNHURRIED = "select set_config('synchronous_commit', 'off', true)"
# Its many short statements would be compiled each time.
_FOR_THE_RUN = text("select set_config('jit', 'off', false), set_config('synchronous_commit', 'off', false)")


@contextmanager
def alone() -> Iterator[Connection]:
    """A connection of its own that holds the sync's lock; both go together, however the process ends. Raises `Busy` where another run has it."""
    connection = db_engine.runtime_engine().connect()
    try:
        with as_system(engine=connection) as session:
            if not session.scalar(text("select pg_try_advisory_lock(:key)"), {"key": LOCK}):
                raise Busy("Orders are being read from production already. Look again in a moment.")
            session.execute(_FOR_THE_RUN)
        yield connection
    finally:
        with suppress(DBAPIError), as_system(engine=connection) as session:  # the server notices the closing only a moment later
            session.execute(text("select pg_advisory_unlock_all()"))
        connection.invalidate()  # closed in earnest: the tables of a pooled connection would stay
        connection.close()


@dataclass(frozen=True, slots=True)
class Standing:
    """What earlier runs left: the newest change seen (None: nothing was ever read), and whether one was cut short while it wrote."""

    seen_until: datetime | None
    was_cut_short: bool


def standing(session: Session) -> Standing:
    """Only the lock's holder asks: whatever still says that it is running was cut short, and is marked so."""
    session.execute(_BURY, {"problem": STOPPED})
    good = session.execute(_LAST_GOOD).one_or_none()
    return Standing(good.seen_until if good else None, bool(session.scalar(_WAS_CUT_SHORT, {"after": good.id if good else None})))


class Run:
    """The row of one run while it goes on."""

    def __init__(self, kind: str, asked_by: int | None) -> None:
        self.kind = kind
        self.counts = dict.fromkeys(COUNTS, 0)
        with as_system() as session:
            self.id: int = session.execute(_BEGIN, {"kind": kind, "asked_by": asked_by, "now": now()}).scalar_one()

    def tell(self, step: str | None = None, **counts: int) -> None:
        """A sign of life, with the step it is at (None: the same) and what was counted so far."""
        self.counts.update(counts)
        given: dict[str, Any] = {**counts, "id": self.id, "step": step, "now": now()}
        sets = "".join(f", {name} = :{name}" for name in counts)
        with as_system() as session:
            direct.later(session, _UNHURRIED)
            session.execute(text(f"update crm.sync_runs set heard_at = :now, step = coalesce(:step, step){sets} where id = :id"), given)

    def succeed(self, *, seen_until: datetime | None, remark: str) -> None:
        """Done: what went wrong with earlier runs is over."""
        with as_system() as session:
            session.execute(_END, {"id": self.id, "state": "done", "step": remark, "problem": None, "seen_until": seen_until, "now": now()})
            resolve(session, "sync_%")

    def fail(self, kind: str, problem: str) -> None:
        """The step stays as it was, so that the next run knows whether this one had begun to write."""
        with as_system() as session:
            session.execute(_END, {"id": self.id, "state": "failed", "step": None, "problem": problem, "seen_until": None, "now": now()})
            raise_alarm(session, f"sync_{kind}", problem)


def raise_alarm(session: Session, kind: str, words: str) -> None:
    """One open alarm a kind, counted up while it goes on."""
    session.execute(_RAISE, {"kind": kind, "text": words, "now": now()})


def resolve(session: Session, kinds: str) -> None:
    """`kinds` is a pattern of LIKE."""
    session.execute(_RESOLVE, {"kinds": kinds, "now": now()})
