"""Companies and contacts as the write path knows them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from sqlalchemy import text

from crm.access import person_of
from crm.changes.records import Checks, Field, RecordType, by_name, register
from crm.errors import Invalid
from crm.fields import checks as custom_checks  # noqa: F401 - custom values are typed wherever these records are written
from crm.organisation.rules import read_market


class OwnedChecks(Checks):
    """A new record belongs to its maker's first team, and to its maker where they may add only what is theirs, unless they say otherwise."""

    resource = ""

    @cached_property
    def _teams(self) -> set[int]:
        return set(self.session.scalars(text("select id from crm.teams where deleted_at is null")))

    def settle(self, current: Mapping[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
        if wanted.get("market"):
            wanted["market"] = read_market(wanted["market"])
        if wanted.get("team_id") and wanted["team_id"] not in self._teams:
            raise Invalid("There is no such team any more. Choose another one.", field="team_id")
        if current is not None:
            return wanted
        person = person_of(self.session)
        if not wanted.get("name"):
            raise Invalid("Give it a name.", field="name")
        if "team_id" not in wanted:
            wanted["team_id"] = next((m.team_id for m in person.memberships if m.team_id), None)
        reach = person.reach(self.resource, "create")
        if "owner_id" not in wanted and reach.own and not reach.covers(team_id=wanted["team_id"], owner_id=None, person_id=person.id):
            wanted["owner_id"] = person.id
        return wanted


class CompanyChecks(OwnedChecks):
    resource = "company"


class ContactChecks(OwnedChecks):
    resource = "contact"


COMPANY = register(
    RecordType(
        name="company",
        table="crm.companies",
        label="Company",
        resource="company",
        fields=by_name(
            Field("name", "Name", is_required=True),
            Field("team_id", "Team", "id"),
            Field("owner_id", "Owner", "id"),
            Field("market", "Market"),
            Field("website", "Website"),
            Field("phone", "Phone"),
            Field("merged_into_id", "Merged into", "id", refers_to="crm.companies"),
        ),
        checks=CompanyChecks,
        has_custom=True,
        rank=3,
    )
)

CONTACT = register(
    RecordType(
        name="contact",
        table="crm.contacts",
        label="Contact",
        resource="contact",
        fields=by_name(
            Field("name", "Name", is_required=True),
            Field("company_id", "Company", "id", refers_to="crm.companies"),
            Field("email", "Mail"),
            Field("phone", "Phone"),
            Field("title", "Title"),
            Field("team_id", "Team", "id"),
            Field("owner_id", "Owner", "id"),
            Field("merged_into_id", "Merged into", "id", refers_to="crm.contacts"),
        ),
        checks=ContactChecks,
        has_custom=True,
        rank=1,
    )
)
