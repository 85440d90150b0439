"""The template as the write path knows it: a team's or everybody's, its fields known, its name taken once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from crm.access import person_of
from crm.changes.records import Checks, Field, RecordType, by_name, register
from crm.errors import Invalid
from crm.fields.catalogue import catalogue
from crm.organisation.teams import check_stands
from crm.templates.merge_fields import fields_for
from crm.templates.merging import check_known, parse

LONGEST_NAME = 80
_TAKEN = text("""
    select true from crm.templates
    where team_id is not distinct from cast(:team_id as bigint) and lower(name) = lower(:name) and deleted_at is null
        and id is distinct from cast(:id as bigint)
""")


class _Line(Field):
    """Text that may be empty, and is never nothing."""

    def read(self, given: Any) -> Any:
        return super().read(given) or ""


class TemplateChecks(Checks):
    """A name that no other of its team has, a text, and fields that leads of its team have."""

    def settle(self, current: Mapping[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
        if wanted.get("deleted_at"):
            return wanted
        if current is None and "team_id" not in wanted:
            wanted["team_id"] = self._first_team()
        after: dict[str, Any] = {"team_id": None, "subject": "", **(current or {}), **wanted}
        for name, words in (("name", "Give the template a name."), ("body", "Write the text of the template.")):
            if not after.get(name):
                raise Invalid(words, field=name)
        if len(after["name"]) > LONGEST_NAME:
            raise Invalid(f"A template's name takes up to {LONGEST_NAME} characters.", field="name")
        if "team_id" in wanted:
            check_stands(self.session, wanted["team_id"])
        if self.session.scalar(_TAKEN, {"id": after.get("id"), "team_id": after["team_id"], "name": after["name"]}):
            raise Invalid(f"Another template here is called “{after['name']}”. Give one of them another name.", field="name")
        if wanted.keys() & {"subject", "body", "team_id"} and not self.session.info.get("undoing"):
            self._check_fields(after)
        return wanted

    def _first_team(self) -> int | None:
        """The maker's first team that they write templates for; everybody's for who has none."""
        person = person_of(self.session)
        return next((m.team_id for m in person.memberships if m.team_id in person.reach("template", "create").teams), None)

    def _check_fields(self, after: Mapping[str, Any]) -> None:
        known = fields_for(catalogue(self.session), after["team_id"])
        for name in ("subject", "body"):
            check_known(parse(after[name], field=name), known, field=name)


TEMPLATE = register(
    RecordType(
        name="template",
        table="crm.templates",
        label="Template",
        resource="template",
        fields=by_name(
            Field("team_id", "Team", "id"),
            Field("name", "Name", is_required=True),
            _Line("subject", "Subject"),
            Field("body", "Text", "long_text", is_required=True),
        ),
        checks=TemplateChecks,
        owner_sql="null::bigint",
    )
)
