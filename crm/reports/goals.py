"""What people mean to win beside what they won: the columns that a report of owners gets besides those of its query.

A goal is of a quarter: the one in which the report's last day lies, won up to that day. It is of all pipelines, so that a report of one says nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from crm.access import person_of, reach_of
from crm.db.queries import Item, load
from crm.goals import reads, rules
from crm.ledger.known import known_query

GOAL, WON, PROGRESS = "goal_usd", "goal_won_usd", "goal_progress"
COLUMNS = (
    Item(GOAL, "numeric", True, "what they mean to win in the quarter of the last day; null without a goal, and for one pipeline"),
    Item(WON, "numeric", True, "what they won in that quarter, up to the last day; null without a goal"),
    Item(PROGRESS, "numeric", True, "won, of the goal: above 1 where it is more; null without a goal"),
)
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Quarter:
    """The goals of the quarter that begins on that day, by person, as far as the session reaches; `names` of theirs."""

    begins: date
    name: str
    goals: Mapping[int, Decimal]
    names: Mapping[int, str]

    def says(self, ends: date) -> str:
        return f"Goals are those of {self.name}, with what was won in it up to {ends:%-d %b %Y}."


def quarter_of(session: Session, ends: date, *, team_id: int | None, owner_id: int | None, fiscal_month: int) -> Quarter:
    begins = rules.quarter_start(ends, fiscal_month)
    reach, me = reach_of(session), person_of(session).id
    found = [
        meant for meant in reads.meant_by_people(session, begins)
        if reach.covers(team_id=meant.team_id, owner_id=meant.person_id, person_id=me) and team_id in (None, meant.team_id)
        and owner_id in (None, meant.person_id)
    ]  # fmt: skip
    goals: dict[int, Decimal] = {}
    for meant in found:
        goals[meant.person_id] = goals.get(meant.person_id, _NOTHING) + meant.amount_usd
    return Quarter(begins, rules.quarter_name(begins, fiscal_month), goals, {meant.person_id: meant.name for meant in found})


def won_in(session: Session, quarter: Quarter, binds: Mapping[str, Any]) -> dict[int, Decimal]:
    """What each owner won; `binds` for all of the query's parameters, with the quarter's whole months."""
    query = load("pipeline/won_by_owner")
    if binds["known_on"] is not None:
        query = known_query(query)
    rows = query.run(session, **{param.name: quarter.begins if param.name == "from_day" else binds[param.name] for param in query.params})
    return {row["owner_id"]: row["won_value_usd"] for row in rows}


def beside(rows: Sequence[dict[str, Any]], quarter: Quarter, won: Mapping[int, Decimal]) -> list[dict[str, Any]]:
    """The rows with their goals; whoever has a goal, and nothing else, comes last."""
    known = {row["owner_id"] for row in rows}
    idle = sorted((name, person_id) for person_id, name in quarter.names.items() if person_id not in known)
    return [_with_goal(row, quarter, won) for row in [*rows, *_idle(idle)]]


def without(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows where no goal stands beside them."""
    return [{**row, GOAL: None, WON: None, PROGRESS: None} for row in rows]


def _idle(people: Iterable[tuple[str, int]]) -> list[dict[str, Any]]:
    nothing = dict.fromkeys(("open", "began", "won", "lost"), 0) | dict.fromkeys(("open_value_usd", "weighted_usd", "won_value_usd"), _NOTHING)
    return [{"owner_id": person_id, "owner": name, **nothing, "win_rate": None, "median_days": None} for name, person_id in people]


def _with_goal(row: dict[str, Any], quarter: Quarter, won: Mapping[int, Decimal]) -> dict[str, Any]:
    goal = quarter.goals.get(row["owner_id"])
    reached = won.get(row["owner_id"], _NOTHING) if goal else None
    return {**row, GOAL: goal, WON: reached, PROGRESS: rules.progress(reached, goal)}
