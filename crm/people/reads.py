"""Lists of people, teams and roles: for the People page, the API and the sign-in page's demo note."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import Person, as_system, missing_grant, person_of
from crm.clock import now
from crm.errors import NotFound

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
    invited_until: datetime | None = None
    """Until when the newest invitation can be used, or could have been; None without one, or once it was used or withdrawn."""
    absent_from: date | None = None
    absent_until: date | None = None

    @property
    def state(self) -> str:
        """What stands between them and the app, in a word or three; empty when nothing does."""
        if self.disabled_at:
            return "disabled"
        if self.has_password:
            return ""
        if self.invited_until is None:
            return "not invited yet"
        return "invited" if self.is_invited else "invitation ran out"

    @property
    def is_invited(self) -> bool:
        """Whether an invitation waits for them that can still be used."""
        return self.invited_until is not None and self.invited_until > now()

    def mentions(self, sought: str) -> bool:
        """Whether every word sought is part of the name, mail address, a team or a role."""
        text = " ".join([self.name, self.email, self.state, *(f"{place.team or ''} {place.role}" for place in self.places)]).lower()
        return all(word in text for word in sought.lower().split())


@dataclass(frozen=True, slots=True)
class Myself:
    """What people may change about themselves, and the version they saw."""

    version: int
    name: str
    time_zone: str
    absent_from: date | None = None
    absent_until: date | None = None


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


def require_admin(person: Person) -> None:
    """Looking after people is for those whose grant reaches the whole organisation. Raises `Refused`."""
    if not person.require("person", "configure").everywhere:
        raise missing_grant("person", "configure", everywhere=True)


def list_people(session: Session) -> list[Row]:
    """Everybody, by name, with teams, roles and when they were last seen. For those who look after people everywhere."""
    require_admin(person_of(session))
    found = session.execute(text(f"{_PEOPLE} order by p.disabled_at is not null, lower(p.name)")).all()
    seen = _sign_ins()
    return [_row(each, seen) for each in found]


def one_person(session: Session, person_id: int) -> Row:
    """One of them. Raises `NotFound`."""
    require_admin(person_of(session))
    found = session.execute(text(f"{_PEOPLE} where p.id = :id"), {"id": person_id}).one_or_none()
    if found is None:
        raise NotFound("There is no such person.")
    return _row(found, _sign_ins(person_id))


_PEOPLE = """
    select p.id, p.version, p.name, p.email, p.time_zone, p.disabled_at, p.absent_from, p.absent_until,
        coalesce((
            select jsonb_agg(jsonb_build_array(m.team_id, t.name, m.role_id, r.name) order by t.name nulls first)
            from crm.memberships as m
            join crm.roles as r on r.id = m.role_id
            left join crm.teams as t on t.id = m.team_id
            where m.person_id = p.id), '[]'::jsonb) as places
    from crm.people as p
"""


@dataclass(frozen=True, slots=True)
class _SignIn:
    """How somebody stands with the sign-in page."""

    has_password: bool = False
    last_seen_at: datetime | None = None
    invited_until: datetime | None = None


_SIGN_INS = text("""
    select p.id, c.person_id is not null as has_password, (select max(s.last_used_at) from crm.sessions as s where s.person_id = c.person_id) as last_seen_at,
        (select max(l.expires_at) from crm.one_time_links as l where l.person_id = p.id and l.purpose = 'invitation' and l.used_at is null) as invited_until
    from crm.people as p left join crm.credentials as c on c.person_id = p.id
    where cast(:id as bigint) is null or p.id = :id
""")


def _sign_ins(person_id: int | None = None) -> dict[int, _SignIn]:
    """Passwords, sessions and invitations are the machinery's to read."""
    with as_system() as session:
        return {row.id: _SignIn(row.has_password, row.last_seen_at, row.invited_until) for row in session.execute(_SIGN_INS, {"id": person_id})}


def _row(found: Any, sign_ins: dict[int, _SignIn]) -> Row:
    places = tuple(Place(*place) for place in found.places)
    sign_in = sign_ins.get(found.id, _SignIn())
    return Row(found.id, found.version, found.name, found.email, found.time_zone, found.disabled_at, places, sign_in.has_password, sign_in.last_seen_at,
               sign_in.invited_until, found.absent_from, found.absent_until)  # fmt: skip


def myself(session: Session) -> Myself:
    """Whoever is asking."""
    row = session.execute(
        text("select version, name, time_zone, absent_from, absent_until from crm.people where id = :id"), {"id": person_of(session).id}
    ).one()
    return Myself(*row)


@dataclass(frozen=True, slots=True)
class TeamNode:
    """One team of the tree. `depth` 0 is part of no other; `line` holds those above it, the nearest first."""

    id: int
    version: int
    name: str
    parent_id: int | None
    people: int
    leads: int
    depth: int = 0


_TREE = text("""
    with recursive tree (id, depth, path) as (
        select t.id, 0, array[lower(t.name)] from crm.teams as t
        where t.deleted_at is null and not exists (select from crm.teams as p where p.id = t.parent_id and p.deleted_at is null)
        union all
        select t.id, tree.depth + 1, tree.path || lower(t.name) from crm.teams as t join tree on t.parent_id = tree.id where t.deleted_at is null
    )
    select t.id, t.version, t.name, t.parent_id,
        (select count(distinct m.person_id) from crm.memberships as m where m.team_id = t.id) as people,
        (select count(*) from crm.leads as l where l.team_id = t.id and l.deleted_at is null) as leads, tree.depth
    from tree join crm.teams as t on t.id = tree.id
    order by tree.path
""")


def team_tree(session: Session) -> list[TeamNode]:
    """Every team under the one it is part of, by name; people and leads are counted as far as they are seen."""
    return [TeamNode(*row) for row in session.execute(_TREE)]


def teams(session: Session) -> list[Choice]:
    return [Choice(row.id, row.name) for row in session.execute(text("select id, name from crm.teams where deleted_at is null order by lower(name)"))]


def roles(session: Session) -> list[Choice]:
    found = session.execute(text("select id, name, is_organisation_wide from crm.roles where deleted_at is null order by is_organisation_wide desc, id"))
    return [Choice(row.id, row.name, row.is_organisation_wide) for row in found]
