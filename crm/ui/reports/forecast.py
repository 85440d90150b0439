"""Forecast: what open leads may bring month by month, what was won, what was said before, and how far that is from the goal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any

from sqlalchemy.orm import Session

from crm.access import Person
from crm.goals import reads, rules
from crm.ui import lead_behind, look, words
from crm.ui.reports import asked as asking
from crm.ui.reports import charts, forecast_owners, parts, picking
from crm.ui.reports.asked import Asked
from crm.ui.reports.figure import Figure
from crm.ui.reports.forecast_owners import Owners, period_of_month
from crm.ui.reports.parts import Tile, change, share, usd
from crm.ui.reports.reading import Read, Reader
from crm.ui.reports.shell import Page

TAKES = ("team", "owner", "pipeline", "source", "market", "said", "known_on")
OWNERS, MONTHS = forecast_owners.CHART, "forecast.months"
BACK, AHEAD = 5, 6
NOTHING_EXPECTED = "Nothing is expected yet."
HOW_EXPECTED = "Give open leads a value and an expected close date, and their months show here."


@dataclass(frozen=True, slots=True)
class Found:
    """`quarter`: its first day. `goal_usd`: of those whose leads these are; None without one.

    `weeks`: what was won in the quarter, week by week; `before`: as many days of the quarter before.
    """

    months: Read
    owners: Owners | None
    quarter: date
    quarter_name: str
    ends: date
    goal_usd: Decimal | None
    weeks: Read
    before: Read
    next_quarter: date
    next_name: str
    said_days: int


def read(reader: Reader, page: Page) -> Found:
    """The months follow the owner that is picked, the owners the month."""
    asked = page.asked
    owners = forecast_owners.read(reader, asked, page.lookups.fiscal_month, _picked_month(asked))
    return _found(reader, page, replace(asked, owner_id=picking.picked_id(OWNERS) or asked.owner_id), owners)


def _picked_month(asked: Asked) -> date | None:
    if asked.ends.year < 1901:
        return None
    this_month = asked.ends.replace(day=1)
    return picking.picked_month(MONTHS, (rules.months_on(this_month, -BACK), rules.months_on(this_month, AHEAD)))


def _found(reader: Reader, page: Page, asked: Asked, owners: Owners | None) -> Found:
    quarter = rules.quarter_start(asked.ends, page.lookups.fiscal_month)
    last, next_ = rules.months_on(quarter, -3), rules.months_on(quarter, 3)
    return Found(
        _months(reader, asked), owners, quarter, rules.quarter_name(quarter, page.lookups.fiscal_month), asked.ends,
        _goal(reader.session, page.person, asked, quarter), reader("won_by_week", asked, period=(quarter, asked.ends)),
        reader("won_by_week", asked, period=(last, min(last + (asked.ends - quarter), quarter - timedelta(days=1)))), next_,
        rules.quarter_name(next_, page.lookups.fiscal_month), asked.said_days,
    )  # fmt: skip


def _months(reader: Reader, asked: Asked) -> Read:
    said_on = asked.ends - timedelta(days=asked.said_days) if asked.ends.year > 1901 else asked.ends
    return reader("forecast", asked, back=BACK, ahead=AHEAD, said_on=said_on.isoformat())


def _goal(session: Session, person: Person, asked: Asked, quarter: date) -> Decimal | None:
    """Of the owner, the team, or everybody in sight; a goal is for all sources, markets and pipelines, so there is none where one is chosen."""
    if asked.source or asked.market or asked.pipeline_id:
        return None
    parents = reads.parents(session)
    reach = person.reach("report", "view")
    goals = [goal for goal in reads.goals_between(session, quarter, quarter) if reach.everywhere or goal.team_id in reach.teams or goal.person_id == person.id]
    if asked.team_id:
        goals = [goal for goal in goals if goal.team_id == asked.team_id]
    return rules.of_person(goals, asked.owner_id) if asked.owner_id else rules.of_teams(goals, parents)


def in_quarter(found: Found, column: str, quarter: date | None = None) -> Any:
    """The sum over the quarter's months, the present one's unless another is named; None where it is hidden."""
    begins = quarter or found.quarter
    ends = rules.ends_on(begins)
    rows = [row for row in found.months.rows if row["month"] and begins <= row["month"] <= ends]
    return sum((row[column] or 0 for row in rows), Decimal(0)) if found.months.shows(column) else None


def _of_goal(found: Found, amount: Any) -> Any:
    """A share of the goal; None where there is none, or what it is of is hidden."""
    return rules.progress(amount, found.goal_usd)


def headline(found: Found) -> str:
    expected, won = in_quarter(found, "expected_usd"), in_quarter(found, "won_value_usd")
    if expected is None:
        return "The forecast is of values, which are hidden from your role." if found.months.result else "The forecast is hidden from your role."
    first = f"{found.quarter_name} stands at {usd(expected)}, {usd(won)} of it won." if expected else f"Nothing is expected in {found.quarter_name} yet."
    if found.goal_usd and expected:
        missing = found.goal_usd - expected
        first += f" That is {share(_of_goal(found, expected))} of the goal: {usd(abs(missing))} {'to go' if missing > 0 else 'more than meant'}."
    undated = next((row for row in found.months.rows if row["month"] is None and row["open"]), None)
    return (
        f"{first} {words.count(undated['open'], 'open lead')} worth {usd(undated['open_value_usd'])} {'has' if undated['open'] == 1 else 'have'} no close date."
        if undated
        else first
    )


def draw(found: Found, page: Page) -> None:
    parts.draw_headline(headline(found))
    owner = picking.picked_id(OWNERS)
    theirs = replace(page, asked=replace(page.asked, owner_id=owner)) if owner else page
    _draw_tiles(found, theirs)
    picking.draw_chips({MONTHS: ("Month", picking.month_name(_picked_month(page.asked))), OWNERS: ("Owner", page.lookups.names.people.get(owner or 0))})
    _draw_months(found.months, theirs)
    if found.owners:
        forecast_owners.draw(found.owners, page)


def _draw_tiles(found: Found, page: Page) -> None:
    if not found.months.result:
        return
    expected, won, said = (in_quarter(found, column) for column in ("expected_usd", "won_value_usd", "said_usd"))
    next_, next_said = (in_quarter(found, column, found.next_quarter) for column in ("expected_usd", "said_usd"))
    of_goal, goal_said = _of_goal(found, expected), _of_goal(found, said)
    won_up_to = list(accumulate(found.weeks.column("won_value_usd")))
    this_quarter, next_quarter = (lead_behind.period(begins, rules.ends_on(begins)) for begins in (found.quarter, found.next_quarter))
    parts.draw_tiles(
        (
            Tile(f"Forecast {found.quarter_name}", usd(expected), change(expected, said), trend=_up_to(found, found.quarter),
                 hint="Won in the quarter, and open value expected in it, weighted by the chance of its stage. The line: month by month, up to its end."),
            Tile("Won so far", usd(won), change(won, found.before.sum("won_value_usd")), trend=won_up_to, against="against last quarter",
                 hint="Against as many days of the quarter before. The line: week by week of this quarter.",
                 behind=asking.behind_now(page.lookups, page.asked, kind="won", entered=this_quarter)),
            Tile("Of the goal", share(of_goal), change(of_goal, goal_said, unit="points"), trend=[_of_goal(found, amount) for amount in won_up_to],
                 hint=f"The goal is {usd(found.goal_usd)}. The line: what was won of it, week by week."
                 if found.goal_usd else "No goal is set for what this page shows."),
            Tile(f"Forecast {found.next_name}", usd(next_), change(next_, next_said), trend=_up_to(found, found.next_quarter),
                 hint="The next quarter, as far as open leads name their month. The line: month by month, up to its end.",
                 behind=asking.behind_now(page.lookups, page.asked, kind="open", closes=next_quarter)),
        ),
        f"in {found.said_days} days",
    )  # fmt: skip


def _up_to(found: Found, quarter: date) -> list[Any]:
    """What is expected month by month, up to the end of the quarter: further on, ever less has a date, which would pass for a fall."""
    ends = rules.ends_on(quarter)
    return [row["expected_usd"] for row in found.months.rows if row["month"] and row["month"] <= ends] if found.months.shows("expected_usd") else []


def _draw_months(read: Read, page: Page) -> None:
    with parts.block("What may come, what came, and what was said before", read, key="forecast_months", empty=NOTHING_EXPECTED, hint=HOW_EXPECTED) as any_:
        if not any_:
            return
        charts.draw(MONTHS, read)
        lines = [_month_line(row, page) for row in read.rows if row["open"] or row["won"]]
        if not lines:
            look.empty(NOTHING_EXPECTED, HOW_EXPECTED)
            return
        parts.draw_lines("forecast_months", lines, ("Open", "Open value", "Weighted", "Won", "Forecast", "Said"))


def _month_line(row: Mapping[str, Any], page: Page) -> tuple[str, Mapping[str, Any] | None, Sequence[str]]:
    """Its name opens the open leads of the month."""
    figures = (
        f"{row['open']:,}",
        usd(row["open_value_usd"]),
        usd(row["weighted_usd"]),
        usd(row["won_value_usd"]),
        usd(row["expected_usd"]),
        usd(row["said_usd"]),
    )
    if row["month"] is None:
        return "No close date", asking.behind(page.lookups, page.asked, kind="open", closes="none"), figures
    return f"{row['month']:%B %Y}", asking.behind(page.lookups, page.asked, kind="open", closes=period_of_month(row["month"])), figures


def _draw_summary(found: Found, page: Page) -> None:
    with parts.block("Forecast in four figures", found.months, key="forecast_summary", empty=NOTHING_EXPECTED, hint=HOW_EXPECTED) as any_:
        if any_:
            parts.draw_headline(headline(found))
            _draw_tiles(found, page)


FIGURES: Mapping[str, Figure] = {
    "summary": Figure("forecast", lambda reader, page: _found(reader, page, page.asked, None), _draw_summary),
    "months": Figure("forecast", lambda reader, page: _months(reader, page.asked), _draw_months),
    "owners": Figure("owners", lambda reader, page: forecast_owners.read(reader, page.asked, page.lookups.fiscal_month), forecast_owners.draw),
}  # fmt: skip
