"""The latest change sets, a person's own and those that shaped something: what one may want to take back."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from crm.access import person_of, writing
from crm.db import direct

_RECENT = text("""
    select s.id, s.source, s.label, s.created_at, n.records
    from (
        select c.id, c.source, c.label, c.created_at from crm.change_sets as c
        where c.person_id = :person_id and c.undoes_id is null
            and not exists (select from crm.change_sets as u where u.undoes_id = c.id)
        order by c.created_at desc, c.id desc
        limit :most
    ) as s
    cross join lateral (
        select count(distinct (t.record_type, t.record_id)) as records
        from (select c.record_type, c.record_id from crm.changes as c where c.change_set_id = s.id limit 1000) as t
    ) as n
    where n.records > 0
    order by s.created_at desc, s.id desc
""")


def recent_change_sets(session: Session, *, most: int = 10) -> list[RowMapping]:
    """The person's newest change sets that nobody has undone, newest first; `records` counts the changes seen, up to 1,000."""
    return list(session.execute(_RECENT, {"person_id": person_of(session).id, "most": most}).mappings())


ROWS_LOOKED_AT = 2000
_SHAPED = text("""
    select s.id, s.source, s.label, s.created_at, p.name as person, n.records
    from (
        select c.change_set_id, max(c.id) as newest, count(distinct (c.record_type, c.record_id)) as records
        from (
            select change_set_id, id, record_type, record_id from crm.changes
            where record_type <> all (array['lead', 'company', 'contact', 'activity', 'alert']) and record_type = any(:kinds)
            order by at desc, id desc
            limit :rows
        ) as c
        group by c.change_set_id
    ) as n
    join crm.change_sets as s on s.id = n.change_set_id
    left join crm.people as p on p.id = s.person_id
    where s.undoes_id is null and not exists (select from crm.change_sets as u where u.undoes_id = s.id)
    order by n.newest desc
    limit :most
""")


def recent_shaping(session: Session, kinds: Sequence[str], *, most: int = 12) -> list[RowMapping]:
    """The newest change sets of anybody that changed such records, as far as their changes are seen and nobody has undone them, newest first.

    `kinds` are none that teams work with all day. `records` counts those records; `person` is None for the system.
    """
    return list(session.execute(_SHAPED, {"kinds": list(kinds), "rows": ROWS_LOOKED_AT, "most": most}).mappings())


_NEWEST = "select id from crm.change_sets where person_id = :person_id order by created_at desc limit 1"


def newest_change_set(session: Session) -> int:
    """The person's own latest change set, by which it shows that they have done something; 0 before the first."""
    found = direct.rows(session, _NEWEST, {"person_id": person_of(session).id})
    return int(found[0][0]) if found else 0


_OTHERS = text("""
    with first as (select f.record_type, f.record_id from crm.changes as f where f.change_set_id = :id limit 1)
    select exists (
        select from crm.changes as c cross join first
        where c.change_set_id = :id and (c.record_type, c.record_id) <> (first.record_type, first.record_id)
    )
""")


def is_of_one_record(session: Session, change_set_id: int) -> bool:
    """Whether a change set changed one record only; those that its author has given away by it count too."""
    with writing(session, "account", "undo"):
        return not session.scalar(_OTHERS, {"id": change_set_id})
