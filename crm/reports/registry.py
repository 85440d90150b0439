"""Every report by its name: what it asks, which filters it takes, what it states beside its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from crm.db import queries
from crm.errors import NotFound

Kind = Literal["team", "pipeline", "person", "market", "days", "day"]


@dataclass(frozen=True, slots=True)
class Param:
    """A filter people give as text. `binds` is the query's parameter, `default` what it has when it is left out."""

    name: str
    kind: Kind
    binds: str
    says: str
    default: int | None = None


@dataclass(frozen=True)
class Report:
    """One report. Its columns are those of its query's header.

    `period_days`: it looks at a period, from and to, this long unless asked otherwise. `is_of_orders`: it reads the mirror of
    production, and whoever runs it must see customers.
    """

    name: str
    title: str
    path: str
    params: tuple[Param, ...]
    rate: str = "USD at the rate of the day each value was set"
    period_days: int | None = None
    is_of_orders: bool = False

    @cached_property
    def query(self) -> queries.Query:
        return queries.load(self.path)


TEAM = Param("team", "team", "team_id", "only this team's leads, by name or id")
PIPELINE = Param("pipeline", "pipeline", "pipeline_id", "only this pipeline, by name or id")
OWNER = Param("owner", "person", "owner_id", "only this person's leads, by name, mail address or id; “me” is yourself")
FROM = Param("from", "day", "from_day", "the first day, as 2026-01-31")
TO = Param("to", "day", "to_day", "the last day, as 2026-03-31; today when left out")
MARKET_TEAM = Param("team", "team", "team_id", "only customers of this team's markets, by name or id")
MARKET = Param("market", "market", "market", "only this market, by its two-letter country code")
DAYS = Param("days", "days", "days", "how many days back an order counts; 90 when left out", 90)
AT_ORDER_DATE = "USD at the rate of each order's day"

_ALL = (
    Report("pipeline_by_stage", "How many leads stand in each stage, and what are they worth?", "pipeline/pipeline_by_stage", (TEAM, PIPELINE, OWNER)),
    Report(
        "funnel", "Of the leads that began in a period, how many reached each stage?", "pipeline/funnel", (TEAM, PIPELINE, OWNER, FROM, TO), period_days=180
    ),
    Report(
        "movement", "What was in each stage, what came, what went, what is there now?", "pipeline/movement", (TEAM, PIPELINE, OWNER, FROM, TO), period_days=30
    ),
    Report(
        "neglected_customers", "Who ordered lately and has not been contacted since?", "customers/neglected_customers", (MARKET_TEAM, MARKET, DAYS),
        rate=AT_ORDER_DATE, is_of_orders=True,
    ),
    Report(
        "revenue_by_market", "What did customers of each market order?", "customers/revenue_by_market", (MARKET_TEAM, MARKET, FROM, TO),
        rate=AT_ORDER_DATE, period_days=365, is_of_orders=True,
    ),
)  # fmt: skip
REPORTS: Mapping[str, Report] = {report.name: report for report in _ALL}


def report_named(name: str) -> Report:
    """The report called `name`; `NotFound` names those there are."""
    found = REPORTS.get(name)
    if found is None:
        raise NotFound(f"There is no report “{name}”. Reports are: {', '.join(REPORTS)}.")
    return found
