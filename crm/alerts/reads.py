"""Alerts for screens and API. Row security decides which are in them: those on leads that one sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from crm.changes import hiding
from crm.db import direct

AlertRow = Mapping[str, Any]
"""id, version, lead_id, person_id, due_at, text, done_at, done_by_id, created_by_id, deleted_at, created_at, updated_at; lead, stage_id, lead_owner_id,
lead_team_id, market, value_usd and company_id of its lead."""

_COLUMNS = """a.id, a.version, a.lead_id, a.person_id, a.due_at, a.text, a.done_at, a.done_by_id, a.created_by_id, a.deleted_at, a.created_at, a.updated_at,
    l.name as lead, l.stage_id, l.owner_id as lead_owner_id, l.team_id as lead_team_id, l.market, l.value_usd, l.company_id"""
_ALERTS = f"select {_COLUMNS} from crm.alerts as a join crm.leads as l on l.id = a.lead_id where a.deleted_at is null and l.deleted_at is null"


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Every part narrows the list. `is_done`: None for open and finished ones. `due_before` is exclusive."""

    person_id: int | None = None
    lead_id: int | None = None
    due_before: datetime | None = None
    due_from: datetime | None = None
    is_done: bool | None = None


_BOUNDS = {
    "person_id": "a.person_id = :person_id", "lead_id": "a.lead_id = :lead_id", "due_before": "a.due_at < :due_before", "due_from": "a.due_at >= :due_from",
}  # fmt: skip


def _asked(wanted: AlertFilter) -> tuple[str, dict[str, Any]]:
    given = {name: value for name in _BOUNDS if (value := getattr(wanted, name)) is not None}
    where = "".join(f" and {_BOUNDS[name]}" for name in given)
    if wanted.is_done is not None:
        where += f" and a.done_at is {'not ' if wanted.is_done else ''}null"
    return where, given


def list_alerts(
    session: Session, wanted: AlertFilter, *, limit: int = 100, after: tuple[datetime, int] | None = None
) -> list[AlertRow]:  # fmt: skip
    """Alerts on live leads, first due first; `after` is the (due_at, id) to go on from."""
    where, parameters = _asked(wanted)
    if after is not None:
        where += " and (a.due_at, a.id) > (:after_at, :after_id)"
        parameters |= {"after_at": after[0], "after_id": after[1]}
    return _rows(session, f"{_ALERTS}{where} order by a.due_at, a.id limit {int(limit)}", parameters)


def alert(session: Session, alert_id: int) -> AlertRow | None:
    """One alert; None when hidden, missing, deleted, or on a lead that was."""
    return next(iter(_rows(session, f"{_ALERTS} and a.id = :id", {"id": alert_id})), None)


def _rows(session: Session, statement: str, parameters: Mapping[str, Any]) -> list[AlertRow]:
    columns, found = direct.table(session, statement, parameters)
    return list(hiding.blank(session, "lead", [dict(zip(columns, row, strict=True)) for row in found]))


def due_by_lead(session: Session, lead_ids: Sequence[int]) -> dict[int, datetime]:
    """lead id -> when its first open alert is due; leads without one are left out."""
    if not lead_ids:
        return {}
    statement = """
        select a.lead_id, min(a.due_at) from crm.alerts as a
        where a.lead_id = any(cast(:ids as bigint[])) and a.done_at is null and a.deleted_at is null
        group by a.lead_id"""
    return dict(direct.rows(session, statement, {"ids": list(lead_ids)}))  # type: ignore[arg-type]


def due_by_person(session: Session, *, now: datetime, before: datetime) -> dict[int, tuple[int, int]]:
    """person id -> (open alerts due before `before`, those of them overdue at `now`), on live leads that one sees."""
    statement = """
        select a.person_id, count(*), count(*) filter (where a.due_at < :now) from crm.alerts as a
        join crm.leads as l on l.id = a.lead_id and l.deleted_at is null
        where a.done_at is null and a.deleted_at is null and a.due_at < :before
        group by a.person_id"""
    return {person_id: (due, overdue) for person_id, due, overdue in direct.rows(session, statement, {"now": now, "before": before})}
