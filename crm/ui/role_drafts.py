"""A role's draft: what is typed into its grid is kept in the database, so that a reload or another day finds it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from crm.changes import Edit
from crm.configuration.drafts import Draft, DraftEdit, discard_draft, keep_draft, open_draft
from crm.roles.reads import Cell, FieldRule, Role
from crm.roles.records import FIELD_RULE, GRANT
from crm.roles.use_cases import Grid


def subject_of(role_id: int) -> str:
    return f"role:{role_id}"


def kept(session: Session, role: Role, edits: Sequence[Edit]) -> Draft | None:
    """Keep these edits as one's draft about the role; none at all forgets it."""
    if not edits:
        discard_draft(session, subject_of(role.id))
        return None
    return keep_draft(session, subject_of(role.id), f"Role {role.name}", [_plain(edit) for edit in edits])


def _plain(edit: Edit) -> DraftEdit:
    wanted = {"deleted_at": True} if edit.wanted.get("deleted_at") else dict(edit.wanted)
    return DraftEdit(edit.record_type, edit.record_id, wanted, edit.seen_version)


def found(session: Session, role: Role) -> tuple[Role, Grid, Grid]:
    """The role as the draft saw it, with the scopes and the rules that the draft wants. Without a draft: as it stands, and nothing."""
    draft = open_draft(session, subject_of(role.id))
    grants: dict[tuple[str, str], str] = {}
    fields: dict[tuple[str, str], str] = {}
    seen_grants, seen_fields = dict(role.grants), dict(role.fields)
    cells = {cell.id: key for key, cell in role.grants.items()}
    rules = {rule.id: key for key, rule in role.fields.items()}
    for edit in draft.edits if draft else ():
        if edit.record_type == GRANT.name and (cell := _key(edit, cells, "resource", "action")):
            grants[cell] = str(edit.wanted.get("scope"))
            if edit.record_id is not None:  # the version that was looked at, not a later one: somebody else's change is then met
                seen_grants[cell] = Cell(edit.record_id, edit.seen_version or 0, role.grants[cell].scope)
        if edit.record_type == FIELD_RULE.name and (field := _key(edit, rules, "record_type", "field")):
            fields[field] = "open" if edit.removes else str(edit.wanted.get("rule"))
            if edit.record_id is not None:
                seen_fields[field] = FieldRule(edit.record_id, edit.seen_version or 0, role.fields[field].rule)
    return replace(role, grants=seen_grants, fields=seen_fields), grants, fields


def is_behind(newest: Role, edits: Sequence[Edit]) -> bool:
    """Whether somebody has changed one of these records since it was looked at."""
    versions = {(GRANT.name, cell.id): cell.version for cell in newest.grants.values()}
    versions |= {(FIELD_RULE.name, rule.id): rule.version for rule in newest.fields.values()}
    return any(edit.record_id and versions.get((edit.record_type, edit.record_id)) != edit.seen_version for edit in edits)


def _key(edit: DraftEdit, known: dict[int, tuple[str, str]], first: str, second: str) -> tuple[str, str] | None:
    if edit.record_id is not None:
        return known.get(edit.record_id)
    return str(edit.wanted.get(first)), str(edit.wanted.get(second))
