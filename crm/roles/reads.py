"""Roles for screens: each with its grid, what it closes, and how many people hold it. For those who may see roles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import missing_grant, person_of
from crm.changes.records import type_of
from crm.errors import NotFound
from crm.fields.catalogue import catalogue, own_catalogue
from crm.fields.rules import RECORD_TYPES


@dataclass(frozen=True, slots=True)
class Cell:
    """One grant as it stands; `id` and `version` name the record that an edit changes (0: there is none yet)."""

    id: int
    version: int
    scope: str


NO_CELL = Cell(0, 0, "none")


@dataclass(frozen=True, slots=True)
class FieldRule:
    id: int
    version: int
    rule: str


@dataclass(frozen=True, slots=True)
class Role:
    """One role. `people` hold it and can sign in; `disabled` hold it too."""

    id: int
    version: int
    name: str
    description: str
    is_shipped: bool
    is_organisation_wide: bool
    people: int
    disabled: int
    grants: Mapping[tuple[str, str], Cell]
    fields: Mapping[tuple[str, str], FieldRule]

    def cell(self, resource: str, action: str) -> Cell:
        return self.grants.get((resource, action), NO_CELL)


_ROLES = text("""
    select r.id, r.version, r.name, r.description, r.is_shipped, r.is_organisation_wide,
        count(distinct p.id) filter (where p.disabled_at is null) as people, count(distinct p.id) filter (where p.disabled_at is not null) as disabled
    from crm.roles as r
    left join crm.memberships as m on m.role_id = r.id
    left join crm.people as p on p.id = m.person_id
    where r.deleted_at is null
    group by r.id
    order by r.is_organisation_wide desc, r.id
""")
_GRANTS = text("select role_id, resource, action, id, version, scope from crm.grants where deleted_at is null")
_FIELDS = text("select role_id, record_type, field, id, version, rule from crm.field_rules where deleted_at is null")


def list_roles(session: Session) -> list[Role]:
    """Every role with its grid. Raises `Refused`."""
    person = person_of(session)
    if not person.require("role", "view").everywhere:
        raise missing_grant("role", "view", everywhere=True)
    grants: dict[int, dict[tuple[str, str], Cell]] = {}
    for role_id, resource, action, *cell in session.execute(_GRANTS):
        grants.setdefault(role_id, {})[resource, action] = Cell(*cell)
    fields: dict[int, dict[tuple[str, str], FieldRule]] = {}
    for role_id, record_type, name, *rule in session.execute(_FIELDS):
        fields.setdefault(role_id, {})[record_type, name] = FieldRule(*rule)
    return [Role(**row, grants=grants.get(row["id"], {}), fields=fields.get(row["id"], {})) for row in session.execute(_ROLES).mappings()]


def one_role(session: Session, role_id: int) -> Role:
    """Raises `NotFound`, `Refused`."""
    found = next((role for role in list_roles(session) if role.id == role_id), None)
    if found is None:
        raise NotFound("There is no such role.")
    return found


_ORDER = list(RECORD_TYPES)


def custom_fields(session: Session) -> list[tuple[str, str]]:
    """(record type, name) of the custom fields there are: of leads, then of companies, then of contacts."""
    return sorted({(field.record_type, field.name) for field in own_catalogue(session).fields}, key=lambda each: (_ORDER.index(each[0]), each[1]))


def field_label(session: Session, record_type: str, name: str) -> str:
    """What people call a field that a role may close; a custom one by its label of now."""
    return catalogue(session).label(record_type, name) if name.startswith("custom.") else type_of(record_type).recorded(name).label
