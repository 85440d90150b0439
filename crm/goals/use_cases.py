"""What those who set goals do with them. Runs inside one `acting_as` transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from crm.changes import Edit, Outcome, apply, delete_edit
from crm.goals.records import GOAL
from crm.goals.rules import Goal


def goal_edit(standing: Goal | None, team_id: int, person_id: int | None, starts_on: date, *, amount_usd: Decimal | None) -> Edit | None:
    """What makes a goal (as it was seen, None for none) into one of that amount, or into none; None where nothing is to be done."""
    if standing is None:
        values = {"team_id": team_id, "person_id": person_id, "starts_on": starts_on, "amount_usd": amount_usd}
        return None if amount_usd is None else Edit(GOAL.name, None, values)
    if amount_usd is None:
        return delete_edit(GOAL.name, standing.id, standing.version)
    return None if amount_usd == standing.amount_usd else Edit(GOAL.name, standing.id, {"amount_usd": amount_usd}, standing.version)


def set_goals(session: Session, edits: Sequence[Edit], *, source: str) -> Outcome:
    """All of them or none, as one change set. Raises `Invalid`, `Refused`, or `Stale` where somebody was first."""
    return apply(session, edits, source=source, label="Goals", on_conflict="refuse")
