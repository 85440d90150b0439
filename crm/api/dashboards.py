"""Dashboards and their blocks: what stands in them, not the figures; those are reports, which answer for themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel
from sqlalchemy.orm import Session
from starlette.responses import Response

from crm.api import cursors
from crm.api.answers import answer, listing, named
from crm.api.calls import SOURCE
from crm.api.door import Caller, Door
from crm.api.parameters import Paging
from crm.api.problems import problem
from crm.api.requests import BlockFields, DashboardFields, NewBlock, NewDashboard
from crm.changes import Outcome
from crm.dashboards import reads, use_cases
from crm.errors import NotFound, Stale
from crm.leads.references import References, names_of

routes = APIRouter(prefix="/v1", route_class=Door, tags=["dashboards"])


@routes.get("/dashboards")
def list_dashboards(call: Caller, query: Annotated[Paging, Query()]) -> Response:
    """Dashboards you may see, in the order they were made."""
    call.person.require("report", "view")
    last = cursors.read(query.cursor, ["dashboards"]) or 0
    with call.acting() as session:
        rows = reads.list_dashboards(session, after=last, limit=query.limit + 1)
        page = rows[: query.limit]
        return listing(_said(session, page), cursors.write(page[-1].id, ["dashboards"]) if len(rows) > len(page) else None)


def _said(session: Session, rows: Sequence[reads.Dashboard]) -> list[dict[str, Any]]:
    names = names_of(session, {"team": {row.for_team_id for row in rows if row.for_team_id}, "person": {row.owner_id for row in rows if row.owner_id}})
    blocks = reads.blocks_of(session, [row.id for row in rows])
    return [
        {
            "id": row.id, "version": row.version, "name": row.name, "audience": row.audience,
            "team": named(row.for_team_id, names.get(("team", row.for_team_id or 0))), "owner": named(row.owner_id, names.get(("person", row.owner_id or 0))),
            "filters": row.filters, "blocks": [_block(block) for block in blocks[row.id]], "created_at": row.created_at, "updated_at": row.updated_at,
        }
        for row in rows
    ]  # fmt: skip


def _block(block: reads.Block) -> dict[str, Any]:
    return {name: getattr(block, name) for name in ("id", "version", "kind", "what", "title", "width", "position", "parameters")}


def _standing(session: Session, dashboard_id: int) -> reads.Dashboard:
    """Raises `NotFound` for a hidden, missing or deleted one."""
    found = reads.dashboard(session, dashboard_id)
    if found is None:
        raise NotFound("There is no such dashboard, or you may not see it.")
    return found


def _standing_block(session: Session, dashboard_id: int, block_id: int) -> reads.Block:
    found = next((block for block in reads.blocks_of(session, [dashboard_id])[dashboard_id] if block.id == block_id), None)
    if found is None:
        raise NotFound("There is no such block on this dashboard.")
    return found


def _headers(version: int, outcome: Outcome | None = None, **more: str) -> dict[str, str]:
    change_set = {"X-Change-Set": str(outcome.change_set_id)} if outcome and outcome.change_set_id else {}
    return {"ETag": f'"{version}"', **change_set, **more}


@routes.get("/dashboards/{dashboard_id}")
def read_dashboard(call: Caller, dashboard_id: int) -> Response:
    """One dashboard with its blocks, in order. Its version is in the ETag too; each block has its own."""
    call.person.require("report", "view")
    with call.acting() as session:
        found = _standing(session, dashboard_id)
        return answer(_said(session, [found])[0], headers=_headers(found.version))


@routes.post("/dashboards")
def add_dashboard(call: Caller, body: Annotated[NewDashboard, Body()]) -> Response:
    """A new one of your own, with its blocks; private, unless you share it."""
    call.person.require("report", "view")
    with call.acting() as session:
        done = use_cases.make_dashboard(session, _values(session, body), [_block_values(block) for block in body.blocks], source=SOURCE)
        found = _standing(session, done.results[0].record_id or 0)
        headers = _headers(found.version, done, Location=f"/api/v1/dashboards/{found.id}")
        return call.first(session, answer(_said(session, [found])[0], status=201, headers=headers))


def _values(session: Session, body: DashboardFields) -> dict[str, Any]:
    """What the writer set, by record field."""
    given = {name: getattr(body, name) for name in body.model_fields_set}
    found: dict[str, Any] = {name: _plain(given[name]) for name in ("name", "audience", "filters") if name in given}
    if "team" in given:
        found["for_team_id"] = References(session).team(given["team"]) if given["team"] is not None else None
    return found


def _block_values(body: BlockFields) -> dict[str, Any]:
    return {name: _plain(getattr(body, name)) for name in body.model_fields_set}


def _plain(value: Any) -> Any:
    return value.model_dump(exclude_none=True) if isinstance(value, BaseModel) else value


@routes.patch("/dashboards/{dashboard_id}")
def change_dashboard(call: Caller, dashboard_id: int, body: Annotated[DashboardFields, Body()]) -> Response:
    """Rename it, share it, have it open with other filters. All or nothing, as for leads."""
    seen = call.seen_version()
    with call.acting() as session:
        found = _standing(session, dashboard_id)
        try:
            done = use_cases.change_dashboard(session, found, seen, _values(session, body), source=SOURCE)
        except Stale as stale:
            return _stale(stale, _said(session, [_standing(session, dashboard_id)])[0])
        found = _standing(session, dashboard_id)
        return answer(_said(session, [found])[0], headers=_headers(found.version, done))


@routes.delete("/dashboards/{dashboard_id}")
def delete_dashboard(call: Caller, dashboard_id: int) -> Response:
    """Delete, softly: undo of the change set (in X-Change-Set) brings it back, with its blocks."""
    seen = call.seen_version()
    with call.acting() as session:
        found = _standing(session, dashboard_id)
        try:
            done = use_cases.remove_dashboard(session, found, seen, source=SOURCE)
        except Stale as stale:
            return _stale(stale, _said(session, [found])[0])
        return Response(status_code=204, headers={"X-Change-Set": str(done.change_set_id)})


@routes.post("/dashboards/{dashboard_id}/blocks")
def add_block(call: Caller, dashboard_id: int, body: Annotated[NewBlock, Body()]) -> Response:
    """A figure of a report, behind the others unless you say its position."""
    with call.acting() as session:
        found = _standing(session, dashboard_id)
        done = use_cases.add_block(session, found, _block_values(body), source=SOURCE)
        block = _standing_block(session, dashboard_id, done.results[0].record_id or 0)
        return call.first(session, answer(_block(block), status=201, headers=_headers(block.version, done)))


@routes.patch("/dashboards/{dashboard_id}/blocks/{block_id}")
def change_block(call: Caller, dashboard_id: int, block_id: int, body: Annotated[BlockFields, Body()]) -> Response:
    """Another title, width, place or narrowing. All or nothing, as for leads."""
    seen = call.seen_version()
    with call.acting() as session:
        found, block = _standing(session, dashboard_id), _standing_block(session, dashboard_id, block_id)
        try:
            done = use_cases.change_block(session, found, block, seen, _block_values(body), source=SOURCE)
        except Stale as stale:
            return _stale(stale, _block(_standing_block(session, dashboard_id, block_id)))
        block = _standing_block(session, dashboard_id, block_id)
        return answer(_block(block), headers=_headers(block.version, done))


@routes.delete("/dashboards/{dashboard_id}/blocks/{block_id}")
def delete_block(call: Caller, dashboard_id: int, block_id: int) -> Response:
    """Remove it, softly: undo of the change set (in X-Change-Set) brings it back in its place."""
    seen = call.seen_version()
    with call.acting() as session:
        found, block = _standing(session, dashboard_id), _standing_block(session, dashboard_id, block_id)
        try:
            done = use_cases.remove_block(session, found, block, seen, source=SOURCE)
        except Stale as stale:
            return _stale(stale, _block(block))
        return Response(status_code=204, headers={"X-Change-Set": str(done.change_set_id)})


def _stale(stale: Stale, current: dict[str, Any]) -> Response:
    return problem(stale, conflicts=[met.as_json() for met in stale.facts["conflicts"]], current=current)
