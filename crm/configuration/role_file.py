"""Roles with their grants and closed fields in the configuration file. What nobody may grant, no file can."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from crm.access import RESOURCES, person_of
from crm.configuration.drafts import DraftEdit
from crm.configuration.yaml_reading import flag, known_parts, mapping, words
from crm.errors import Invalid
from crm.roles import rules
from crm.roles.reads import Role, list_roles
from crm.roles.records import CLOSABLE, FIELD_RULE, GRANT, ROLE
from crm.roles.use_cases import Grid, role_edits

ROLE_KEYS = ("description", "organisation_wide", "grants", "fields")


def write(session: Session) -> dict[str, Any]:
    """Every role, for those who may shape roles."""
    person = person_of(session)
    if not (person.reach("role", "configure").everywhere and person.reach("role", "view").everywhere):
        return {}
    return {role.name: _write_role(role) for role in list_roles(session)}


def _write_role(role: Role) -> dict[str, Any]:
    grants: dict[str, dict[str, str]] = {}
    for resource, action in rules.cells(is_organisation_wide=role.is_organisation_wide):
        if (scope := role.cell(resource, action).scope) != "none":
            grants.setdefault(resource, {})[action] = scope
    fields: dict[str, dict[str, str]] = {}
    for (record_type, field), rule in sorted(role.fields.items()):
        fields.setdefault(record_type, {})[field] = rule.rule
    wide = {"organisation_wide": True} if role.is_organisation_wide else {}
    return {"description": role.description, **wide, "grants": grants, "fields": fields}


def read(session: Session, given: Any) -> list[DraftEdit]:
    """The edits that make the named roles so. Raises `Invalid`, and `Refused` for those who may not see roles."""
    known = {role.name.lower(): role for role in list_roles(session)}
    edits: list[DraftEdit] = []
    met: set[str] = set()
    for number, (title, parts) in enumerate(mapping(given, "roles").items(), 1):
        name = words(title, "roles")
        if name.lower() in met:
            raise Invalid(f"The role “{name[:60]}” stands here twice.")
        met.add(name.lower())
        said = mapping(parts, name)
        known_parts(said, ROLE_KEYS, name, "a role")
        role = known.get(name.lower())
        edits += _changes(role, name, said) if role else _new(name, said, ref=f"role.{number}")
    return edits


def _changes(role: Role, name: str, said: Mapping[str, Any]) -> list[DraftEdit]:
    if flag(said, "organisation_wide", name) != role.is_organisation_wide and "organisation_wide" in said:
        raise Invalid(f"{name}: whether a role is for the whole organisation does not change. Make a new role.")
    description = _description(said, name) if "description" in said else None
    grants = _grants(said, name, role, is_wide=role.is_organisation_wide) if "grants" in said else None
    fields = _fields(said, name) if "fields" in said else None
    if fields is not None:
        fields = {**dict.fromkeys(role.fields, "open"), **fields}
    edits = role_edits(role, name=name, description=description, grants=grants, fields=fields)
    return [
        DraftEdit(edit.record_type, edit.record_id, {"deleted_at": True} if edit.wanted.get("deleted_at") else dict(edit.wanted), edit.seen_version)
        for edit in edits
    ]


def _new(name: str, said: Mapping[str, Any], *, ref: str) -> list[DraftEdit]:
    """A role with a row for each cell, as the Roles page makes it."""
    is_wide = flag(said, "organisation_wide", name)
    role = DraftEdit(ROLE.name, None, {"name": name, "description": _description(said, name), "is_organisation_wide": is_wide}, ref=ref)
    grants = [
        DraftEdit(GRANT.name, None, {"role_id": {"ref": ref}, "resource": resource, "action": action, "scope": scope})
        for (resource, action), scope in _grants(said, name, None, is_wide=is_wide).items()
    ]
    rows = [
        DraftEdit(FIELD_RULE.name, None, {"role_id": {"ref": ref}, "record_type": record_type, "field": field, "rule": rule})
        for (record_type, field), rule in _fields(said, name).items()
        if rule != "open"
    ]
    return [role, *grants, *rows]


def _description(said: Mapping[str, Any], name: str) -> str:
    found = said.get("description")
    return words(found, f"{name}, description") if found not in (None, "") else ""


def _grants(said: Mapping[str, Any], name: str, role: Role | None, *, is_wide: bool) -> Grid:
    """Each cell's scope: what the file does not name is not granted. What `role` holds already may stay, whatever it is."""
    cells = rules.cells(is_organisation_wide=is_wide)
    found = dict.fromkeys(cells, "none")
    for resource, actions in mapping(said.get("grants", {}), f"{name}, grants").items():
        known_parts({resource: 0}, tuple(RESOURCES), f"{name}, grants", "this app")
        for action, scope in mapping(actions, f"{name}, {resource}").items():
            if (resource, action) not in cells:
                raise Invalid(f"{name}: there is no grant “{resource}: {action[:60]}”. Take some of: {', '.join(RESOURCES[resource])}.")
            if scope not in cells[resource, action] and not (role and scope == role.cell(resource, action).scope):
                raise Invalid(f"{name}: “{resource}: {action}” takes {', '.join(cells[resource, action])}.")
            found[resource, action] = scope
    return found


def _fields(said: Mapping[str, Any], name: str) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for record_type, fields in mapping(said.get("fields", {}), f"{name}, fields").items():
        known_parts({record_type: 0}, tuple(CLOSABLE), f"{name}, fields", "this app")
        for field, rule in mapping(fields, f"{name}, {record_type}").items():
            if rule not in rules.RULES:
                raise Invalid(f"{name}: {record_type} “{field[:60]}” is one of: {', '.join(rules.RULES)}.")
            found[record_type, field] = rule
    return found
