"""The rule that gives new leads to people, as the write path knows it. Whoever configures a team's pipelines keeps its rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from crm.assignment.rules import METHODS, PERSON, read_conditions, read_people
from crm.changes.records import Checks, Field, RecordType, by_name, register
from crm.errors import Invalid
from crm.pipelines.layout import own_layout

_ACTIVE = text("select id from crm.people where id = any(cast(:ids as bigint[])) and disabled_at is null")


class AssignmentRuleChecks(Checks):
    """A rule fits its team, asks for what leads have, and names people who are there to be asked."""

    def settle(self, current: Mapping[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
        if current is None:
            given = {name: value for name, value in wanted.items() if value is not None}
            wanted = {"position": 0, "is_active": True, "conditions": {}, "people": {}, **given}
            for name, words in (("name", "Give the rule a name."), ("team_id", "Say which team's leads the rule is for.")):
                if not wanted.get(name):
                    raise Invalid(words, field=name)
        if wanted.get("deleted_at"):
            return wanted
        after = {**(current or {}), **wanted}
        if after.get("method") not in METHODS:
            raise Invalid(f"A rule assigns by one of: {', '.join(METHODS)}.", field="method")
        if "conditions" in wanted:
            wanted["conditions"] = read_conditions(wanted["conditions"] or {})
        if "people" in wanted:
            wanted["people"] = self._read_people(wanted["people"] or {}, known=read_people((current or {}).get("people") or {}))
        if after["method"] == PERSON and not {**after, **wanted}["people"].get("ids"):
            raise Invalid("Name at least one person who gets these leads.", field="people")
        if {"team_id", "pipeline_id"} & wanted.keys():
            self._check_place(after)
        return wanted

    def _read_people(self, given: Mapping[str, Any], *, known: tuple[int, ...]) -> dict[str, Any]:
        """Somebody who was disabled since may stay in the rule: they are passed over."""
        ids = read_people(given)
        active = set(self.session.scalars(_ACTIVE, {"ids": list(ids)}))
        if any(person not in active and person not in known for person in ids):
            raise Invalid("One of these people does not exist or is disabled. Choose others.", field="people")
        return {"ids": list(ids)} if ids else {}

    def _check_place(self, after: Mapping[str, Any]) -> None:
        standing = own_layout(self.session)
        if after["team_id"] not in standing.parents:
            raise Invalid("There is no such team.", field="team_id")
        line = standing.line(after["team_id"])
        if after.get("pipeline_id") and not any(p.id == after["pipeline_id"] and p.team_id in line for p in standing.pipelines):
            raise Invalid("This pipeline does not belong to the team. Choose one of the team's pipelines.", field="pipeline_id")


ASSIGNMENT_RULE = register(
    RecordType(
        name="assignment_rule",
        table="crm.assignment_rules",
        label="Assignment rule",
        resource="pipeline",
        fields=by_name(
            Field("team_id", "Team", "id", is_required=True),
            Field("name", "Name", is_required=True),
            Field("position", "Position", "int", is_required=True),
            Field("is_active", "Switched on", "flag", is_required=True),
            Field("pipeline_id", "Pipeline", "id"),
            Field("conditions", "Conditions", "json", is_required=True),
            Field("method", "Method", is_required=True),
            Field("people", "People", "json", is_required=True),
        ),
        checks=AssignmentRuleChecks,
        grant="configure",
        owner_sql="null::bigint",
    )
)
