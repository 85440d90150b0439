"""Every chart by its report and its name: what it is called, and what draws it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from crm.charts import cohorts, courses, ended, explored, forecast, pipeline, revenue, team
from crm.charts.parts import Drawing
from crm.charts.seen import Seen
from crm.errors import Invalid
from crm.reports.registry import Report

Named = Callable[[Seen], str]
OF_MONTH, LOST_FOR = "of_month", "lost_for"


@dataclass(frozen=True, slots=True)
class Chart:
    """`title`: in words, or told by what is seen. `build`: None where there is nothing to see. `beside`: the other report that it shows too.

    `of`: what alone it is about, where it must be told.
    """

    title: str | Named
    build: Callable[[Seen], Drawing | None]
    beside: str = ""
    of: Literal["", "month", "reason"] = ""

    def title_of(self, seen: Seen) -> str:
        return self.title if isinstance(self.title, str) else self.title(seen)


def _who_wins(seen: Seen) -> str:
    by = seen.result.filters.get("by", "owner")
    return {"owner": "Who wins?", "month": "Won and lost, month by month"}.get(by, f"What is won, by {by}?")


def _of_month(seen: Seen) -> str:
    return f"Whose leads is {date.fromisoformat(f'{seen.of}-01'):%B %Y} in?"


def _lost_for(seen: Seen) -> str:
    assert seen.result.grouping is not None
    return lost_for_title(seen.of, seen.result.grouping.by.label.lower())


def lost_for_title(reason: str, by: str) -> str:
    """ "Lost for “Price”, by owner"."""
    return f"Lost {f'for “{reason}”' if reason != ended.NOT_GIVEN else 'without a reason'}, by {by}"


CHARTS: Mapping[str, Mapping[str, Chart]] = {
    "pipeline_by_stage": {"stages": Chart("Where leads stand", pipeline.stages)},
    "funnel": {"funnel": Chart("How far they get", pipeline.funnel)},
    "movement": {"movement": Chart("What moved", pipeline.movement)},
    "pipeline_by_month": {"months": Chart("What was open, month by month", pipeline.by_month)},
    "stage_velocity": {"stages": Chart("How long do leads stay in each stage?", pipeline.velocity)},
    "win_rate": {"groups": Chart(_who_wins, ended.by_group)},
    "loss_reasons": {"reasons": Chart("Why is it lost?", ended.reasons)},
    "sources": {"sources": Chart("Where do leads come from, and what becomes of them?", ended.sources)},
    "forecast": {"months": Chart("What may come, what came, and what was said before", forecast.months)},
    "won_by_week": {"weeks": Chart("What was won, week by week", courses.won)},
    "owners": {
        "owners": Chart("Who has what open, and who won?", team.owners), "weighted": Chart("Whose leads is it in?", forecast.owners),
    },
    "activity": {"people": Chart("Who called, met and wrote?", team.activity)},
    "activity_by_week": {"weeks": Chart("Calls, meetings, mails and notes, week by week", courses.activity)},
    "cohorts": {"cohorts": Chart("Of those who began, who was won?", cohorts.leads)},
    "stale_by_week": {"weeks": Chart("Over their stage's target, week by week", courses.stale)},
    "neglected_by_week": {"weeks": Chart("Ordered and heard nothing, week by week", courses.neglected)},
    "revenue_by_market": {
        "markets": Chart("Where does it come from?", revenue.markets), "months": Chart("What was ordered, month by month", revenue.months),
    },
    "customer_cohorts": {"cohorts": Chart("Who orders again?", cohorts.customers)},
    "explore": {
        OF_MONTH: Chart(_of_month, forecast.owners_of_month, beside="win_rate", of="month"), LOST_FOR: Chart(_lost_for, ended.lost_for, of="reason"),
    },
}  # fmt: skip
"""Report -> name -> chart, the usual one first. Whatever is explored is charted by `explored`; lists of leads and customers have no chart."""
EXPLORED = (explored.BARS, explored.LINES, explored.STACKED)


def names_of(report: Report) -> tuple[str, ...]:
    """What its charts are called, the usual one first."""
    return EXPLORED if report.is_explored else tuple(CHARTS.get(report.name, ()))


def check(report: Report, name: str) -> str:
    """The chart's name, or the usual one for none. Raises `Invalid` where there is no such chart."""
    known = names_of(report)
    if not known:
        raise Invalid(f"{report.name} is a list: it has no chart. Ask for it as csv or xlsx.", field="format")
    if name and name not in (*known, *CHARTS.get(report.name, ())):
        raise Invalid(f"{report.name} has no chart “{name[:63]}”. It has: {', '.join(known)}.", field="chart")
    return name or known[0]


def chart_named(report: str, name: str = "") -> Chart:
    """One of `CHARTS`, the usual one for no name."""
    charts = CHARTS[report]
    return charts[name or next(iter(charts))]
