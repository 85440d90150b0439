"""How old the mirror is, what a run is at, and what went wrong: for screens, the API and `doctor`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm import settings
from crm.clock import now
from crm.customers.rules import DOCTOR_MINUTES, MIRROR_MINUTES, SILENT_MINUTES
from crm.customers.runs import COUNTS
from crm.errors import Invalid
from crm.organisation.reads import Standing, setting, standing
from crm.organisation.records import register_setting

QUESTIONS = "order_lens"
"""The organisation setting that says which saved question answers what."""
USUAL_QUESTIONS: Mapping[str, int] = {"customers": 1, "orders": 2, "rates": 3}
LARGEST_NUMBER = 2**31 - 1

_RUNS = text("""
    (select r.*, p.name as asked_by from crm.sync_runs as r left join crm.people as p on p.id = r.asked_by_id order by r.id desc limit 1)
    union all
    (select r.*, p.name from crm.sync_runs as r left join crm.people as p on p.id = r.asked_by_id where r.state = 'done' order by r.id desc limit 1)
""")
_ALARMS = text("select kind, text, first_at, last_at, times from crm.alarms where resolved_at is null order by last_at desc, id desc")
_TOTALS = text("""
    select count(*) filter (where gone_at is null) as customers, coalesce(sum(lifetime_usd), 0) as usd,
        (select count(*) from crm.orders where gone_at is null) as orders
    from crm.customers
""")


def checked(numbers: Any) -> dict[str, int]:
    """The three question numbers, or `Invalid`."""
    if not isinstance(numbers, Mapping):
        raise Invalid("The order lens reads three saved questions, by their numbers.", field="value")
    for name in USUAL_QUESTIONS:
        number = numbers.get(name)
        if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= LARGEST_NUMBER:
            raise Invalid(f"The question for {name} has a number from 1 on; Metabase shows it in its address.", field=name)
    return {name: numbers[name] for name in USUAL_QUESTIONS}


register_setting(QUESTIONS, checked)


@dataclass(frozen=True, slots=True)
class RunState:
    """One run: its kind, state, step in words and counts so far. `asked_by` is None where it ran by itself (or the name is not seen)."""

    id: int
    kind: str
    state: str
    step: str
    started_at: datetime
    heard_at: datetime
    finished_at: datetime | None
    asked_by: str | None
    problem: str | None
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class AlarmState:
    kind: str
    text: str
    first_at: datetime
    last_at: datetime
    times: int


@dataclass(frozen=True, slots=True)
class MirrorState:
    """`as_of`: the mirror shows production as it was then (when the last good run began); None before the first one.

    `running` is the run that goes on, if one does; `failed` the newest run where that ended badly. `at` is when this was read.
    """

    is_configured: bool
    at: datetime
    as_of: datetime | None
    last_good: RunState | None
    running: RunState | None
    failed: RunState | None
    alarms: Sequence[AlarmState]

    @property
    def age(self) -> timedelta | None:
        return self.at - self.as_of if self.as_of else None

    @property
    def is_old(self) -> bool:
        """Whether it is due to be read anew when somebody looks."""
        return self.age is None or self.age > timedelta(minutes=MIRROR_MINUTES)


def is_configured() -> bool:
    """Whether there is a production to read."""
    found = settings.current()
    return bool(found.metabase_url and found.metabase_api_key)


def questions(session: Session) -> Mapping[str, int]:
    """The numbers of the saved questions for customers, orders and rates."""
    return {**USUAL_QUESTIONS, **(setting(session, QUESTIONS) or {})}


def standing_questions(session: Session) -> Standing:
    """The same with the version in which they were seen."""
    found = standing(session, QUESTIONS, {})
    return Standing({**USUAL_QUESTIONS, **found.value}, found.version)


def mirror_state(session: Session) -> MirrorState:
    """As of now; for anybody who is signed in."""
    at = now()
    rows = [dict(row) for row in session.execute(_RUNS).mappings()]
    newest = run_state(rows[0]) if rows else None
    good = next((run_state(row) for row in rows if row["state"] == "done"), None)
    is_running = newest is not None and newest.state == "running" and at - newest.heard_at < timedelta(minutes=SILENT_MINUTES)
    alarms = [AlarmState(**row) for row in session.execute(_ALARMS).mappings()]
    return MirrorState(
        is_configured(), at, good.started_at if good else None, good,
        newest if is_running else None, newest if newest and newest.state == "failed" else None, alarms,
    )  # fmt: skip


def run_state(row: Mapping[str, Any]) -> RunState:
    """A row of `sync_runs` with `asked_by`, the name of who asked."""
    return RunState(
        row["id"], row["kind"], row["state"], row["step"], row["started_at"], row["heard_at"], row["finished_at"], row["asked_by"], row["problem"],
        {name: row[name] for name in COUNTS},
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Held:
    """What the mirror holds of production now; `usd` is what counted orders are worth."""

    customers: int
    orders: int
    usd: Decimal


def held(session: Session) -> Held:
    """As far as the session sees."""
    row = session.execute(_TOTALS).one()
    return Held(row.customers, row.orders, row.usd)


def verdict(session: Session, *, has_stand_in: bool = False) -> tuple[bool, str]:
    """(is the mirror in order, what to know about it). A demo's server has a stand-in for production, which its settings do not name."""
    state = mirror_state(session)
    if not state.is_configured and not has_stand_in:
        return True, "no production is connected (METABASE_URL)"
    trouble = f"; the last run failed: {state.failed.problem}" if state.failed else ""
    if state.age is None:
        return not state.failed, f"orders were never read{trouble}"
    minutes = int(state.age.total_seconds() // 60)
    return minutes <= DOCTOR_MINUTES, f"read {minutes:,} min ago{trouble}"
