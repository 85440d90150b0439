"""A lead's activities, newest first."""

from __future__ import annotations

from datetime import datetime
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

# A change says what was there before it: the first one since says what was known. Which activities there were, `crm.known_activities` says.
_KNOWN_OF_LEAD = text("""
    select k.id, k.person_id, k.kind, k.happened_at, k.duration_minutes, case when w.body is null then a.body else w.body ->> 0 end as body
    from crm.known_activities(:known_before) as k
    join crm.activities as a on a.id = k.id
    left join lateral (
        select c.fields -> 'body' as body
        from crm.changes as c
        where c.record_type = 'activity' and c.record_id = k.id and c.at >= :known_before and c.fields ? 'body'
        order by c.version
        limit 1
    ) as w on true
    where k.lead_id = :lead_id and k.deleted_at is null and k.happened_at < :before
    order by k.happened_at desc, k.id desc
    limit :most
""")


def known_activities_of(session: Session, lead_id: int, *, before: datetime, known_before: datetime, most: int = 100) -> list[RowMapping]:
    """What had been done with the lead before `before`, in the words in which it was known before `known_before`. Empty when the lead is hidden."""
    given = {"lead_id": lead_id, "before": before, "known_before": known_before, "most": most}
    return list(session.execute(_KNOWN_OF_LEAD, given).mappings())


def activities_of(session: Session, lead_id: int, *, before: tuple[Any, int] | None = None, most: int = 100) -> list[RowMapping]:
    """Empty when the lead is hidden. `before` is the (happened_at, id) to continue from."""
    at, last_id = before or (None, None)
    return list(session.execute(_OF_LEAD, {"lead_id": lead_id, "before_at": at, "before_id": last_id, "most": most}).mappings())


def activity(session: Session, activity_id: int) -> RowMapping | None:
    statement = text("""
        select id, version, lead_id, person_id, kind, body, happened_at, duration_minutes, created_at, updated_at from crm.activities where id = :id
    """)
    return session.execute(statement, {"id": activity_id}).mappings().one_or_none()
