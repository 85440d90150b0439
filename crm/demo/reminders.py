"""What the demo's people have set themselves to do: alerts on their open leads, some overdue, some today, most ahead."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import writing
from crm.demo.writing import act_as

MOST_EACH = 14
_REMIND = text("""
    insert into crm.alerts (lead_id, person_id, due_at, text, created_by_id, created_at, updated_at)
    select d.lead_id, :person, d.due_at, d.what, :person, d.made_at, d.made_at
    from (
        select p.lead_id, p.what, date_trunc('day', cast(:now as timestamptz)) + make_interval(days => p.ahead, hours => 6 + p.n * 3 % 8) as due_at,
            least(cast(:now as timestamptz), date_trunc('day', cast(:now as timestamptz)) + make_interval(days => p.ahead - 4, hours => 7)) as made_at
        from (
            select l.id as lead_id, coalesce(l.next_step, 'call') as what, cast(row_number() over (order by l.updated_at desc, l.id) as int) as n,
                (array[-2, 0, 1, 0, 3, -1, 6, 2, 0, 9, 4, 1, 13, 7])[row_number() over (order by l.updated_at desc, l.id)] as ahead
            from crm.leads as l join crm.stages as s on s.id = l.stage_id
            where l.owner_id = :person and l.deleted_at is null and s.kind = 'open' and l.updated_at < cast(:now as timestamptz) - interval '20 hours'
            order by l.updated_at desc, l.id limit :most
        ) as p
    ) as d
""")


def remind(session: Session, people: Iterable[int], *, now: datetime) -> None:
    """A few alerts for each of these people, as if they had set them themselves."""
    with writing(session, "alert", "create"):
        for person_id in people:
            act_as(session, person_id)
            session.execute(_REMIND, {"person": person_id, "now": now, "most": MOST_EACH})
    act_as(session, None)
