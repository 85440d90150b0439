"""Decisions about leads: no session, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from crm.errors import Invalid
from crm.pipelines.reads import PipelineRow, StageRow

FIELD_WORDS = {
    "expected_close_on": "an expected close date", "value": "a value", "owner_id": "an owner", "next_step": "a next step",
    "company_id": "a company", "email": "a mail address", "phone": "a phone number", "lost_reason": "a lost reason", "source": "a source",
}  # fmt: skip


def default_pipeline(pipelines: Iterable[PipelineRow], team_ids: Sequence[int]) -> PipelineRow:
    """The first pipeline of the team, or else of the nearest team above it that has one. Raises `Invalid`."""
    for team_id in team_ids:
        for pipeline in pipelines:
            if pipeline.team_id == team_id and pipeline.stages:
                return pipeline
    raise Invalid("This team has no pipeline yet. Ask an admin to add one.", field="pipeline_id")


def check_pipeline(pipeline: PipelineRow | None, team_ids: Sequence[int]) -> PipelineRow:
    """The pipeline, if it belongs to the lead's team or to one above it."""
    if pipeline is None or pipeline.team_id not in team_ids:
        raise Invalid("This pipeline does not belong to the lead's team. Choose one of the team's pipelines.", field="pipeline_id")
    return pipeline


def check_stage(stage_id: int, pipeline: PipelineRow) -> StageRow:
    """The stage, if it is one of the pipeline's."""
    for stage in pipeline.stages:
        if stage.id == stage_id:
            return stage
    names = ", ".join(stage.name for stage in pipeline.stages)
    raise Invalid(f"This stage is not part of “{pipeline.name}”. Its stages are: {names}.", field="stage_id")


def check_entry(stage: StageRow, after: Mapping[str, Any], labels: Mapping[str, str] | None = None) -> None:
    """What the stage wants filled before a lead may enter. `labels`: what `custom.<key>` is called."""
    missing = [name for name in stage.required_fields if _value(name, after) in (None, "")]
    if missing:
        words = " and ".join(FIELD_WORDS.get(name) or (labels or {}).get(name) or name.removeprefix("custom.") for name in missing)
        raise Invalid(f"{stage.name} needs {words}. Fill it in and move the lead again.", field="stage_id", missing=missing)


def _value(name: str, after: Mapping[str, Any]) -> Any:
    """A custom field's new value stands under its own name, its old one among the others."""
    if name.startswith("custom.") and name not in after:
        return (after.get("custom") or {}).get(name.removeprefix("custom."))
    return after.get(name)
