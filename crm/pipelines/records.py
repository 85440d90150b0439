"""Pipelines and stages as the write path knows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.changes.records import Checks, Field, RecordType, by_name, register
from crm.errors import Invalid
from crm.organisation.teams import check_stands
from crm.pipelines.rules import MOST_STAGES, STAGE_KINDS, read_colour, read_requirements

__all__ = ["PIPELINE", "STAGE", "STAGE_KINDS", "leads_follow"]

_FOLLOW = "stages.leads_follow"
# Under the write role, which sees every lead: how many there are is no secret to whoever may remove the stage.
_IN_STAGE = text("select count(*) from crm.leads where stage_id = :id and deleted_at is null")
_OPEN_IN_PIPELINE = text("""
    select count(*) from crm.leads as l join crm.stages as s on s.id = l.stage_id
    where l.pipeline_id = :id and l.deleted_at is null and s.kind = 'open'
""")
_SIBLINGS = text("select count(*) from crm.stages where pipeline_id = :id and deleted_at is null")


@contextmanager
def leads_follow(session: Session, stage_ids: set[int]) -> Iterator[None]:
    """Meanwhile these stages may be removed with leads in them: whoever says so moves the leads in the same change set."""
    session.info[_FOLLOW] = stage_ids
    try:
        yield
    finally:
        del session.info[_FOLLOW]


class PipelineChecks(Checks):
    """A pipeline has a place among its team's; it is not archived under leads that are being worked."""

    def settle(self, current: Mapping[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
        if current is None:
            wanted = {"position": 0, **{name: value for name, value in wanted.items() if value is not None}}
            if not wanted.get("name") or not wanted.get("team_id"):
                raise Invalid("A pipeline needs a name and a team.", field="name")
            check_stands(self.session, wanted["team_id"])
        elif wanted.get("deleted_at") and (count := self.session.scalar(_OPEN_IN_PIPELINE, {"id": current["id"]})):
            raise Invalid(f"{count:,} open leads are in “{current['name']}”. Hand them over or close them first, then archive it.", field="deleted_at")
        elif current is not None and wanted.get("team_id", current["team_id"]) != current["team_id"]:
            raise Invalid("A pipeline stays with its team. Make one for the other team, and hand leads over to it.", field="team_id")
        return wanted


class StageChecks(Checks):
    """A stage has one of four kinds and a name; it is not removed under its leads, and stays in its pipeline."""

    def settle(self, current: Mapping[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
        if wanted.get("kind") and wanted["kind"] not in STAGE_KINDS:
            raise Invalid(f"A stage is one of: {', '.join(STAGE_KINDS)}.", field="kind")
        if not 0 <= (wanted.get("target_days") or 0) <= 3650:
            raise Invalid("Target days are between 0 and 3,650.", field="target_days")
        if wanted.get("colour"):
            wanted["colour"] = read_colour(wanted["colour"])
        if "requirements" in wanted:
            wanted["requirements"] = read_requirements(wanted["requirements"] or {})
        return self._begin(wanted) if current is None else self._go_on(current, wanted)

    def _begin(self, wanted: dict[str, Any]) -> dict[str, Any]:
        wanted = {"kind": "open", "position": 0, "probability": 0, "requirements": {}, **{k: v for k, v in wanted.items() if v is not None}}
        if not wanted.get("name"):
            raise Invalid("Give the stage a name.", field="name")
        if (self.session.scalar(_SIBLINGS, {"id": wanted.get("pipeline_id")}) or 0) >= MOST_STAGES:
            raise Invalid(f"A pipeline has up to {MOST_STAGES} stages.", field="pipeline_id")
        return wanted

    def _go_on(self, current: Mapping[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
        if wanted.get("pipeline_id", current["pipeline_id"]) != current["pipeline_id"]:
            raise Invalid("A stage stays in its pipeline.", field="pipeline_id")
        if wanted.get("deleted_at") and current["id"] not in self.session.info.get(_FOLLOW, ()):
            count = self.session.scalar(_IN_STAGE, {"id": current["id"]})
            if count:
                raise Invalid(f"{count:,} leads are in “{current['name']}”. Say where they go, then remove it.", field="deleted_at")
        return wanted


PIPELINE = register(
    RecordType(
        name="pipeline",
        table="crm.pipelines",
        label="Pipeline",
        resource="pipeline",
        fields=by_name(
            Field("team_id", "Team", "id", is_required=True),
            Field("name", "Name", is_required=True),
            Field("position", "Position", "int", is_required=True),
        ),
        checks=PipelineChecks,
        grant="configure",
        owner_sql="null::bigint",
    )
)

STAGE = register(
    RecordType(
        name="stage",
        table="crm.stages",
        label="Stage",
        resource="pipeline",
        fields=by_name(
            Field("pipeline_id", "Pipeline", "id", is_required=True),
            Field("name", "Name", is_required=True),
            Field("kind", "Kind", is_required=True),
            Field("position", "Position", "int", is_required=True),
            Field("probability", "Probability", "share", is_required=True),
            Field("target_days", "Target days", "int"),
            Field("requirements", "Requirements", "json"),
            Field("colour", "Colour"),
        ),
        checks=StageChecks,
        grant="configure",
        team_sql="(select p.team_id from crm.pipelines as p where p.id = r.pipeline_id)",
        owner_sql="null::bigint",
    )
)
