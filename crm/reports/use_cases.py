"""Runs any report by its name, as far as the person may see, now or as of the end of a past day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from crm import clock
from crm.access import Person, acting_as, person_of
from crm.changes import hiding
from crm.customers.mirror_state import mirror_state
from crm.db import direct
from crm.db.patience import at_most
from crm.db.queries import load
from crm.errors import Invalid
from crm.goals.reads import starts_in
from crm.ledger.fold import zone_of_days
from crm.ledger.known import check_known, known_at_end, known_query
from crm.organisation.reads import base_currency
from crm.reports import goals
from crm.reports.exploring import POSTINGS, STANDING, WHICH, Grouping, name_groups
from crm.reports.filters import read_filters
from crm.reports.registry import Report, report_named

Rows = list[dict[str, Any]]
_REACH = {
    "all": "Everybody's leads", "team": "Leads of the teams in reach", "mixed": "Leads of the teams in reach, and one's own", "own": "One's own leads",
    "none": "No leads are in reach",
}  # fmt: skip
_CUSTOMERS_REACH = {
    "all": "Everybody's customers", "team": "Customers of the teams in reach", "mixed": "Customers of the teams in reach, and of one's own leads",
    "own": "Customers of one's own leads", "none": "No customers are in reach",
}  # fmt: skip
WAITED_FOR, IN_BACKGROUND = timedelta(minutes=1), timedelta(minutes=10)
"""How long a report may take while somebody waits, and in a job."""
_LESS = "there is too much to read for it. Ask for fewer days, one team or one owner"
_STOPPED = {
    WAITED_FOR: f"This report was stopped after a minute: {_LESS}, or take it as a file, which may take ten minutes.",
    IN_BACKGROUND: f"This report was stopped after ten minutes: {_LESS}.",
}
# What shapes a report without leaving rows out.
_NOT_NARROWING = ("from", "to", "by", "back", "ahead", "said_on", "measure", "split", "top", "top_split", "totals", "which")


@dataclass(frozen=True, slots=True)
class ReportResult:
    """A report's rows and what it states beside them."""

    name: str
    title: str
    columns: tuple[str, ...]
    column_types: tuple[str, ...]
    rows: Rows
    filters: dict[str, str]
    scope: str
    """How far the person's grant reaches: none, own, team, mixed or all."""
    time_zone: str
    currency: str
    rate: str
    """At which day's rate amounts became `currency`."""
    as_of: date
    """The day whose end is shown; today where the report shows now."""
    is_now: bool
    period: tuple[date, date] | None
    """The first and last day, for a report over a period."""
    data_age_seconds: int | None
    """0: exact to the last commit; of orders, since production was last read well, None for never."""
    is_of_orders: bool = False
    read_at: datetime | None = None
    """As of when the mirror shows production, for reports of orders."""
    left_out: tuple[str, ...] = ()
    """Columns that are empty because the person's role hides what they add up."""
    grouping: Grouping | None = None
    """Of what is explored: what is counted, and in which groups."""
    known_on: date | None = None
    """The day with whose knowledge it was read; None for what is known now."""
    remarks: tuple[str, ...] = ()
    """What else to know about the numbers."""

    def shows(self, column: str) -> bool:
        """Whether the column is not hidden from whoever asked."""
        return column not in self.left_out

    def states(self, *, with_remarks: bool = True) -> list[str]:
        """What to know about the numbers, a short sentence each; `with_remarks`: also about those that not every part of a page shows."""
        if self.period:
            begins, ends = self.period
            return [
                f"{begins:%-d %b %Y} to {ends:%-d %b %Y}, both included; days begin at midnight in {self.time_zone}.",
                f"{self._reach()}.",
                *self._amounts(),
                *(self.remarks if with_remarks else ()),
                *self._age(),
            ]
        moment = "Now, exact to the last change" if self.is_now and not self.data_age_seconds else f"As of the end of {self.as_of:%-d %b %Y}"
        return [
            f"{moment}; days begin at midnight in {self.time_zone}.",
            f"{self._reach()}.",
            *self._amounts(),
            *self._age(),
        ]

    def _amounts(self) -> list[str]:
        amounts = [name for name in self.columns if name.endswith("_usd")]
        if any(name in self.left_out for name in amounts):
            return ["Amounts are left out: the value of leads is hidden from your role. An admin can open “lead.value: view”."]
        return [f"Amounts are {self.rate}."] if amounts else []

    def _reach(self) -> str:
        reach = (_CUSTOMERS_REACH if self.is_of_orders else _REACH)[self.scope]
        which = WHICH.get(self.filters.get("which", "all"), "").lower()
        narrowed = [which] if which and which != WHICH["all"].lower() else []
        narrowed += [f"{name} {value}" for name, value in self.filters.items() if name not in _NOT_NARROWING]
        filters = ", ".join(narrowed)
        return f"{reach}{f'; only {filters}' if filters else ''}"

    def _age(self) -> list[str]:
        if self.known_on:
            return [f"As it was known at the end of {self.known_on:%-d %b %Y}: what was entered later is left out. Names are today's."]
        if not self.is_of_orders:
            known = "Exact to the last change." if self.is_now else f"As things stood at the end of {self.as_of:%-d %b %Y}."
            return [known] if self.period else []
        if self.read_at is None:
            return ["Orders have not been read from production yet."]
        return [f"Orders were read from production {clock.ago(self.read_at)}."]

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON; amounts are numbers with two decimals."""
        return {
            "name": self.name, "title": self.title, "columns": list(self.columns),
            "rows": [{name: _plain(value) for name, value in row.items()} for row in self.rows],
            "filters": self.filters, "scope": self.scope, "time_zone": self.time_zone, "currency": self.currency, "rate": self.rate,
            "as_of": self.as_of.isoformat(),
            "known_on": self.known_on.isoformat() if self.known_on else None, "data_age_seconds": self.data_age_seconds, "left_out": list(self.left_out),
            **({"from": self.period[0].isoformat(), "to": self.period[1].isoformat()} if self.period else {}),
        }  # fmt: skip


def run(person: Person, name: str, params: Mapping[str, Any], as_of: date | None = None, known_on: date | None = None) -> ReportResult:
    """The report in a transaction of its own. Raises `NotFound` (no such report), `Refused` (no grant), `Invalid` (a filter)."""
    report = report_named(name)
    person.require("report", "view")
    if report.is_of_orders:
        person.require("customer", "view")
    with acting_as(person, resource="report", action="view") as session:
        return run_report(session, report, params, as_of, known_on)


def run_report(
    session: Session, report: Report, params: Mapping[str, Any], as_of: date | None = None, known_on: date | None = None, *, longest: timedelta = WAITED_FOR
) -> ReportResult:
    """The report in the caller's transaction, which says who asks and how far they see.

    `as_of`: what was true at the end of this day; `known_on`: as far as it was known at the end of that one. With `known_on` alone, both are that day.
    `longest`, one of the two: a report that takes longer is stopped with `TookTooLong`, and the transaction can go on.
    """
    time_zone = zone_of_days(session)
    today = clock.today(time_zone)
    as_of = _day(report, as_of, known_on, today)
    known = known_at_end(as_of, known_on, time_zone) if as_of and known_on else None
    hiding.refuse(session, "lead", report.tells, doing="see a report about")
    filters = read_filters(session, report, params)
    period = _bind_days(report, filters.binds, as_of, today, known_on)
    query = known_query(report.query) if known else report.query
    wanted = {param.name for param in query.params}
    given = {
        "as_of": as_of, "known_on": known_on,
        "time_zone": time_zone, "today": today, "now": clock.now(), "is_hidden": hiding.is_hidden(session, "lead", "value"), "months_from": None,
        "months_to": None, "sees_own": _sees_own_customers(session), **filters.binds,
        **(known.binds if known else {}),
    }  # fmt: skip
    fiscal_month = starts_in(session)
    given["shift"] = (fiscal_month - 1) % 3
    with at_most(session, longest, _STOPPED[longest]), _planned_for_its_days(session, report):
        rows = query.run(session, **{name: value for name, value in given.items() if name in wanted})
        rows, remarks = _with_goals(session, rows, given, today, fiscal_month) if report.has_goals else (rows, ())
    if filters.grouping:
        name_groups(rows, filters.grouping.by, filters.grouping.split, fiscal_month)
    left_out = _left_out(session, report)
    rows = [{**row, **dict.fromkeys(left_out)} for row in rows] if left_out else rows
    read_at = mirror_state(session).as_of if report.is_of_orders else None
    age = max(0, int((clock.now() - read_at).total_seconds())) if read_at else None
    return ReportResult(
        name=report.name, title=report.title,
        columns=tuple(column.name for column in report.columns), column_types=tuple(column.type for column in report.columns),
        rows=rows, filters=filters.said, scope=person_of(session).reach("customer" if report.is_of_orders else "report", "view").scope,
        time_zone=time_zone, currency=base_currency(session), rate=report.rate, as_of=as_of or today, is_now=as_of is None, period=period,
        data_age_seconds=age if report.is_of_orders else 0, is_of_orders=report.is_of_orders, read_at=read_at,
        left_out=left_out, grouping=filters.grouping, known_on=known_on, remarks=remarks,
    )  # fmt: skip


def _day(report: Report, as_of: date | None, known_on: date | None, today: date) -> date | None:
    """The day whose end is shown; None: now. Raises `Invalid` for one that has not come, or of which the report cannot say what was known."""
    if as_of is not None and as_of > today + timedelta(days=1):  # one more, for those ahead of the reporting time zone
        raise Invalid(f"{as_of:%d %b %Y} has not come yet. Give a day up to today, or none for now.", field="as_of")
    if known_on is not None:
        _check_known(report, known_on, as_of, today)
    return as_of or known_on


def _bind_days(report: Report, binds: dict[str, Any], as_of: date | None, today: date, known_on: date | None) -> tuple[date, date] | None:
    """Add what the query asks of time to `binds`; answers the period, where there is one."""
    period = None if binds.get("which") in STANDING else _period(report, binds, as_of, today)
    if as_of and binds.get("fold", POSTINGS) != POSTINGS:
        binds["fold"] = ""
    if period:
        binds.update(from_day=period[0], to_day=period[1], **_folded_months(binds, period, as_of, today, known_on))
    if "months_back" in binds:
        binds.update(_months(binds, as_of or today))
    return period


def _with_goals(session: Session, rows: Rows, given: Mapping[str, Any], today: date, fiscal_month: int) -> tuple[Rows, tuple[str, ...]]:
    """The rows beside what their owners mean to win in the quarter of the last day, and the sentence that says so."""
    if given["is_hidden"]:
        return goals.without(rows), ()
    ends: date = given["to_day"]
    quarter = goals.quarter_of(session, ends, team_id=given["team_id"], owner_id=given["owner_id"], fiscal_month=fiscal_month)
    if given["pipeline_id"] or not quarter.goals:
        said = ("Goals are of all pipelines, so that none stands beside figures of one.",) if quarter.goals else ()
        return goals.without(rows), said
    binds = {**given, **_folded_months(given, (quarter.begins, ends), given["as_of"], today, given["known_on"])}
    return goals.beside(rows, quarter, goals.won_in(session, quarter, binds)), (quarter.says(ends),)


def won_since(session: Session, begins: date, owner_id: int | None) -> Rows:
    """What was won since that day and stands won, owner by owner, as the goals beside owners count it."""
    time_zone = zone_of_days(session)
    today = clock.today(time_zone)
    given = {"from_day": begins, "to_day": today, "as_of": None, "time_zone": time_zone, "team_id": None, "owner_id": owner_id}
    return load("pipeline/won_by_owner").run(session, **given, **_folded_months({}, (begins, today), None, today))


def _sees_own_customers(session: Session) -> bool:
    """Whether they see customers by their own leads, and not all customers anyway."""
    reach = person_of(session).reach("customer", "view")
    return reach.own and not reach.everywhere


_PLANS = "select set_config('plan_cache_mode', :mode, true)"
_ROOM = "select set_config('work_mem', :memory, true)"
EXPLORING_MEMORY = "64MB"
"""Half a million days of a median, and the leads that a field of one's own is looked up for, are sorted without a disk."""


@contextmanager
def _planned_for_its_days(session: Session, report: Report) -> Iterator[None]:
    """A plan that suits any period suits none: a report over one is planned for the days that are asked for, each time."""
    if report.period_days is None:
        yield
        return
    direct.later(session, _PLANS, {"mode": "force_custom_plan"})
    if report.is_explored:
        direct.later(session, _ROOM, {"memory": EXPLORING_MEMORY})
    yield
    direct.later(session, _PLANS, {"mode": "auto"})


def _check_known(report: Report, known_on: date, as_of: date | None, today: date) -> None:
    """Raises `Invalid` where the report cannot say what was known on that day."""
    if not report.tells_what_was_known:
        raise Invalid(
            f"{report.name} tells of orders. They are read anew from production, and what they said on a past day is not kept."
            " Leave the day of what was known out, and it shows.",
            field="known_on",
        )
    check_known(known_on, as_of, today)


def _left_out(session: Session, report: Report) -> tuple[str, ...]:
    """The columns that would tell what a hidden field holds: sums over leads' values."""
    if report.is_of_orders or not hiding.is_hidden(session, "lead", "value"):
        return ()
    return tuple(column.name for column in report.columns if column.name.endswith("_usd") or column.name == goals.PROGRESS)


def _months(binds: Mapping[str, Any], day: date) -> dict[str, date]:
    """The first days of the first and last month around `day`. Raises `Invalid` for a day whose forecast cannot be known."""
    said_on: date | None = binds.get("said_on")
    if said_on and said_on > day:
        raise Invalid(f"{said_on:%-d %b %Y} comes after the day that is looked at, {day:%-d %b %Y}. Give an earlier one.", field="said_on")
    this_month = 12 * day.year + day.month - 1
    first, last = max(12, this_month - binds["months_back"]), min(12 * 9999 + 11, this_month + binds.get("months_ahead", 0))
    return {name: date(month // 12, month % 12 + 1, 1) for name, month in (("first_month", first), ("last_month", last))}


# What the fold of what stands tells apart; whatever else narrows or groups a report is read from the stays themselves.
_FOLDED_GROUPS = ("owner", "team", "pipeline", "month")


def _folded_months(
    binds: Mapping[str, Any], period: tuple[date, date], as_of: date | None, today: date, known_on: date | None = None
) -> dict[str, date]:  # fmt: skip
    """The whole months of the period, which the fold answers: from the first day of the one, before that of the other.

    Nothing happens after today, and nothing after the day that is looked back to had happened then, so that its month is whole. Which fold answers an
    exploration, that says by itself, and none of them knows past days; what was known on a day is told by stays. Where no month is whole, or no fold can
    answer, both days are the one after the period.
    """
    begins, ends = period
    after = ends + timedelta(days=1)
    first = begins if begins.day == 1 else _next_month(begins)
    last = _next_month(ends) if ends >= (as_of or today) else after.replace(day=1)
    is_told = not binds.get("source") and not binds.get("market") and binds.get("by", "owner") in _FOLDED_GROUPS
    is_folded = bool(binds["fold"]) and as_of is None if "fold" in binds else is_told
    return {"months_from": first, "months_to": last} if is_folded and known_on is None and first < last else {"months_from": after, "months_to": after}


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def _period(report: Report, binds: Mapping[str, Any], as_of: date | None, today: date) -> tuple[date, date] | None:
    """The first and last day that were asked for, or the usual ones. Raises `Invalid`."""
    if report.period_days is None:
        return None
    ends = binds["to_day"] or as_of or today
    begins = binds["from_day"] or date.fromordinal(max(1, ends.toordinal() - report.period_days + 1))
    if begins > ends:
        raise Invalid(f"The first day, {begins:%-d %b %Y}, comes after the last, {ends:%-d %b %Y}.", field="from")
    if report.most_days and (ends - begins).days >= report.most_days:
        raise Invalid(f"{report.name} goes week by week, over {report.most_days:,} days at most. Give a later first day.", field="from")
    if as_of is not None and ends > as_of:
        raise Invalid(f"The last day, {ends:%-d %b %Y}, comes after the day that is looked back to, {as_of:%-d %b %Y}.", field="to")
    if ends > today + timedelta(days=1):
        raise Invalid(f"{ends:%-d %b %Y} has not come yet. Give a last day up to today.", field="to")
    return begins, ends


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):  # for JSON only: sums up to 90 trillion keep their cents
        return float(value)
    return value.isoformat() if isinstance(value, date) else value
