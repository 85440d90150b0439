"""Pipelines and stages as the write path knows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm.changes.records import Checks, Field, RecordType, register
from crm.errors import Invalid

STAGE_KINDS = ("open", "won", "lost", "dormant")


class StageChecks(Checks):
    """A stage has one of four kinds."""

    def settle(self, current: Mapping[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
        if wanted.get("kind") and wanted["kind"] not in STAGE_KINDS:
            raise Invalid(f"A stage is one of: {', '.join(STAGE_KINDS)}.", field="kind")
        if (wanted.get("target_days") or 0) < 0:
            raise Invalid("Target days cannot be negative.", field="target_days")
        if current is None:
            wanted.setdefault("requirements", {})
        return wanted


PIPELINE = register(
    RecordType(
        name="pipeline",
        table="crm.pipelines",
        label="Pipeline",
        resource="pipeline",
        fields={
            f.name: f
            for f in (
                Field("team_id", "Team", "id", is_required=True),
                Field("name", "Name", is_required=True),
                Field("position", "Position", "int", is_required=True),
            )
        },
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
        fields={
            f.name: f
            for f in (
                Field("pipeline_id", "Pipeline", "id", is_required=True),
                Field("name", "Name", is_required=True),
                Field("kind", "Kind", is_required=True),
                Field("position", "Position", "int", is_required=True),
                Field("probability", "Probability", "share", is_required=True),
                Field("target_days", "Target days", "int"),
                Field("requirements", "Requirements", "json"),
            )
        },
        checks=StageChecks,
        grant="configure",
        team_sql="(select p.team_id from crm.pipelines as p where p.id = r.pipeline_id)",
        owner_sql="null::bigint",
    )
)
