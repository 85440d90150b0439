"""How many leads a filter finds, and what they are worth, by stage, owner or market."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.errors import Invalid
from crm.leads.reads import LeadFilter, conditions

BY: Mapping[str, str] = {"stage": "l.stage_id", "owner": "l.owner_id", "market": "l.market"}


@dataclass(frozen=True, slots=True)
class Group:
    """`key` is a stage's or a person's id, or a country code; None for leads that have none."""

    key: Any
    leads: int
    value_usd: Decimal


def groups(session: Session, wanted: LeadFilter, by: str) -> list[Group]:
    """A group for each key that occurs, the most leads first. `by` is a name of `BY`."""
    if by not in BY:
        raise Invalid(f"Leads are grouped by one of: {', '.join(BY)}.", field="group")
    where, parameters = conditions(session, wanted)
    statement = text(
        f"select {BY[by]} as key, count(*) as leads, coalesce(sum(l.value_usd), 0) as value_usd"
        f" from crm.leads as l where {' and '.join(where)} group by 1 order by 2 desc, 1"
    )
    return [Group(row.key.strip() if isinstance(row.key, str) else row.key, row.leads, row.value_usd) for row in session.execute(statement, parameters)]
