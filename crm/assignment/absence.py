"""Who is away today, for rules that pass them over; `crm.people.reads.away` says until when."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

# By their own calendar.
_AWAY = text("""
    select p.id from crm.people as p
    where p.id = any(cast(:ids as bigint[])) and p.absent_from <= (now() at time zone p.time_zone)::date
        and coalesce(p.absent_until, 'infinity') >= (now() at time zone p.time_zone)::date
""")


def away(session: Session, people: Sequence[int]) -> set[int]:
    """Which of these people are absent today."""
    return set(session.scalars(_AWAY, {"ids": list(people)})) if people else set()
