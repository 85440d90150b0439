"""Who is away. The one place that reads it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

# By their own calendar. Through jsonb, so that it also holds where people have no such columns.
_AWAY = text("""
    select p.id from crm.people as p cross join to_jsonb(p) as j
    where p.id = any(cast(:ids as bigint[])) and j ->> 'absent_from' is not null
        and (now() at time zone p.time_zone)::date >= (j ->> 'absent_from')::date
        and (now() at time zone p.time_zone)::date <= coalesce((j ->> 'absent_until')::date, 'infinity')
""")


def away(session: Session, people: Sequence[int]) -> set[int]:
    """Which of these people are absent today."""
    return set(session.scalars(_AWAY, {"ids": list(people)})) if people else set()
