"""Decisions about leads: no session, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from crm.errors import Invalid
from crm.pipelines.reads import PipelineRow, StageRow
from crm.pipelines.rules import ACTIVITY_WORDS, FIELD_WORDS

__all__ = ["FIELD_WORDS", "check_activity", "check_entry", "check_pipeline", "check_stage", "default_pipeline"]


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
    """What the stage wants filled before a lead may enter; a lost reason, where it lists some, is one of them.

    `labels`: what `custom.<key>` is called.
    """
    missing = [name for name in stage.required_fields if _value(name, after) in (None, "")]
    if stage.lost_reasons and "lost_reason" not in missing and after.get("lost_reason") not in stage.lost_reasons:
        if not after.get("lost_reason"):
            missing.append("lost_reason")
        elif not missing:
            reasons = ", ".join(stage.lost_reasons)
            raise Invalid(f"{stage.name} takes one of these lost reasons: {reasons}. Choose one and move the lead again.", field="stage_id",
                          missing=["lost_reason"])  # fmt: skip
    if missing:
        words = " and ".join(FIELD_WORDS.get(name) or (labels or {}).get(name) or name.removeprefix("custom.") for name in missing)
        raise Invalid(f"{stage.name} needs {words}. Fill {'it' if len(missing) == 1 else 'them'} in and move the lead again.", field="stage_id",
                      missing=missing)  # fmt: skip


def missing_owner(stage: StageRow) -> Invalid:
    """Neither whoever made the lead nor a rule of its team named an owner that the stage asks for."""
    return Invalid(f"{stage.name} needs an owner, and no assignment rule gave the lead one. Name its owner.", field="stage_id", missing=["owner_id"])


def check_activity(stage: StageRow, *, is_there: bool) -> None:
    """What the stage wants to have happened before a lead moves in."""
    if stage.required_activity and not is_there:
        words = ACTIVITY_WORDS[stage.required_activity]
        raise Invalid(f"{stage.name} needs {words} first. Note it on the lead and move the lead again.", field="stage_id")


def _value(name: str, after: Mapping[str, Any]) -> Any:
    """A custom field's new value stands under its own name, its old one among the others."""
    if name.startswith("custom.") and name not in after:
        return (after.get("custom") or {}).get(name.removeprefix("custom."))
    return after.get(name)
