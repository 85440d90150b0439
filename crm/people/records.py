"""People and teams as the write path knows them. Passwords and sessions are the machinery's, not records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from email_validator import EmailNotValidError, validate_email

from crm.access import person_of
from crm.changes.records import Checks, Field, RecordType, register
from crm.errors import Invalid


class PersonChecks(Checks):
    """A mail address that can exist, a time zone that does, and nobody disables themselves."""

    def settle(self, current: Mapping[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
        if current is None and not (wanted.get("email") and wanted.get("name")):
            raise Invalid("A person needs a mail address and a name.", field="email")
        if wanted.get("email"):
            wanted["email"] = read_email(wanted["email"])
        if wanted.get("time_zone"):
            try:
                ZoneInfo(wanted["time_zone"])
            except (KeyError, ValueError, OSError):
                raise Invalid(f"“{wanted['time_zone']}” is not a time zone. Write it as Asia/Dubai.", field="time_zone") from None
        if current is not None and wanted.get("disabled_at") and current["id"] == person_of(self.session).id:
            raise Invalid("You cannot disable yourself. Ask another admin.", field="disabled_at")
        return wanted


def read_email(given: str) -> str:
    """The address in the one form it is kept in. Raises `Invalid`."""
    try:
        return validate_email(given.strip(), check_deliverability=False, test_environment=True).normalized.lower()
    except EmailNotValidError as error:
        raise Invalid(f"“{given}” is not a mail address: {error}", field="email") from None


PERSON = register(
    RecordType(
        name="person",
        table="crm.people",
        label="Person",
        resource="person",
        fields={
            f.name: f
            for f in (
                Field("email", "Mail", is_required=True),
                Field("name", "Name", is_required=True),
                Field("time_zone", "Time zone", is_required=True),
                Field("disabled_at", "Disabled", "moment"),
            )
        },
        checks=PersonChecks,
        grant="configure",
        own_fields=frozenset({"name", "time_zone"}),
        team_sql="null::bigint",
        owner_sql="null::bigint",
        is_deletable=False,
    )
)

TEAM = register(
    RecordType(
        name="team",
        table="crm.teams",
        label="Team",
        resource="team",
        fields={f.name: f for f in (Field("name", "Name", is_required=True), Field("parent_id", "Part of", "id"))},
        grant="configure",
        team_sql="null::bigint",
        owner_sql="null::bigint",
    )
)
