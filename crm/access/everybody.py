"""Everybody who may sign in, with their roles and grants, in four queries however many they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access.person import Membership, Person

_PEOPLE = text("select id, email, name, time_zone, (select version from crm.access_stamps where id = 1) as stamp from crm.people where disabled_at is null")
_GRANTS = text("select role_id, resource, action, scope from crm.grants where scope <> 'none' and deleted_at is null")
_FIELDS = text("select role_id, record_type, field, rule from crm.field_rules where deleted_at is null")
_PLACES = text("""
    with recursive below (root, id) as (
        select t.id, t.id from crm.teams as t
        union
        select b.root, t.id from crm.teams as t join below as b on t.parent_id = b.id
    ), reaches as (
        select root, array_agg(id) as ids from below group by root
    )
    select m.person_id, m.team_id, t.name as team, r.id as role_id, r.name as role, coalesce(b.ids, '{}') as ids
    from crm.memberships as m
    join crm.roles as r on r.id = m.role_id and r.deleted_at is null
    left join crm.teams as t on t.id = m.team_id
    left join reaches as b on b.root = m.team_id
    order by t.name nulls first
""")


def everybody(session: Session) -> list[Person]:
    """As `load` would find each of them, by name. Runs as the system role."""
    grants: dict[int, dict[tuple[str, str], str]] = defaultdict(dict)
    for row in session.execute(_GRANTS):
        grants[row.role_id][row.resource, row.action] = row.scope
    fields: dict[int, dict[tuple[str, str], str]] = defaultdict(dict)
    for row in session.execute(_FIELDS):
        fields[row.role_id][row.record_type, row.field] = row.rule
    places: dict[int, list[Membership]] = defaultdict(list)
    for row in session.execute(_PLACES):
        held: Mapping[tuple[str, str], str] = grants.get(row.role_id, {})
        places[row.person_id].append(Membership(row.team_id, row.team, row.role_id, row.role, frozenset(row.ids), held, fields.get(row.role_id, {})))
    people = session.execute(_PEOPLE).all()
    found = [Person(row.id, row.email, row.name, row.time_zone, tuple(places[row.id]), row.stamp) for row in people]
    return sorted(found, key=lambda person: person.name.lower())
