"""Who is away today, by their own calendar, and until when: for rules that pass them over and for whoever chooses an owner."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.clock import now

_AWAY = text("""
    select p.id, p.absent_until from crm.people as p
    where p.absent_from <= (cast(:now as timestamptz) at time zone p.time_zone)::date
        and coalesce(p.absent_until, 'infinity') >= (cast(:now as timestamptz) at time zone p.time_zone)::date
        and (cast(:ids as bigint[]) is null or p.id = any(cast(:ids as bigint[])))
""")


def away(session: Session, people: Sequence[int] | None = None) -> dict[int, date | None]:
    """Who of these people (None: of everybody) is away today -> their last day away, None while nobody knows. Known to everybody signed in, as names are."""
    ids = None if people is None else list(people)
    return {row.id: row.absent_until for row in session.execute(_AWAY, {"now": now(), "ids": ids})} if ids is None or ids else {}
