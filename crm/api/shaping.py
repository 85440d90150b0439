"""Pipelines and stages made and changed: by the same drafts as on the page, each applied at once, with the same version rules as leads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body
from sqlalchemy.orm import Session
from starlette.responses import Response

from crm.api.answers import answer, named
from crm.api.calls import SOURCE
from crm.api.door import Caller, Door
from crm.api.lookups import stage_of
from crm.api.names import record_field_of
from crm.api.problems import problem
from crm.api.requests import NewPipeline, NewStage, PipelineFields, StageChange, StageFields
from crm.configuration.drafts import Draft, DraftEdit
from crm.configuration.making import new_pipeline
from crm.configuration.pipeline_plan import requirements_of
from crm.configuration.use_cases import Applied, apply_draft
from crm.errors import Invalid, NotFound, Stale
from crm.leads.references import References, names_of
from crm.pipelines.reads import PipelineRow, StageRow, pipelines
from crm.pipelines.ready_made import READY_MADE

routes = APIRouter(prefix="/v1", route_class=Door, tags=["lookups"])


def standing(session: Session, pipeline_id: int) -> PipelineRow:
    """The pipeline. Raises `NotFound` for a hidden, missing or archived one."""
    found = next((row for row in pipelines(session) if row.id == pipeline_id), None)
    if found is None:
        raise NotFound("There is no such pipeline, or you may not see it.")
    return found


def _stage(pipeline: PipelineRow, stage_id: int) -> StageRow:
    found = next((stage for stage in pipeline.stages if stage.id == stage_id), None)
    if found is None:
        raise NotFound("There is no such stage in this pipeline.")
    return found


def pipeline_of(session: Session, row: PipelineRow) -> dict[str, Any]:
    teams = names_of(session, {"team": {row.team_id}})
    return {"id": row.id, "version": row.version, "name": row.name, "team": named(row.team_id, teams.get(("team", row.team_id))), "position": row.position}


def _headers(version: int, done: Applied, **more: str) -> dict[str, str]:
    change_set = {"X-Change-Set": str(done.change_set_id)} if done.change_set_id else {}
    return {"ETag": f'"{version}"', **change_set, **more}


@routes.post("/pipelines")
def add_pipeline(call: Caller, body: Annotated[NewPipeline, Body()]) -> Response:
    """A new pipeline of a team, with the stages of a ready-made one (`begin_with`) or with your own."""
    with call.acting() as session:
        call.person.require("pipeline", "configure")
        team_id = References(session).team(body.team)
        stages = [_wanted(stage, None) for stage in body.stages] if body.stages else READY_MADE[body.begin_with].stages
        done = new_pipeline(session, body.name, team_id, stages, source=SOURCE)
        row = standing(session, (done.made or {})["pipeline"])
        headers = _headers(row.version, done, Location=f"/api/v1/pipelines/{row.id}/stages")
        return call.first(session, answer(pipeline_of(session, row), status=201, headers=headers))


@routes.patch("/pipelines/{pipeline_id}")
def change_pipeline(call: Caller, pipeline_id: int, body: Annotated[PipelineFields, Body()]) -> Response:
    """Rename it, give it another place among its team's, or archive it (while no open lead is in it). All or nothing, as for leads."""
    seen = call.seen_version()
    with call.acting() as session:
        row = standing(session, pipeline_id)
        wanted: dict[str, Any] = {name: getattr(body, name) for name in body.model_fields_set & {"name", "position"}}
        if body.is_archived:
            wanted["deleted_at"] = True
        edit = DraftEdit("pipeline", pipeline_id, wanted, seen)
        try:
            done = _apply(session, f"Pipeline {row.name}", edit) if wanted else Applied(None)
        except Stale as stale:
            return _stale(stale, pipeline_of(session, standing(session, pipeline_id)))
        if body.is_archived:
            return Response(status_code=204, headers={"X-Change-Set": str(done.change_set_id)})
        row = standing(session, pipeline_id)
        return answer(pipeline_of(session, row), headers=_headers(row.version, done))


@routes.post("/pipelines/{pipeline_id}/stages")
def add_stage(call: Caller, pipeline_id: int, body: Annotated[NewStage, Body()]) -> Response:
    """A new stage; behind the others, unless you say its position."""
    with call.acting() as session:
        pipeline = standing(session, pipeline_id)
        position = max((stage.position + 1 for stage in pipeline.stages), default=0)
        edit = DraftEdit("stage", None, {"pipeline_id": pipeline_id, "position": position, **_wanted(body, None)}, ref="stage")
        done = _apply(session, f"New stage {body.name}", edit)
        row = _stage(standing(session, pipeline_id), (done.made or {})["stage"])
        return call.first(session, answer(stage_of(row), status=201, headers=_headers(row.version, done)))


@routes.patch("/pipelines/{pipeline_id}/stages/{stage_id}")
def change_stage(call: Caller, pipeline_id: int, stage_id: int, body: Annotated[StageChange, Body()]) -> Response:
    """Change it, or remove it (`is_removed`, with `leads_to` where leads are in it: many of them follow in the background)."""
    seen = call.seen_version()
    with call.acting() as session:
        pipeline = standing(session, pipeline_id)
        row = _stage(pipeline, stage_id)
        wanted = {"deleted_at": True} if body.is_removed else _wanted(body, row)
        edit = DraftEdit("stage", stage_id, wanted, seen)
        places = {stage_id: _place(session, pipeline, body)} if body.is_removed and body.leads_to is not None else {}
        try:
            done = _apply(session, f"Stage {row.name}", edit, places) if wanted else Applied(None)
        except Stale as stale:
            return _stale(stale, stage_of(_stage(standing(session, pipeline_id), stage_id)))
        if body.is_removed:
            return Response(status_code=204, headers={"X-Change-Set": str(done.change_set_id)})
        row = _stage(standing(session, pipeline_id), stage_id)
        return answer(stage_of(row), headers=_headers(row.version, done))


def _apply(session: Session, title: str, edit: DraftEdit, places: Mapping[int, int] | None = None) -> Applied:
    return apply_draft(session, Draft("api", title, (edit,), dict(places or {})), source=SOURCE)


def _place(session: Session, pipeline: PipelineRow, body: StageChange) -> int:
    found = References(session).stage(body.leads_to, pipeline_id=pipeline.id, team_id=pipeline.team_id)
    if found is None:
        raise Invalid("Say where the leads go: the id or name of a stage.", field="leads_to")
    return found


def _wanted(body: StageFields, row: StageRow | None) -> dict[str, Any]:
    """What the writer set, by record field. What a stage asks for is one field: parts that are left out stay."""
    given = {name: getattr(body, name) for name in body.model_fields_set}
    found: dict[str, Any] = {name: given[name] for name in ("name", "kind", "position", "probability", "target_days", "colour") if name in given}
    asks = {"required_fields": "fields", "required_activity": "activity", "lost_reasons": "lost_reasons"}
    if given.keys() & asks.keys():
        said = {asks[name]: value for name, value in given.items() if name in asks}
        if said.get("fields"):
            said["fields"] = [record_field_of(name) for name in said["fields"]]
        found["requirements"] = {**(requirements_of(row) if row else {}), **said}
    return found


def _stale(stale: Stale, current: dict[str, Any]) -> Response:
    return problem(stale, conflicts=[met.as_json() for met in stale.facts["conflicts"]], current=current)
