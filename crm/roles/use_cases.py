"""Shaping roles: new ones, names, grants, what they show of fields. Edits are lists, so that a draft can hold them before they are applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from crm.changes import Edit, Outcome, apply, delete_edit
from crm.roles import rules
from crm.roles.reads import Role, one_role
from crm.roles.records import FIELD_RULE, GRANT, ROLE

Grid = Mapping[tuple[str, str], str]
"""(resource, action) -> scope, or (record type, field) -> rule."""


def add_role(
    session: Session, name: str, *, like: int | None = None, is_own_only: bool = False, description: str = "", is_organisation_wide: bool = False, source: str
) -> Outcome:
    """A new role: a copy of another, or one that grants nothing. Its id is the first result's. Raises `Invalid`, `Refused`.

    `is_own_only`: where the other reaches its team or everything, the copy reaches what its holder owns. What nobody can own stays as it is.
    """
    original = one_role(session, like) if like else None
    values = {
        "name": name, "description": description or (original.description if original else ""),
        "is_organisation_wide": original.is_organisation_wide if original else is_organisation_wide,
    }  # fmt: skip
    label = f"New role {name}".strip()
    with session.begin_nested():  # the role with all its grants, or nothing
        made = apply(session, [Edit(ROLE.name, None, values)], source=source, label=label, on_conflict="refuse")
        role_id = made.results[0].record_id
        edits = [
            Edit(
                GRANT.name,
                None,
                {
                    "role_id": role_id,
                    "resource": resource,
                    "action": action,
                    "scope": _scope(original, resource, action, scopes, is_own_only=is_own_only),
                },
            )
            for (resource, action), scopes in rules.cells(is_organisation_wide=bool(values["is_organisation_wide"])).items()
        ]
        edits += [
            Edit(FIELD_RULE.name, None, {"role_id": role_id, "record_type": record_type, "field": field, "rule": rule.rule})
            for (record_type, field), rule in (original.fields if original else {}).items()
        ]
        apply(session, edits, source=source, label=label, on_conflict="refuse", change_set_id=made.change_set_id)
    return made


def _scope(original: Role | None, resource: str, action: str, scopes: Sequence[str], *, is_own_only: bool) -> str:
    scope = original.cell(resource, action).scope if original else "none"
    if is_own_only and "own" in scopes and rules.is_more(scope, "own"):
        return "own"
    return scope if scope in scopes else "none"


def role_edits(role: Role, *, name: str | None = None, description: str | None = None, grants: Grid | None = None, fields: Grid | None = None) -> list[Edit]:
    """What makes the role, as it was seen, so: only what differs. A rule of "open" lifts it."""
    named = {"name": name, "description": description}
    wanted = {key: value for key, value in named.items() if value is not None and value != getattr(role, key)}
    edits = [Edit(ROLE.name, role.id, wanted, role.version)] if wanted else []
    edits += [edit for cell, scope in (grants or {}).items() if (edit := _grant_edit(role, cell, scope))]
    return edits + [edit for field, rule in (fields or {}).items() if (edit := _field_edit(role, field, rule))]


def _grant_edit(role: Role, cell: tuple[str, str], scope: str) -> Edit | None:
    stands = role.cell(*cell)
    if stands.scope == scope:
        return None
    if stands.id:
        return Edit(GRANT.name, stands.id, {"scope": scope}, stands.version)
    return Edit(GRANT.name, None, {"role_id": role.id, "resource": cell[0], "action": cell[1], "scope": scope})


def _field_edit(role: Role, field: tuple[str, str], rule: str) -> Edit | None:
    stands = role.fields.get(field)
    if (stands.rule if stands else "open") == rule:
        return None
    if stands is None:
        return Edit(FIELD_RULE.name, None, {"role_id": role.id, "record_type": field[0], "field": field[1], "rule": rule})
    if rule == "open":
        return delete_edit(FIELD_RULE.name, stands.id, stands.version)
    return Edit(FIELD_RULE.name, stands.id, {"rule": rule}, stands.version)


def save_role(session: Session, edits: Sequence[Edit], *, name: str, source: str) -> Outcome:
    """Write what `role_edits` made, all or nothing. Acts on open pages and the API within five seconds. Raises `Stale`, `Refused`, `Invalid`."""
    return apply(session, edits, source=source, label=f"Role {name}", on_conflict="refuse")


def remove_role(session: Session, role_id: int, seen_version: int, *, source: str) -> Outcome:
    """Remove a role that nobody holds; undo brings it back. Raises `Invalid`, `Refused`, `Stale`."""
    return apply(session, [delete_edit(ROLE.name, role_id, seen_version)], source=source, label="Role removed", on_conflict="refuse")
