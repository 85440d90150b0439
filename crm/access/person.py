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
    "goal": ("configure",),
    "person": ("view", "configure", "view_as"),
    "team": ("view", "configure"),
    "role": ("view", "configure"),
    "report": ("view", "export"),
    "view": ("create", "edit", "delete", "share"),
    "template": ("view", "create", "edit", "delete", "assign"),
    "settings": ("configure",),
    "audit": ("view", "export"),
}
SCOPES = ("none", "own", "team", "all")
_WHOLE = ("none", "all")
_NO_OWNER = ("none", "team", "all")
_SCOPES_OF: Mapping[tuple[str, str], tuple[str, ...]] = {
    **{(resource, action): _WHOLE for resource in ("role", "settings", "audit") for action in RESOURCES[resource]}, ("role", "view"): _NO_OWNER,
    ("field", "configure"): _NO_OWNER, ("goal", "configure"): _NO_OWNER,
    **{("template", action): _NO_OWNER for action in RESOURCES["template"]},
    ("person", "configure"): _WHOLE, ("person", "view_as"): _WHOLE, ("team", "configure"): _WHOLE,
    **{(resource, action): _NO_OWNER for resource in ("pipeline", "person", "team") for action in ("view", "configure") if (resource, action)
       not in (("person", "configure"), ("team", "configure"))},
}  # fmt: skip


def scopes_of(resource: str, action: str, *, is_organisation_wide: bool = False) -> tuple[str, ...]:
    """What a role may be granted for (resource, action): what belongs to no one has no “own”, a role without a team no “team”."""
    found = _SCOPES_OF.get((resource, action), SCOPES)
    return tuple(scope for scope in found if scope != "team" or not is_organisation_wide)


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
    fields: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(record type, field) -> "hidden" or "read_only", for the fields that the role does not open."""


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
    viewed_by_id: int = 0
    """Who looks at the app as this person; 0 when it is themselves."""
    viewed_by: str = ""
    views: dict[tuple[str, str], str] = field(default_factory=dict, compare=False, repr=False)
    """What `acting_as` has worked out for (resource, action) already."""
    _reaches: dict[tuple[str, str], Reach] = field(default_factory=dict, compare=False, repr=False)
    _fields: dict[str, Mapping[str, str]] = field(default_factory=dict, compare=False, repr=False)

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

    def fields_not_open(self, record_type: str) -> Mapping[str, str]:
        """Field -> "hidden" or "read_only", for what not one of their roles opens: over several roles the most open one wins.

        A role that shows no such record opens none of its fields. `record_type` is also the resource's word.
        """
        found = self._fields.get(record_type)
        if found is None:
            found = self._fields[record_type] = self._work_out_fields(record_type)
        return found

    def _work_out_fields(self, record_type: str) -> Mapping[str, str]:
        counting = [m for m in self.memberships if any(m.grants.get((resource, "view"), "none") != "none" for resource in (record_type, "lead"))]
        rules = [{name: rule for (kind, name), rule in m.fields.items() if kind == record_type} for m in counting or self.memberships]
        shared = set(rules[0]).intersection(*rules) if rules else set()
        return {name: "hidden" if all(each[name] == "hidden" for each in rules) else "read_only" for name in sorted(shared)}

    def hidden_fields(self, record_type: str) -> frozenset[str]:
        """The fields of such records that they may not see."""
        return frozenset(name for name, rule in self.fields_not_open(record_type).items() if rule == "hidden")

    def may(self, resource: str, action: str) -> bool:
        return not self.reach(resource, action).is_none

    def may_write(self, resource: str) -> bool:
        """Whether they change such records at all, in whichever way and wherever."""
        return any(self.may(resource, action) for action in ("create", "edit", "delete", "configure"))

    def require(self, resource: str, action: str) -> Reach:
        """The reach, or `Refused` in words that name the missing grant."""
        reach = self.reach(resource, action)
        if reach.is_none:
            raise Refused(self.viewing_words(), grant=f"{resource}: {action}") if self.is_viewed else missing_grant(resource, action)
        return reach

    @property
    def is_viewed(self) -> bool:
        """Whether somebody else looks as this person."""
        return bool(self.viewed_by_id)

    def viewing_words(self) -> str:
        return f"You see what {self.name} sees, and nothing can be changed meanwhile. Go back to yourself first."

    def refuse_if_viewed(self) -> None:
        """Raise `Refused` while somebody else looks as this person: for what is private to them, and for whatever writes past the walls."""
        if self.is_viewed:
            raise Refused(self.viewing_words(), grant="your own sign-in")

    @cached_property
    def team_ids(self) -> frozenset[int]:
        return frozenset().union(*(m.reaches for m in self.memberships)) if self.memberships else frozenset()


_DOING = {"assign": "hand over", "bulk": "edit many", "view_as": "look as other"}


def missing_grant(resource: str, action: str, *, here: bool = False, everywhere: bool = False) -> Refused:
    """`here`: they hold the grant, but not for this record's team or owner; `everywhere`: not for the whole organisation, which it takes."""
    where = " for the whole organisation" if everywhere else " for this record" if here else ""
    what = f"{_DOING.get(action, action)} {_plural(resource)}"
    return Refused(f"Your role does not let you {what}{where}. An admin can grant “{resource}: {action}”.", grant=f"{resource}: {action}")


def closed_field(record_type: str, name: str, label: str, *, is_hidden: bool, doing: str = "change") -> Refused:
    """Words for a field that is hidden from them or only to be read: which, and what an admin can open."""
    state = "hidden from your role" if is_hidden else "read-only for your role"
    needed = f"{record_type}.{name}: {'view' if is_hidden else 'edit'}"
    return Refused(f"{label} is {state}, so you cannot {doing} it. An admin can open “{needed}”.", grant=needed, field=name)


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
                'grants', (select jsonb_agg(jsonb_build_array(g.resource, g.action, g.scope)) from crm.grants as g
                    where g.role_id = m.role_id and g.scope <> 'none' and g.deleted_at is null),
                'fields', (select jsonb_agg(jsonb_build_array(f.record_type, f.field, f.rule)) from crm.field_rules as f
                    where f.role_id = m.role_id and f.deleted_at is null)
            ) order by t.name nulls first)
            from crm.memberships as m
            join crm.roles as r on r.id = m.role_id and r.deleted_at is null
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
    fields: Iterable[tuple[str, str, str]] = row["fields"] or ()
    return Membership(
        team_id=row["team_id"], team=row["team"], role_id=row["role_id"], role=row["role"],
        reaches=frozenset(row["reaches"] or ()), grants={(resource, action): scope for resource, action, scope in grants},
        fields={(record_type, name): rule for record_type, name, rule in fields},
    )  # fmt: skip
