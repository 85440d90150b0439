"""Assignment rules for screens, why a lead is whose it is, and what would happen with a new one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import person_of
from crm.access.acting import stepping_aside
from crm.assignment.assigning import Assigned, assign

_RULES = text("""
    select a.id, a.version, a.team_id, a.name, a.position, a.is_active, a.pipeline_id, a.conditions, a.method, a.people
    from crm.assignment_rules as a where a.deleted_at is null order by a.team_id, a.position, a.id
""")
_GIVEN = text("select rule_id, count(*) as leads from crm.lead_assignments group by rule_id")
_REASON = text("select text, person_id, created_at from crm.lead_assignments where lead_id = :id")
_HANDED = text("""
    select c.person_id, c.at, c.source, (c.fields -> 'owner_id' ->> 1)::bigint as owner_id from crm.changes as c
    where c.record_type = 'lead' and c.record_id = :id and c.fields ? 'owner_id' order by c.version desc limit 1
""")


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule as it stands; `leads` were given by it, as far as they are seen."""

    id: int
    version: int
    team_id: int
    name: str
    position: int
    is_active: bool
    pipeline_id: int | None
    conditions: Mapping[str, Any]
    method: str
    people: Mapping[str, Any]
    leads: int = 0

    @property
    def ids(self) -> tuple[int, ...]:
        return tuple(self.people.get("ids", ()))


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a lead is somebody's: a rule's words, or (`text` empty) who handed it over."""

    text: str
    owner_id: int | None
    by_id: int | None
    at: datetime
    source: str = ""


def assignment_rules(session: Session) -> list[RuleRow]:
    """Every rule in sight, by team in the order in which they are tried."""
    given = {row.rule_id: row.leads for row in session.execute(_GIVEN)}
    return [RuleRow(**row, leads=given.get(row["id"], 0)) for row in session.execute(_RULES).mappings()]


def reasons_of(session: Session, lead_id: int) -> list[Reason]:
    """Why the lead is whose it is: the rule that gave it away, and who handed it over last where that was later. Newest first."""
    rule = session.execute(_REASON, {"id": lead_id}).one_or_none()
    handed = session.execute(_HANDED, {"id": lead_id}).one_or_none()
    found = [Reason(rule.text, rule.person_id, None, rule.created_at)] if rule else []
    if handed and not (rule and handed.owner_id == rule.person_id):
        found.insert(0, Reason("", handed.owner_id, handed.person_id, handed.at, handed.source))
    return found


def try_out(session: Session, leads: Sequence[Mapping[str, Any]]) -> list[Assigned | None]:
    """To whom new leads with these values (team_id, pipeline_id, market, source, custom ones) would go now. Nothing is kept.

    Raises `Refused` without the grant to configure pipelines.
    """
    person_of(session).require("pipeline", "configure")
    with stepping_aside(session):
        return assign(session, leads, may_take=lambda _team, _person: True, is_trial=True)
