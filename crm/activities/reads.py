"""A lead's activities, newest first."""

from __future__ import annotations

from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

_OF_LEAD = text("""
    select a.id, a.version, a.lead_id, a.person_id, p.name as person_name, a.kind, a.body, a.happened_at, a.duration_minutes, a.created_at, a.updated_at
    from crm.activities as a
    left join crm.people as p on p.id = a.person_id
    where a.lead_id = :lead_id and a.deleted_at is null
        and (cast(:before_at as timestamptz) is null or (a.happened_at, a.id) < (cast(:before_at as timestamptz), cast(:before_id as bigint)))
    order by a.happened_at desc, a.id desc
    limit :most
""")


def activities_of(session: Session, lead_id: int, *, before: tuple[Any, int] | None = None, most: int = 100) -> list[RowMapping]:
    """Empty when the lead is hidden. `before` is the (happened_at, id) to continue from."""
    at, last_id = before or (None, None)
    return list(session.execute(_OF_LEAD, {"lead_id": lead_id, "before_at": at, "before_id": last_id, "most": most}).mappings())


def activity(session: Session, activity_id: int) -> RowMapping | None:
    statement = text("""
        select id, version, lead_id, person_id, kind, body, happened_at, duration_minutes, created_at, updated_at from crm.activities where id = :id
    """)
    return session.execute(statement, {"id": activity_id}).mappings().one_or_none()
