"""Decisions about quarters and goals: no session, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

_EXACT = Decimal("0.0001")


def quarter_start(day: date, starts_in: int) -> date:
    """The first day of the quarter that `day` lies in, where the fiscal year starts in that month."""
    back = (day.month - starts_in) % 3
    return months_on(day.replace(day=1), -back)


def months_on(first: date, months: int) -> date:
    """The first day of a month, so many months later (or, negative, before)."""
    count = first.year * 12 + first.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def ends_on(starts_on: date) -> date:
    """A quarter's last day."""
    return months_on(starts_on, 3) - timedelta(days=1)


def year_start(day: date, starts_in: int) -> date:
    """The first day of the fiscal year that `day` lies in."""
    return date(day.year if day.month >= starts_in else day.year - 1, starts_in, 1)


def quarters(first: date) -> list[date]:
    """The four quarters of the fiscal year that begins on that day."""
    return [months_on(first, 3 * number) for number in range(4)]


def year_name(first: date) -> str:
    """ "2026", or "2026/27" where the year begins after January."""
    return str(first.year) if first.month == 1 else f"{first.year}/{(first.year + 1) % 100:02d}"


def quarter_name(starts_on: date, starts_in: int) -> str:
    """ "Q4 2026"."""
    first = year_start(starts_on, starts_in)
    number = ((starts_on.year - first.year) * 12 + starts_on.month - first.month) // 3 + 1
    return f"Q{number} {year_name(first)}"


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal; `person_id` is None for the whole team's."""

    id: int
    version: int
    team_id: int
    person_id: int | None
    starts_on: date
    amount_usd: Decimal


def of_person(goals: Iterable[Goal], person_id: int) -> Decimal | None:
    """What somebody means to win, over all their teams; None without a goal."""
    amounts = [goal.amount_usd for goal in goals if goal.person_id == person_id]
    return sum(amounts, Decimal(0)) if amounts else None


def of_teams(goals: Iterable[Goal], parents: Mapping[int, int | None]) -> Decimal | None:
    """What everybody together means to win; None without a goal.

    A team's own goal stands for its people and for the teams below it; where there is none, theirs are added up.
    """
    goals = list(goals)
    whole = {goal.team_id for goal in goals if goal.person_id is None}
    amounts = [
        goal.amount_usd for goal in goals
        if not any(team in whole for team in _line(goal.team_id, parents, itself=goal.person_id is not None))
    ]  # fmt: skip
    return sum(amounts, Decimal(0)) if amounts else None


def progress(won_usd: Decimal | None, goal_usd: Decimal | None) -> Decimal | None:
    """What is won, of the goal: above 1 where it is more; None without a goal, or where what is won is hidden."""
    return None if won_usd is None or not goal_usd else (won_usd / goal_usd).quantize(_EXACT)


def _line(team_id: int, parents: Mapping[int, int | None], *, itself: bool) -> Iterable[int]:
    """The teams above, and the team itself where it is asked for."""
    if itself:
        yield team_id
    seen = {team_id}
    above = parents.get(team_id)
    while above is not None and above not in seen:
        yield above
        seen.add(above)
        above = parents.get(above)
