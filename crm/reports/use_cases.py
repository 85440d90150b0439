"""Runs any report by its name, as far as the person may see, now or as of the end of a past day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from crm import clock
from crm.access import Person, acting_as, person_of
from crm.errors import Invalid
from crm.ledger.fold import zone_of_days
from crm.organisation.reads import base_currency
from crm.reports.filters import read_filters
from crm.reports.registry import Report, report_named

_REACH = {
    "all": "Everybody's leads", "team": "Leads of the teams in reach", "mixed": "Leads of the teams in reach, and one's own", "own": "One's own leads",
    "none": "No leads are in reach",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReportResult:
    """A report's rows and what it states beside them."""

    name: str
    title: str
    columns: tuple[str, ...]
    column_types: tuple[str, ...]
    rows: list[dict[str, Any]]
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
    data_age_seconds: int
    """0: exact to the last commit."""

    def states(self) -> list[str]:
        """What to know about the numbers, a short sentence each."""
        filters = ", ".join(f"{name} {value}" for name, value in self.filters.items())
        moment = "Now, exact to the last change" if self.is_now and not self.data_age_seconds else f"As of the end of {self.as_of:%-d %b %Y}"
        return [
            f"{moment}; days begin at midnight in {self.time_zone}.",
            f"{_REACH[self.scope]}{f'; only {filters}' if filters else ''}.",
            f"Amounts are {self.rate}.",
        ]

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON; amounts are numbers with two decimals."""
        return {
            "name": self.name, "title": self.title, "columns": list(self.columns),
            "rows": [{name: _plain(value) for name, value in row.items()} for row in self.rows],
            "filters": self.filters, "scope": self.scope, "time_zone": self.time_zone, "currency": self.currency, "rate": self.rate,
            "as_of": self.as_of.isoformat(), "data_age_seconds": self.data_age_seconds,
        }  # fmt: skip


def run(person: Person, name: str, params: Mapping[str, Any], as_of: date | None = None) -> ReportResult:
    """The report in a transaction of its own. Raises `NotFound` (no such report), `Refused` (no grant), `Invalid` (a filter)."""
    report = report_named(name)
    person.require("report", "view")
    with acting_as(person, resource="report", action="view") as session:
        return run_report(session, report, params, as_of)


def run_report(session: Session, report: Report, params: Mapping[str, Any], as_of: date | None = None) -> ReportResult:
    """The report in the caller's transaction, which says who asks and how far they see."""
    time_zone = zone_of_days(session)
    today = clock.today(time_zone)
    if as_of is not None and as_of > today + timedelta(days=1):  # one more, for those ahead of the reporting time zone
        raise Invalid(f"{as_of:%d %b %Y} has not come yet. Give a day up to today, or none for now.", field="as_of")
    filters = read_filters(session, report, params)
    rows = report.query.run(session, as_of=as_of, time_zone=time_zone, **filters.binds)
    return ReportResult(
        name=report.name, title=report.title,
        columns=tuple(column.name for column in report.query.columns), column_types=tuple(column.type for column in report.query.columns),
        rows=rows, filters=filters.said, scope=person_of(session).reach("report", "view").scope,
        time_zone=time_zone, currency=base_currency(session), rate=report.rate, as_of=as_of or today, is_now=as_of is None, data_age_seconds=0,
    )  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):  # for JSON only: sums up to 90 trillion keep their cents
        return float(value)
    return value.isoformat() if isinstance(value, date) else value
