"""People and teams as the write path knows them. Passwords and sessions are the machinery's, not records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import text

from crm.access import person_of
from crm.changes.records import Checks, Field, RecordType, by_name, register
from crm.errors import Invalid, Refused
from crm.organisation.teams import hold_teams


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
        self._check_absence({**(current or {}), **wanted})
        if current is not None and wanted.get("disabled_at") and current["id"] == person_of(self.session).id:
            raise Invalid("You cannot disable yourself. Ask another admin.", field="disabled_at")
        return wanted

    @staticmethod
    def _check_absence(after: Mapping[str, Any]) -> None:
        begins, ends = after.get("absent_from"), after.get("absent_until")
        if ends is not None and begins is None:
            raise Invalid("Say from which day on.", field="absent_from")
        if ends is not None and begins is not None and ends < begins:
            raise Invalid("The last day away comes before the first.", field="absent_until")


class TeamChecks(Checks):
    """Teams make a tree; one that anything hangs on stays; nobody widens their own reach by moving a team under theirs."""

    def settle(self, current: Mapping[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
        if current is None and not wanted.get("name"):
            raise Invalid("Give the team a name.", field="name")
        if wanted.get("deleted_at") and current is not None:
            self._check_empty(current)
        elif wanted.get("parent_id") is not None:
            self._check_parent(current["id"] if current else None, wanted["parent_id"])
        return wanted

    def _check_empty(self, current: Mapping[str, Any]) -> None:
        hold_teams(self.session)
        row = self.session.execute(_HANGS_ON_TEAM, {"id": current["id"]}).one()
        held = [f"{number:,} {word if number == 1 else plural}" for number, (word, plural) in zip(row, _HANGS, strict=True) if number]
        if held:
            raise Invalid(f"“{current['name']}” still has {' and '.join(held)}. Move them elsewhere first.", field="deleted_at")

    def _check_parent(self, team_id: int | None, parent_id: int) -> None:
        parents = hold_teams(self.session)
        if parent_id not in parents:
            raise Invalid("There is no such team.", field="parent_id")
        line: list[int] = []
        above: int | None = parent_id
        while above is not None and above not in line:
            line.append(above)
            above = parents.get(above)
        if team_id is None:
            return
        if team_id in line:
            raise Invalid("A team cannot be part of itself or of a team below it.", field="parent_id")
        self._check_own_reach(team_id, set(line))

    def _check_own_reach(self, team_id: int, line: set[int]) -> None:
        """Whoever works in a team above would reach this one too: somebody who moves it there must do so already."""
        person = person_of(self.session)
        for membership in person.memberships:
            if membership.team_id not in line or team_id in membership.reaches:
                continue
            for (resource, action), scope in sorted(membership.grants.items()):
                reach = person.reach(resource, action)
                if scope == "team" and not reach.everywhere and team_id not in reach.teams:
                    grant = f"{resource}: {action}"
                    raise Refused(f"This would widen your own reach by “{grant}”. Ask somebody who reaches both teams by it.", grant=grant, field="parent_id")


_HANGS = (("person", "people"), ("lead", "leads"), ("pipeline", "pipelines"), ("team below it", "teams below it"))
_HANGS_ON_TEAM = text("""
    select (select count(distinct m.person_id) from crm.memberships as m where m.team_id = :id),
        (select count(*) from crm.leads as l where l.team_id = :id and l.deleted_at is null),
        (select count(*) from crm.pipelines as p where p.team_id = :id and p.deleted_at is null),
        (select count(*) from crm.teams as t where t.parent_id = :id and t.deleted_at is null)
""")


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
        fields=by_name(
            Field("email", "Mail", is_required=True),
            Field("name", "Name", is_required=True),
            Field("time_zone", "Time zone", is_required=True),
            Field("disabled_at", "Disabled", "moment"),
            Field("absent_from", "Away from", "date"),
            Field("absent_until", "Away until", "date"),
        ),
        checks=PersonChecks,
        grant="configure",
        own_fields=frozenset({"name", "time_zone", "absent_from", "absent_until"}),
        team_sql="null::bigint",
        owner_sql="null::bigint",
        is_deletable=False,
        rank=0,  # taken back first: leads go back only to somebody who is enabled
    )
)

TEAM = register(
    RecordType(
        name="team",
        table="crm.teams",
        label="Team",
        resource="team",
        fields=by_name(Field("name", "Name", is_required=True), Field("parent_id", "Part of", "id")),
        checks=TeamChecks,
        grant="configure",
        team_sql="null::bigint",
        owner_sql="null::bigint",
    )
)
