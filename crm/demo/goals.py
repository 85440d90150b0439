"""What the demo's people mean to win this quarter: somewhat more than they won in the last one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.changes import Edit
from crm.demo.organisation import SOURCE
from crm.goals.records import GOAL
from crm.goals.rules import months_on, quarter_start
from crm.goals.use_cases import set_goals

FISCAL_MONTH = 1  # as the organisation's setting is where nobody changed it
MORE = Decimal("1.15")
ROUND = Decimal(5_000)
_WON = text("""
    select l.team_id, l.owner_id, sum(l.value_usd) as usd
    from crm.leads as l join crm.stages as s on s.id = l.stage_id
    where s.kind = 'won' and l.deleted_at is null and l.stage_entered_at >= :begins and l.stage_entered_at < :ends and l.owner_id = any(:people)
        and exists (select from crm.memberships as m where m.person_id = l.owner_id and m.team_id = l.team_id)
    group by l.team_id, l.owner_id
    having sum(l.value_usd) > 0
""")


def mean_to_win(session: Session, people: Collection[int], *, now: datetime) -> None:
    """A goal of this quarter for each of these people who won something in the last one, and one for each of their teams."""
    begins = quarter_start(now.date(), FISCAL_MONTH)
    rows = session.execute(_WON, {"begins": months_on(begins, -3), "ends": begins, "people": list(people)}).all()
    teams: dict[int, Decimal] = defaultdict(Decimal)
    edits = []
    for row in rows:
        amount = _rounded(row.usd * MORE)
        teams[row.team_id] += amount
        edits.append(_goal(row.team_id, row.owner_id, begins, amount))
    edits += [_goal(team_id, None, begins, amount) for team_id, amount in teams.items()]
    if edits:
        set_goals(session, edits, source=SOURCE)


def _goal(team_id: int, person_id: int | None, starts_on: date, amount: Decimal) -> Edit:
    return Edit(GOAL.name, None, {"team_id": team_id, "person_id": person_id, "starts_on": starts_on, "amount_usd": amount})


def _rounded(usd: Decimal) -> Decimal:
    return max(ROUND, (usd / ROUND).to_integral_value() * ROUND)
