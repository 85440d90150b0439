"""Whole pipelines: made from stages to start with, and archived. Nobody's work changes by it, so it is done at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from crm.configuration.drafts import Draft, DraftEdit
from crm.configuration.use_cases import Applied, apply_draft
from crm.errors import Invalid
from crm.pipelines.reads import PipelineRow, pipelines


def new_pipeline(session: Session, name: str, team_id: int | None, stages: Sequence[Mapping[str, Any]], *, source: str) -> Applied:
    """A pipeline with its stages in order, after the team's others, as one change set. Raises `Invalid` and `Refused`."""
    if not name.strip():
        raise Invalid("Give the pipeline a name.", field="name")
    if team_id is None:
        raise Invalid("Say which team the pipeline belongs to.", field="team_id")
    return apply_draft(session, Draft(f"pipeline:new:{team_id}", f"New pipeline {name.strip()}", new_edits(session, name, team_id, stages)), source=source)


def new_edits(session: Session, name: str, team_id: int, stages: Sequence[Mapping[str, Any]], *, ref: str = "pipeline") -> tuple[DraftEdit, ...]:
    """The edits that make it."""
    position = max((p.position + 1 for p in pipelines(session) if p.team_id == team_id), default=0)
    made = [
        DraftEdit("stage", None, {"pipeline_id": {"ref": ref}, "position": place, **stage}, ref=f"{ref}.{place}") for place, stage in enumerate(stages)
    ]  # fmt: skip
    return (DraftEdit("pipeline", None, {"team_id": team_id, "name": name, "position": position}, ref=ref), *made)


def archive_pipeline(session: Session, pipeline: PipelineRow, *, source: str) -> Applied:
    """No new leads; those in it stay. Raises `Invalid` while open leads are in it, `Refused`, `Stale`."""
    edit = DraftEdit("pipeline", pipeline.id, {"deleted_at": True}, pipeline.version)
    return apply_draft(session, Draft(f"pipeline:archive:{pipeline.id}", f"Archived {pipeline.name}", (edit,)), source=source)
