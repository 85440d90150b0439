"""Roles, their grants and what they show of fields, as the write path knows them. Nobody grants what they do not hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from crm.access import RESOURCES, person_of, scopes_of
from crm.changes.records import Checks, Field, RecordType, register, type_of
from crm.errors import Invalid, Refused
from crm.roles import rules

_HELD_IN = text("select array_agg(m.team_id) filter (where m.team_id is not null), coalesce(bool_or(m.person_id = :me), false)"
                " from crm.memberships as m where m.role_id = :role")  # fmt: skip
_IS_WIDE = text("select is_organisation_wide from crm.roles where id = :role and deleted_at is null")
_CLOSED = text("select record_type, field, rule from crm.field_rules where role_id = :role and deleted_at is null")
_SHOWN = text("select resource from crm.grants where role_id = :role and action = 'view' and scope <> 'none' and deleted_at is null")
_HOLDERS = text("select count(*) from crm.memberships where role_id = :role")


class RoleChecks(Checks):
    """A role has a name; one that somebody holds, or that came with the app, stays."""

    def settle(self, current: Mapping[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
        if current is None:
            if not wanted.get("name"):
                raise Invalid("Give the role a name.", field="name")
            return {"description": "", "is_organisation_wide": False, **{name: value for name, value in wanted.items() if value is not None}}
        if "description" in wanted:
            wanted["description"] = wanted["description"] or ""
        if wanted.get("deleted_at"):
            self._check_unused(current)
        if "is_organisation_wide" in wanted and wanted["is_organisation_wide"] != current["is_organisation_wide"] and self._holders(current["id"]):
            raise Invalid("People hold this role: whether it needs a team cannot change now. Make a new role.", field="is_organisation_wide")
        return wanted

    def _holders(self, role_id: int) -> int:
        return self.session.scalar(_HOLDERS, {"role": role_id}) or 0

    def _check_unused(self, current: Mapping[str, Any]) -> None:
        holders = self._holders(current["id"])
        if holders:
            people = "1 person holds" if holders == 1 else f"{holders:,} people hold"
            raise Invalid(f"{people} the role “{current['name']}”. Give them another one first.", field="deleted_at")
        if self.session.scalar(text("select is_shipped from crm.roles where id = :id"), {"id": current["id"]}):
            raise Invalid("This role came with Throughline and stays. It can be renamed and changed.", field="deleted_at")


class GrantChecks(Checks):
    """A cell that there is, with a scope it takes, as far as the person who grants it holds it too."""

    def settle(self, current: Mapping[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
        after = {**(current or {}), **wanted}
        if wanted.get("deleted_at"):
            return wanted
        if current is not None and {"role_id", "resource", "action"} & wanted.keys():
            raise Invalid("A grant stays in its role and cell; only its scope changes.", field="scope")
        role_id, resource, action, scope = (after.get(name) for name in ("role_id", "resource", "action", "scope"))
        is_wide = self.session.scalar(_IS_WIDE, {"role": role_id})
        if is_wide is None:
            raise Invalid("There is no such role.", field="role_id")
        if action not in RESOURCES.get(str(resource), ()):
            raise Invalid(f"There is no grant “{resource}: {action}”.", field="action")
        allowed = scopes_of(str(resource), str(action), is_organisation_wide=is_wide)
        before = str(current["scope"]) if current and not current.get("deleted_at") else "none"
        if scope not in allowed and scope != before:
            raise Invalid(f"“{resource}: {action}” takes {', '.join(allowed)}.", field="scope")
        if rules.is_more(str(scope), before):
            self._check_held(int(role_id or 0), str(resource), str(action), str(scope))
        if before == "none" and scope != "none" and action == "view" and resource in CLOSABLE:
            self._check_fields(int(role_id or 0), str(resource))
        return wanted

    def _check_held(self, role_id: int, resource: str, action: str, scope: str) -> None:
        person = person_of(self.session)
        teams, is_mine = self.session.execute(_HELD_IN, {"role": role_id, "me": person.id}).one()
        if not rules.is_held(person.reach(resource, action), scope, teams or (), is_mine=is_mine):
            whose = " You hold this role yourself." if is_mine else ""
            raise Refused(
                f"You cannot grant “{resource}: {action}” as far as “{scope}”: you do not hold it that far yourself.{whose} Ask somebody who does.",
                grant=f"{resource}: {action}", field="scope",
            )  # fmt: skip

    def _check_fields(self, role_id: int, resource: str) -> None:
        """A role that begins to show records opens their fields to everybody who holds it."""
        if not self.session.scalar(_HOLDERS, {"role": role_id}):
            return  # whoever gives it to somebody is asked then
        closed = {(row.record_type, row.field): row.rule for row in self.session.execute(_CLOSED, {"role": role_id})}
        shown = {resource, *self.session.scalars(_SHOWN, {"role": role_id})}
        missing = rules.opened_too_far(person_of(self.session), shown, closed)
        if missing is not None:
            raise Refused(
                f"With this grant people who hold the role would hold “{missing}”, which you do not. Close that field in the role first.",
                grant=missing, field="scope",
            )  # fmt: skip


class FieldRuleChecks(Checks):
    """A field that can be closed; nobody opens for others what is closed to themselves."""

    def settle(self, current: Mapping[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
        after = {**(current or {}), **wanted}
        if current is not None and {"role_id", "record_type", "field"} & wanted.keys():
            raise Invalid("A rule stays with its role and field.", field="rule")
        name, record_type = str(after.get("field")), str(after.get("record_type"))
        check_closable(record_type, name)
        is_lifted = bool(wanted.get("deleted_at"))
        if not is_lifted and after.get("rule") not in rules.RULES[1:]:
            raise Invalid("A field is open, read_only or hidden.", field="rule")
        if current is None and self.session.scalar(_IS_WIDE, {"role": after.get("role_id")}) is None:
            raise Invalid("There is no such role.", field="role_id")
        before = str(current["rule"]) if current and not current.get("deleted_at") else "open"
        rule = "open" if is_lifted else str(after["rule"])
        mine = person_of(self.session).fields_not_open(record_type).get(name, "open")
        if rules.is_softer(rule, before) and rules.is_softer(rule, mine):
            needed = f"{record_type}.{name}: {'edit' if mine == 'read_only' else 'view'}"
            raise Refused(f"You cannot open a field that is closed to you: you do not hold “{needed}”. Ask somebody who does.", grant=needed, field="rule")
        return wanted


def check_closable(record_type: str, name: str) -> None:
    """Raises `Invalid` where no role can hide the field: what says which record it is, and where it belongs, is seen with it."""
    kind = type_of(record_type) if record_type in CLOSABLE else None
    if kind is None or (name not in CLOSABLE[record_type] and not (name.startswith("custom.") and kind.field(name))):
        raise Invalid(f"“{name}” cannot be closed.", field="field")


CLOSABLE: Mapping[str, tuple[str, ...]] = {
    "lead": ("value", "expected_close_on", "next_step", "source", "market", "email", "phone", "lost_reason", "external_id"),
    "company": ("market", "website", "phone"),
    "contact": ("email", "phone", "title"),
}
"""Fields that a role can hide, besides custom ones."""


def _fields(*fields: Field) -> Mapping[str, Field]:
    return {field.name: field for field in fields}


ROLE = register(
    RecordType(
        name="role", table="crm.roles", label="Role", resource="role", checks=RoleChecks, grant="configure",
        team_sql="null::bigint", owner_sql="null::bigint",
        fields=_fields(Field("name", "Name", is_required=True), Field("description", "Description"),
                       Field("is_organisation_wide", "For the whole organisation", "flag", is_required=True)),
    )
)  # fmt: skip
_ROLE = Field("role_id", "Role", "id", is_required=True)
GRANT = register(
    RecordType(
        name="grant", table="crm.grants", label="Grant", resource="role", checks=GrantChecks, grant="configure",
        team_sql="null::bigint", owner_sql="null::bigint", rank=8,
        fields=_fields(_ROLE, Field("resource", "Resource", is_required=True), Field("action", "Action", is_required=True),
                       Field("scope", "Scope", is_required=True)),
    )
)  # fmt: skip
FIELD_RULE = register(
    RecordType(
        name="field_rule", table="crm.field_rules", label="Field rule", resource="role", checks=FieldRuleChecks, grant="configure",
        team_sql="null::bigint", owner_sql="null::bigint", rank=8,
        fields=_fields(_ROLE, Field("record_type", "Record", is_required=True), Field("field", "Field", is_required=True),
                       Field("rule", "Rule", is_required=True)),
    )
)  # fmt: skip
