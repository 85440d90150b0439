"""The goal as the write path knows it: a team's or somebody's in it, once for each quarter."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from crm.changes.records import Checks, Field, RecordType, by_name, register
from crm.errors import Invalid
from crm.goals.reads import starts_in
from crm.goals.rules import quarter_start
from crm.money import read_amount

_IN_TEAM = text("""
    select true from crm.people as p
    where p.id = :person and p.disabled_at is null and exists (select from crm.memberships as m where m.person_id = p.id and m.team_id = :team)
""")
_TAKEN = text("""
    select true from crm.goals
    where team_id = :team_id and person_id is not distinct from cast(:person_id as bigint) and starts_on = :starts_on and deleted_at is null
        and id is distinct from cast(:id as bigint)
""")


class Usd(Field):
    """An amount of USD in one column."""

    def read(self, given: Any) -> Any:
        if given is None or isinstance(given, bool) or (isinstance(given, str) and not given.strip()):
            raise Invalid(f"{self.label} cannot be empty.", field=self.name)
        return read_amount(given, field=self.name)

    def read_plain(self, plain: Any) -> Any:
        return None if plain is None else read_amount(plain, field=self.name)


class GoalChecks(Checks):
    """More than nothing, for a team there is or somebody who has a place in it, once a quarter."""

    def settle(self, current: Mapping[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
        if current is not None and wanted.keys() & {"team_id", "person_id", "starts_on"}:
            raise Invalid("A goal stays its team's, its person's and its quarter's. Set another one instead.", field="starts_on")
        if wanted.get("deleted_at"):
            return wanted
        after = {"person_id": None, **(current or {}), **wanted}
        if current is None:
            self._check_new(after)
        if not isinstance(after.get("amount_usd"), Decimal) or after["amount_usd"] <= 0:
            raise Invalid("A goal is more than nothing. Empty its cell to have none.", field="amount_usd")
        if self.session.scalar(_TAKEN, {"id": None, **{name: after.get(name) for name in ("id", "team_id", "person_id", "starts_on")}}):
            raise Invalid("There is a goal for that quarter already. Look at it anew, and change that one.", field="starts_on")
        return wanted

    def _check_new(self, after: Mapping[str, Any]) -> None:
        for name, words in (("team_id", "Say whose goal it is: a team, or somebody in it."), ("starts_on", "Say which quarter the goal is for.")):
            if not after.get(name):
                raise Invalid(words, field=name)
        if not self.session.scalar(text("select true from crm.teams where id = :id and deleted_at is null"), {"id": after["team_id"]}):
            raise Invalid("There is no such team.", field="team_id")
        if after["person_id"] and not self.session.scalar(_IN_TEAM, {"person": after["person_id"], "team": after["team_id"]}):
            raise Invalid("This person has no place in the team, or is disabled.", field="person_id")
        begins = quarter_start(after["starts_on"], starts_in(self.session))
        if begins != after["starts_on"]:
            raise Invalid(f"No quarter begins on {after['starts_on']:%-d %b %Y}; the one of that day begins on {begins:%-d %b %Y}.", field="starts_on")


GOAL = register(
    RecordType(
        name="goal",
        table="crm.goals",
        label="Goal",
        resource="goal",
        fields=by_name(
            Field("team_id", "Team", "id", is_required=True),
            Field("person_id", "Person", "id"),
            Field("starts_on", "Quarter", "date", is_required=True),
            Usd("amount_usd", "Amount", "share", is_required=True),
        ),
        checks=GoalChecks,
        grant="configure",
        owner_sql="null::bigint",
    )
)
