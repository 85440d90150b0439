"""Every report by its name: what it asks, which filters it takes, what it states beside its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from crm.db import queries
from crm.errors import NotFound
from crm.reports import exploring, goals

Kind = Literal["team", "pipeline", "person", "source", "market", "days", "day", "months", "group", "one_of", "dimension", "most", "flag"]


@dataclass(frozen=True, slots=True)
class Param:
    """A filter people give as text. `binds` is the query's parameter, `default` what it has when it is left out.

    `options`: the words it takes; of a `group` and a `dimension` of leads, beside custom fields.
    """

    name: str
    kind: Kind
    binds: str
    says: str
    default: int | str | bool | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """One report. Its columns are those of its query's header, and goals where it has them.

    `period_days`: it looks at a period, from and to, this long unless asked otherwise, and at most `most_days`. `is_of_orders`: it reads the mirror of
    production, and whoever runs it must see customers. `tells`: the fields of leads that its rows are about; whoever's
    role hides one is refused.
    """

    name: str
    title: str
    path: str
    params: tuple[Param, ...]
    rate: str = "USD at the rate of the day each value was set"
    period_days: int | None = None
    most_days: int | None = None
    is_of_orders: bool = False
    tells: tuple[str, ...] = ()
    is_explored: bool = False
    """What it counts and its groups are chosen: see `crm.reports.exploring`."""

    has_goals: bool = False
    """Its owners stand beside what they mean to win: see `crm.reports.goals`."""

    @cached_property
    def columns(self) -> tuple[queries.Item, ...]:
        """Those of its query, and those that are joined to them."""
        return (*self.query.columns, *(goals.COLUMNS if self.has_goals else ()))

    @cached_property
    def query(self) -> queries.Query:
        return queries.load(self.path)

    @property
    def tells_what_was_known(self) -> bool:
        """Whether it can be read with what was known on a day: orders are read anew from production, and what they said before is not kept."""
        return not self.is_of_orders


TEAM = Param("team", "team", "team_id", "only this team's leads, by name or id")
PIPELINE = Param("pipeline", "pipeline", "pipeline_id", "only this pipeline, by name or id")
OWNER = Param("owner", "person", "owner_id", "only this person's leads, by name, mail address or id; “me” is yourself")
FROM = Param("from", "day", "from_day", "the first day, as 2026-01-31")
TO = Param("to", "day", "to_day", "the last day, as 2026-03-31; today when left out")
SOURCE = Param("source", "source", "source", "only leads from this source, exactly as it is called")
LEAD_MARKET = Param("market", "market", "market", "only leads of this market, by its two-letter country code")
BY = Param(
    "by", "group", "by", "what tells the groups apart; beside these any custom field of leads that holds a choice, a text or yes and no", "owner",
    ("owner", "team", "pipeline", "source", "market", "month", "stage_lost_from"),
)  # fmt: skip
SAID_ON = Param("said_on", "day", "said_on", "an earlier day, whose forecast stands beside")
BACK = Param("back", "months", "months_back", "how many months before this one; 3 when left out", 3)
AHEAD = Param("ahead", "months", "months_ahead", "how many months after this one; 6 when left out", 6)
WHO = Param("owner", "person", "owner_id", "only what this person did, by name, mail address or id; “me” is yourself")
COURSE = Param("back", "months", "months_back", "how many months before this one; 11 when left out", 11)
QUIET = Param("days", "days", "days", "not contacted for so many days; 14 when left out", 14)
MARKET_TEAM = Param("team", "team", "team_id", "only customers of this team's markets, by name or id")
MARKET = Param("market", "market", "market", "only this market, by its two-letter country code")
DAYS = Param("days", "days", "days", "how many days back an order counts; 90 when left out", 90)
MEASURE = Param("measure", "one_of", "measure", "what is counted; leads when left out", "leads", tuple(exploring.MEASURES))
WHICH = Param("which", "one_of", "which", "which leads: those that stand, or those of the period; what the measure is usually told of when left out", None,
    tuple(exploring.WHICH))  # fmt: skip
ORDER_MEASURE = Param("measure", "one_of", "measure", "what is counted; revenue when left out", "revenue", tuple(exploring.ORDER_MEASURES))
_SAYS_BY = "what tells groups apart"
DIMENSION = Param("by", "dimension", "by", f"{_SAYS_BY}; beside these any custom field of leads, as custom. and its key; stage when left out", "stage",
    tuple(exploring.DIMENSIONS))  # fmt: skip
SPLIT = Param("split", "dimension", "split", "what tells groups within groups apart; nothing when left out", "", tuple(exploring.DIMENSIONS))
ORDER_DIMENSION = Param("by", "dimension", "by", f"{_SAYS_BY}; market when left out", "market", tuple(exploring.ORDER_DIMENSIONS))
ORDER_SPLIT = Param("split", "dimension", "split", "what tells groups within groups apart; nothing when left out", "", tuple(exploring.ORDER_DIMENSIONS))
TOP = Param("top", "most", "by_most", "how many groups stand for themselves, the largest or the newest; the rest are one; 20 when left out", 20)
TOP_SPLIT = Param("top_split", "most", "split_most", "the same for the groups within; 20 when left out", 20)
TOTALS = Param("totals", "flag", "has_totals", "yes: also each group over all of the others, and everything in one row", False)
MOST_DAYS_BY_WEEK = 1100
AT_ORDER_DATE = "USD at the rate of each order's day"
_OF_LEADS = (TEAM, PIPELINE, OWNER, SOURCE, LEAD_MARKET)
_IN_PERIOD = (*_OF_LEADS, FROM, TO)

_ALL = (
    Report("pipeline_by_stage", "How many leads stand in each stage, and what are they worth?", "pipeline/pipeline_by_stage", (TEAM, PIPELINE, OWNER)),
    Report(
        "funnel", "Of the leads that began in a period, how many reached each stage?", "pipeline/funnel", _IN_PERIOD, period_days=180
    ),
    Report(
        "movement", "What was in each stage, what came, what went, what is there now?", "pipeline/movement", (TEAM, PIPELINE, OWNER, FROM, TO), period_days=30
    ),
    Report("pipeline_by_month", "What was open at the end of each month, what began, was won and was lost in it?", "pipeline/pipeline_by_month",
        (TEAM, PIPELINE, OWNER, COURSE)),
    Report("stage_velocity", "How long do leads stay in each stage, and which are there too long?", "pipeline/stage_velocity", _IN_PERIOD, period_days=30),
    Report("win_rate", "Of the leads that ended, how many were won?", "pipeline/win_rate", (BY, *_IN_PERIOD), period_days=90),
    Report("loss_reasons", "Why were leads lost?", "pipeline/loss_reasons", _IN_PERIOD, period_days=90, tells=("lost_reason",)),
    Report(
        "forecast", "What may open leads bring, what was won, and what did the forecast say before?", "pipeline/forecast",
        (*_OF_LEADS, BACK, AHEAD, SAID_ON), tells=("expected_close_on",),
    ),
    Report("won_by_week", "What was won in each week?", "pipeline/won_by_week", _IN_PERIOD, period_days=84, most_days=MOST_DAYS_BY_WEEK),
    Report(
        "owners", "What does each owner have open, and what did they win and lose?", "pipeline/owners", (TEAM, PIPELINE, OWNER, FROM, TO), period_days=90,
        has_goals=True,
    ),
    Report(
        "sources", "Where do leads come from, and what becomes of them?", "pipeline/sources", (TEAM, PIPELINE, OWNER, LEAD_MARKET, FROM, TO), period_days=90,
        tells=("source",),
    ),
    Report("activity", "Who called, met and wrote how much?", "activities/activity", (TEAM, PIPELINE, WHO, FROM, TO), period_days=30),
    Report(
        "activity_by_week", "How much was called, met and written in each week?", "activities/activity_by_week", (TEAM, PIPELINE, WHO, FROM, TO),
        period_days=84, most_days=MOST_DAYS_BY_WEEK,
    ),
    Report("cohorts", "Of the leads that began in each month, how many were won by when?", "pipeline/cohorts", _IN_PERIOD, period_days=365),
    Report("stale_leads", "Which open leads wait too long?", "pipeline/stale_leads", (*_OF_LEADS, QUIET)),
    Report(
        "stale_by_week", "How many open leads were over their stage's target, week by week?", "pipeline/stale_by_week", _IN_PERIOD, period_days=84,
        most_days=MOST_DAYS_BY_WEEK,
    ),
    Report(
        "neglected_by_week", "How many customers had ordered lately and heard nothing since, week by week?", "customers/neglected_by_week",
        (MARKET_TEAM, MARKET, DAYS, FROM, TO), rate=AT_ORDER_DATE, period_days=84, most_days=MOST_DAYS_BY_WEEK, is_of_orders=True,
    ),
    Report(
        "neglected_customers", "Who ordered lately and has not been contacted since?", "customers/neglected_customers", (MARKET_TEAM, MARKET, DAYS),
        rate=AT_ORDER_DATE, is_of_orders=True,
    ),
    Report(
        "revenue_by_market", "What did customers of each market order?", "customers/revenue_by_market", (MARKET_TEAM, MARKET, FROM, TO),
        rate=AT_ORDER_DATE, period_days=365, is_of_orders=True,
    ),
    Report(
        "customer_cohorts", "Of the customers who first ordered in each month, how many ordered again?", "customers/customer_cohorts",
        (MARKET_TEAM, MARKET, FROM, TO), rate=AT_ORDER_DATE, period_days=365, is_of_orders=True,
    ),
    Report(
        "explore", "Leads, counted and grouped as one likes.", "explore/leads", (MEASURE, WHICH, DIMENSION, SPLIT, *_IN_PERIOD, TOP, TOP_SPLIT, TOTALS),
        period_days=365, is_explored=True,
    ),
    Report(
        "explore_orders", "Orders, counted and grouped as one likes.", "explore/orders",
        (ORDER_MEASURE, ORDER_DIMENSION, ORDER_SPLIT, MARKET_TEAM, MARKET, FROM, TO, TOP, TOP_SPLIT, TOTALS),
        rate=AT_ORDER_DATE, period_days=365, is_of_orders=True, is_explored=True,
    ),
)  # fmt: skip
REPORTS: Mapping[str, Report] = {report.name: report for report in _ALL}


def report_named(name: str) -> Report:
    """The report called `name`; `NotFound` names those there are."""
    found = REPORTS.get(name)
    if found is None:
        raise NotFound(f"There is no report “{name}”. Reports are: {', '.join(REPORTS)}.")
    return found
