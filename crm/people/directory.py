"""Whom and which teams a person may look up. Names alone are known to everybody signed in; lists follow the grants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import person_of


@dataclass(frozen=True, slots=True)
class TeamRow:
    id: int
    version: int
    name: str
    parent_id: int | None
    parent: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """One membership; team and id are None for an organisation-wide role."""

    team_id: int | None
    team: str | None
    role: str


@dataclass(frozen=True, slots=True)
class PersonRow:
    id: int
    version: int
    name: str
    email: str
    time_zone: str
    disabled_at: datetime | None
    places: list[Place] = field(default_factory=list)


_TEAMS = text("""
    select t.id, t.version, t.name, t.parent_id, p.name as parent
    from crm.teams as t
    left join crm.teams as p on p.id = t.parent_id
    where t.deleted_at is null and (:everywhere or t.id = any(:ids)) and t.id > :after
    order by t.id
    limit :most
""")


def teams(session: Session, *, after: int = 0, most: int = 100) -> Sequence[TeamRow]:
    """The teams within the person's (team, view) reach, and those they may hand leads to; by id. Raises `Refused`."""
    person = person_of(session)
    reach = person.require("team", "view") | person.reach("lead", "assign")
    ids = sorted(reach.teams | person.team_ids)
    return [TeamRow(*row) for row in session.execute(_TEAMS, {"everywhere": reach.everywhere, "ids": ids, "after": after, "most": most})]


_PEOPLE = text("""
    select p.id, p.version, p.name, p.email, p.time_zone, p.disabled_at
    from crm.people as p
    where (:everywhere or p.id = :me or p.id in (select m.person_id from crm.memberships as m where m.team_id = any(:ids))) and p.id > :after
    order by p.id
    limit :most
""")
_PLACES = text("""
    select m.person_id, m.team_id, t.name as team, r.name as role
    from crm.memberships as m
    join crm.roles as r on r.id = m.role_id
    left join crm.teams as t on t.id = m.team_id
    where m.person_id = any(:ids)
    order by t.name nulls first
""")


def people(session: Session, *, after: int = 0, most: int = 100) -> Sequence[PersonRow]:
    """The people within the person's (person, view) reach, themselves included, with the places the reach lets them see; by id. Raises `Refused`."""
    person = person_of(session)
    reach = person.require("person", "view")
    given = {"everywhere": reach.everywhere, "me": person.id, "ids": sorted(reach.teams), "after": after, "most": most}
    found = {row.id: PersonRow(*row) for row in session.execute(_PEOPLE, given)}
    for row in session.execute(_PLACES, {"ids": list(found)}):
        found[row.person_id].places.append(Place(row.team_id, row.team, row.role))
    return list(found.values())
