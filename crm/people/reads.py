"""Lists of people, teams and roles: for the People page, the API and the sign-in page's demo note."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import as_system, person_of

DEMO_PASSWORD = "throughline-demo"  # noqa: S105 - public by intent; a demo listens on this machine only
DEMO_CAST = ("alma@demo.example", "mona@demo.example", "ana@demo.example", "bruno@demo.example", "carla@demo.example")


@dataclass(frozen=True, slots=True)
class CastMember:
    name: str
    email: str
    places: str


@dataclass(frozen=True, slots=True)
class Place:
    """One role, in one team or (team None) in the whole organisation."""

    team_id: int | None
    team: str | None
    role_id: int
    role: str


@dataclass(frozen=True, slots=True)
class Row:
    """One person on the People page."""

    id: int
    version: int
    name: str
    email: str
    time_zone: str
    disabled_at: datetime | None
    places: tuple[Place, ...]
    has_password: bool
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Choice:
    id: int
    name: str
    is_organisation_wide: bool = False


def is_empty() -> bool:
    """Whether nobody exists yet: a fresh installation."""
    with as_system() as session:
        return not session.scalar(text("select exists (select from crm.people)"))


def demo_cast() -> list[CastMember]:
    """The demo's own people, as long as they can sign in with the published password's account."""
    with as_system() as session:
        rows = session.execute(
            text("""
                select p.name, p.email, coalesce(string_agg(r.name || coalesce(', ' || t.name, ''), '; ' order by t.name nulls first), '') as places
                from crm.people as p
                join crm.credentials as c on c.person_id = p.id
                left join crm.memberships as m on m.person_id = p.id
                left join crm.roles as r on r.id = m.role_id
                left join crm.teams as t on t.id = m.team_id
                where p.email = any(cast(:emails as text[])) and p.disabled_at is null
                group by p.id
                order by array_position(cast(:emails as text[]), p.email)
            """),
            {"emails": list(DEMO_CAST)},
        )
        return [CastMember(row.name, row.email, row.places) for row in rows]


def list_people(session: Session) -> list[Row]:
    """Everybody, by name, with teams, roles and when they were last seen. For those who look after people everywhere."""
    person_of(session).require("person", "configure")
    rows = session.execute(
        text("""
            select p.id, p.version, p.name, p.email, p.time_zone, p.disabled_at,
                coalesce((
                    select jsonb_agg(jsonb_build_array(m.team_id, t.name, m.role_id, r.name) order by t.name nulls first)
                    from crm.memberships as m
                    join crm.roles as r on r.id = m.role_id
                    left join crm.teams as t on t.id = m.team_id
                    where m.person_id = p.id), '[]'::jsonb) as places
            from crm.people as p
            order by p.disabled_at is not null, lower(p.name)
        """)
    ).all()
    with as_system() as machinery:
        seen = {
            row.person_id: row
            for row in machinery.execute(
                text("""
                    select c.person_id, (select max(s.last_used_at) from crm.sessions as s where s.person_id = c.person_id) as last_seen_at
                    from crm.credentials as c
                """)
            )
        }
    return [
        Row(
            r.id, r.version, r.name, r.email, r.time_zone, r.disabled_at, tuple(Place(*place) for place in r.places),
            r.id in seen, seen[r.id].last_seen_at if r.id in seen else None,
        )
        for r in rows
    ]  # fmt: skip


def teams(session: Session) -> list[Choice]:
    return [Choice(row.id, row.name) for row in session.execute(text("select id, name from crm.teams where deleted_at is null order by lower(name)"))]


def roles(session: Session) -> list[Choice]:
    found = session.execute(text("select id, name, is_organisation_wide from crm.roles order by is_organisation_wide desc, id"))
    return [Choice(row.id, row.name, row.is_organisation_wide) for row in found]
