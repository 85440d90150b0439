"""In what do two roles differ: in what they may do, and in which fields they close? For those who may see roles everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import RESOURCES, person_of
from crm.errors import NotFound
from crm.permissions.explaining import require_every_role
from crm.roles.reads import field_label

THINGS: Mapping[str, str] = {
    "company": "companies", "activity": "activities", "person": "people", "audit": "the audit", "settings": "the organisation's settings",
}  # fmt: skip
VERBS: Mapping[str, str] = {
    "view": "see {}", "create": "add {}", "edit": "edit {}", "delete": "delete {}", "assign": "hand over {}", "bulk": "edit many {} at once",
    "import": "import {}", "export": "export {}", "configure": "configure {}", "view_as": "look at the app as other {}", "send": "send {}",
}  # fmt: skip
RULES: Mapping[str, str] = {"open": "open", "read_only": "read only", "hidden": "hidden"}
SCOPES: Mapping[str, str] = {"none": "not at all", "own": "their own", "team": "of their teams", "all": "everywhere"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One grant in which two roles differ; scopes as the grants name them."""

    resource: str
    action: str
    one: str
    other: str

    @property
    def grant(self) -> str:
        return f"{self.resource}: {self.action}"

    @property
    def said(self) -> str:
        return said(self.resource, self.action)


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """One field that two roles show differently; `one` and `other` are rules of `RULES`."""

    record_type: str
    field: str
    said: str
    one: str
    other: str


def said(resource: str, action: str) -> str:
    """ "Hand over leads"."""
    phrase = VERBS.get(action, action.replace("_", " ") + " {}").format(THINGS.get(resource, resource + "s"))
    return phrase[0].upper() + phrase[1:]


def role_choices(session: Session) -> dict[int, str]:
    """Every role by id, the organisation-wide ones first."""
    require_every_role(person_of(session))
    return {row.id: row.name for row in session.execute(text("select id, name from crm.roles where deleted_at is null order by is_organisation_wide desc, id"))}


def differences(session: Session, one_id: int, other_id: int) -> list[Difference]:
    """Where the two roles' grants differ, in the order of the resources. Raises `NotFound`, `Refused`."""
    _check(session, one_id, other_id)
    scopes: dict[int, dict[tuple[str, str], str]] = {one_id: {}, other_id: {}}
    for row in session.execute(text("select role_id, resource, action, scope from crm.grants where role_id = any(:ids)"), {"ids": [one_id, other_id]}):
        scopes[row.role_id][row.resource, row.action] = row.scope
    found = []
    for resource, actions in RESOURCES.items():
        for action in actions:
            one, other = (scopes[each].get((resource, action), "none") for each in (one_id, other_id))
            if one != other:
                found.append(Difference(resource, action, one, other))
    return found


_RULES = text("select role_id, record_type, field, rule from crm.field_rules where role_id = any(:ids) and deleted_at is null order by record_type desc, field")


def field_differences(session: Session, one_id: int, other_id: int) -> list[FieldDifference]:
    """Which fields the one role closes and the other does not, or not as much. Raises `NotFound`, `Refused`."""
    _check(session, one_id, other_id)
    rules: dict[tuple[str, str], dict[int, str]] = {}
    for row in session.execute(_RULES, {"ids": [one_id, other_id]}):
        rules.setdefault((row.record_type, row.field), {})[row.role_id] = row.rule
    return [
        FieldDifference(record_type, name, f"{field_label(session, record_type, name)} of {THINGS.get(record_type, record_type + 's')}", one, other)
        for (record_type, name), of in rules.items()
        if (one := of.get(one_id, "open")) != (other := of.get(other_id, "open"))
    ]


def _check(session: Session, *role_ids: int) -> None:
    known = role_choices(session)
    if not all(role_id in known for role_id in role_ids):
        raise NotFound("There is no such role.")
