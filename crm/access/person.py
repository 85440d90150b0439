"""Who is acting, and how far each of their grants reaches. The one place that answers "may they?"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.errors import NotFound, Refused

RESOURCES: Mapping[str, tuple[str, ...]] = {
    "lead": ("view", "create", "edit", "delete", "assign", "bulk", "import", "export"),
    "company": ("view", "create", "edit", "delete", "assign"),
    "contact": ("view", "create", "edit", "delete", "assign"),
    "activity": ("create", "edit", "delete"),
    "customer": ("view", "export"),
    "alert": ("create", "edit", "delete", "assign"),
    "pipeline": ("view", "configure"),
    "field": ("configure",),
    "person": ("view", "configure"),
    "team": ("view", "configure"),
    "role": ("view", "configure"),
    "report": ("view", "export"),
    "settings": ("configure",),
    "audit": ("view",),
}
SCOPES = ("none", "own", "team", "all")


@dataclass(frozen=True, slots=True)
class Reach:
    """How far one (resource, action) goes: everything, these teams, and/or one's own."""

    everywhere: bool = False
    teams: frozenset[int] = frozenset()
    own: bool = False

    @property
    def is_none(self) -> bool:
        return not (self.everywhere or self.teams or self.own)

    def covers(self, *, team_id: int | None, owner_id: int | None, person_id: int) -> bool:
        """Whether a record of that team and owner lies within."""
        return self.everywhere or team_id in self.teams or (self.own and owner_id == person_id)

    def __or__(self, other: Reach) -> Reach:
        return Reach(self.everywhere or other.everywhere, self.teams | other.teams, self.own or other.own)

    @property
    def scope(self) -> str:
        """The database's word for it: none, own, team, mixed or all."""
        if self.everywhere:
            return "all"
        if self.teams:
            return "mixed" if self.own else "team"
        return "own" if self.own else "none"


@dataclass(frozen=True, slots=True)
class Membership:
    """One role in one team (or, for admins, without a team), with the teams it reaches: the team and those below."""

    team_id: int | None
    team: str | None
    role_id: int
    role: str
    reaches: frozenset[int]
    grants: Mapping[tuple[str, str], str]


@dataclass(frozen=True)
class Person:
    """A person who acts, as of one access stamp. Immutable; looked up afresh when the stamp moves."""

    id: int
    email: str
    name: str
    time_zone: str
    memberships: tuple[Membership, ...] = ()
    stamp: int = 0
    is_read_only: bool = False
    views: dict[tuple[str, str], str] = field(default_factory=dict, compare=False, repr=False)
    """What `acting_as` has worked out for (resource, action) already."""
    _reaches: dict[tuple[str, str], Reach] = field(default_factory=dict, compare=False, repr=False)

    def reach(self, resource: str, action: str) -> Reach:
        """The union of what this person's roles grant for (resource, action)."""
        key = (resource, action)
        found = self._reaches.get(key)
        if found is None:
            found = self._reaches[key] = self._work_out(key)
        return found

    def _work_out(self, key: tuple[str, str]) -> Reach:
        if self.is_read_only and key[1] not in ("view", "export"):
            return Reach()
        everywhere, teams, own = False, set[int](), False
        for membership in self.memberships:
            scope = membership.grants.get(key, "none")
            everywhere |= scope == "all"
            own |= scope == "own"
            if scope == "team":
                teams |= membership.reaches
        return Reach(everywhere, frozenset(teams), own)

    def may(self, resource: str, action: str) -> bool:
        return not self.reach(resource, action).is_none

    def may_write(self, resource: str) -> bool:
        """Whether they change such records at all, in whichever way and wherever."""
        return any(self.may(resource, action) for action in ("create", "edit", "delete", "configure"))

    def require(self, resource: str, action: str) -> Reach:
        """The reach, or `Refused` in words that name the missing grant."""
        reach = self.reach(resource, action)
        if reach.is_none:
            raise missing_grant(resource, action)
        return reach

    @cached_property
    def team_ids(self) -> frozenset[int]:
        return frozenset().union(*(m.reaches for m in self.memberships)) if self.memberships else frozenset()

    @property
    def is_admin(self) -> bool:
        """Whether they look after people everywhere: what the People page asks for."""
        return self.reach("person", "configure").everywhere


def missing_grant(resource: str, action: str, *, here: bool = False) -> Refused:
    """`here`: they hold the grant, but not for this record's team or owner."""
    where = " for this record" if here else ""
    return Refused(f"Your role does not let you {action} {_plural(resource)}{where}. An admin can grant “{resource}: {action}”.", grant=f"{resource}: {action}")


def _plural(resource: str) -> str:
    return {"company": "companies", "activity": "activities", "person": "people", "audit": "the audit", "settings": "settings"}.get(resource, resource + "s")


# Whoever runs the command line on the server: reaches everything; recorded as nobody in particular.
OPERATOR = Person(
    id=0, email="", name="command line", time_zone="UTC",
    memberships=(Membership(None, None, 0, "operator", frozenset(), {(r, a): "all" for r, actions in RESOURCES.items() for a in actions}),),
)  # fmt: skip


_PERSON = text("""
    with recursive below (root, id) as (
        select t.id, t.id from crm.teams as t
        union
        select b.root, t.id from crm.teams as t join below as b on t.parent_id = b.id
    )
    select p.id, p.email, p.name, p.time_zone, p.disabled_at is not null as is_disabled,
        (select version from crm.access_stamps where id = 1) as stamp,
        coalesce(
            (select jsonb_agg(jsonb_build_object(
                'team_id', m.team_id, 'team', t.name, 'role_id', m.role_id, 'role', r.name,
                'reaches', (select jsonb_agg(b.id) from below as b where b.root = m.team_id),
                'grants', (select jsonb_agg(jsonb_build_array(g.resource, g.action, g.scope)) from crm.grants as g where g.role_id = m.role_id)
            ) order by t.name nulls first)
            from crm.memberships as m
            join crm.roles as r on r.id = m.role_id
            left join crm.teams as t on t.id = m.team_id
            where m.person_id = p.id), '[]'::jsonb) as memberships
    from crm.people as p
    where p.id = :person_id
""")


def load(session: Session, person_id: int) -> Person:
    """The person as of now. Runs as the system role. Disabled and missing people are both `NotFound`."""
    row = session.execute(_PERSON, {"person_id": person_id}).mappings().one_or_none()
    if row is None or row["is_disabled"]:
        raise NotFound("There is no such person, or they are disabled.")
    return Person(
        id=row["id"], email=row["email"], name=row["name"], time_zone=row["time_zone"], stamp=row["stamp"],
        memberships=tuple(_membership(m) for m in row["memberships"]),
    )  # fmt: skip


def _membership(row: Mapping[str, Any]) -> Membership:
    grants: Iterable[tuple[str, str, str]] = row["grants"] or ()
    return Membership(
        team_id=row["team_id"], team=row["team"], role_id=row["role_id"], role=row["role"],
        reaches=frozenset(row["reaches"] or ()), grants={(resource, action): scope for resource, action, scope in grants},
    )  # fmt: skip
