"""Who I am, and what a lead can refer to: pipelines, stages, teams, people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query
from starlette.responses import Response

from crm.access.person import RESOURCES
from crm.api import cursors
from crm.api.answers import answer, listing, money, named
from crm.api.door import Caller, Door
from crm.api.names import field_of
from crm.api.parameters import Paging
from crm.errors import NotFound
from crm.goals import reads as goal_reads
from crm.goals.rules import Goal
from crm.leads.references import names_of
from crm.people import directory
from crm.pipelines.reads import PipelineRow, StageRow, pipelines

routes = APIRouter(prefix="/v1", route_class=Door, tags=["lookups"])
Row = TypeVar("Row", directory.TeamRow, directory.PersonRow, PipelineRow, StageRow, Goal)


@routes.get("/me")
def read_me(call: Caller) -> Response:
    """Whom this key acts as: teams, roles, and how far each grant reaches."""
    person = call.person
    return answer({
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "time_zone": person.time_zone,
        "is_read_only": person.is_read_only,
        "roles": [place.role for place in person.memberships if place.team_id is None],
        "teams": [{"id": place.team_id, "name": place.team, "role": place.role} for place in person.memberships if place.team_id is not None],
        "grants": {resource: {action: person.reach(resource, action).scope for action in actions} for resource, actions in RESOURCES.items()},
    })  # fmt: skip


def _page(rows: Sequence[Row], query: Paging, belongs_to: list[Any], shape: Callable[[Row], dict[str, Any]]) -> Response:
    """A page of rows that are in the order of their ids and begin after the cursor; one more than the limit says that there are more."""
    page = rows[: query.limit]
    return listing([shape(row) for row in page], cursors.write(page[-1].id, belongs_to) if len(rows) > len(page) else None)


@routes.get("/pipelines")
def list_pipelines(call: Caller, query: Annotated[Paging, Query()]) -> Response:
    """The pipelines you may see."""
    last = cursors.read(query.cursor, ["pipelines"]) or 0
    with call.acting() as session:
        rows = sorted((row for row in pipelines(session) if row.id > last), key=lambda row: row.id)
        teams = names_of(session, {"team": {row.team_id for row in rows}})
    return _page(rows, query, ["pipelines"], lambda row: {
        "id": row.id, "version": row.version, "name": row.name, "team": named(row.team_id, teams.get(("team", row.team_id))), "position": row.position,
    })  # fmt: skip


@routes.get("/pipelines/{pipeline_id}/stages")
def list_stages(call: Caller, pipeline_id: int, query: Annotated[Paging, Query()]) -> Response:
    """A pipeline's stages, in their order."""
    belongs_to = ["stages", pipeline_id]
    with call.acting() as session:
        pipeline = next((row for row in pipelines(session) if row.id == pipeline_id), None)
    if pipeline is None:
        raise NotFound("There is no such pipeline, or you may not see it.")
    last = cursors.read(query.cursor, belongs_to)
    stages = list(pipeline.stages)
    start = next((place + 1 for place, stage in enumerate(stages) if stage.id == last), 0)
    return _page(stages[start:], query, belongs_to, stage_of)


def stage_of(row: StageRow) -> dict[str, Any]:
    return {
        "id": row.id, "version": row.version, "name": row.name, "kind": row.kind, "position": row.position, "probability": row.probability,
        "target_days": row.target_days, "required_fields": [field_of(name) for name in row.required_fields],
        "required_activity": row.required_activity, "lost_reasons": list(row.lost_reasons), "colour": row.colour,
    }  # fmt: skip


@routes.get("/teams")
def list_teams(call: Caller, query: Annotated[Paging, Query()]) -> Response:
    """Your teams, and those you may hand leads to."""
    last = cursors.read(query.cursor, ["teams"]) or 0
    with call.acting() as session:
        rows = directory.teams(session, after=last, most=query.limit + 1)
    return _page(rows, query, ["teams"], lambda row: {"id": row.id, "version": row.version, "name": row.name, "parent": named(row.parent_id, row.parent)})


@routes.get("/people")
def list_people(call: Caller, query: Annotated[Paging, Query()]) -> Response:
    """The people of the teams you look after or work in."""
    last = cursors.read(query.cursor, ["people"]) or 0
    with call.acting() as session:
        rows = directory.people(session, after=last, most=query.limit + 1)
    return _page(rows, query, ["people"], _person)


def _person(row: directory.PersonRow) -> dict[str, Any]:
    return {
        "id": row.id, "version": row.version, "name": row.name, "email": row.email, "time_zone": row.time_zone,
        "is_disabled": row.disabled_at is not None,
        "teams": [{"id": place.team_id, "name": place.team, "role": place.role} for place in row.places],
    }  # fmt: skip


@routes.get("/goals")
def list_goals(call: Caller, query: Annotated[Paging, Query()]) -> Response:
    """What the people of the teams you look after or work in mean to win each quarter, and the teams themselves."""
    last = cursors.read(query.cursor, ["goals"]) or 0
    with call.acting() as session:
        rows = goal_reads.goals(session, after=last, most=query.limit + 1)
        names = names_of(session, {"team": {row.team_id for row in rows}, "person": {row.person_id for row in rows if row.person_id}})
    return _page(rows, query, ["goals"], lambda row: {
        "id": row.id, "version": row.version, "team": named(row.team_id, names.get(("team", row.team_id))),
        "person": named(row.person_id, names.get(("person", row.person_id or 0))), "starts_on": row.starts_on, "amount": money(row.amount_usd),
    })  # fmt: skip
