"""Files over the API: asked for, looked at while they are made, fetched once."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body
from starlette.responses import Response

from crm.api.answers import answer
from crm.api.calls import SOURCE
from crm.api.door import Caller, Door
from crm.api.requests import NewExport
from crm.exports import picture
from crm.exports.asking import ask
from crm.exports.handing import hand_out
from crm.exports.reads import ExportRow, export
from crm.reports.export import Wanted
from crm.reports.filters import read_day

routes = APIRouter(prefix="/v1", route_class=Door, tags=["reports"])


@routes.post("/exports")
def ask_for_export(call: Caller, body: Annotated[NewExport, Body()]) -> Response:
    """Ask for a report as a file. It is made in the background, with your roles as they are then; look at `GET /exports/{id}` until it is `ready`."""
    as_of, known_on = (read_day(given, field) if given else None for given, field in ((body.as_of, "as_of"), (body.known_on, "known_on")))
    report = Wanted(body.report, body.parameters, as_of, known_on)
    wanted = picture.wanted_of(report, body.chart) if body.format == "png" else report.as_json()
    with call.acting() as session:
        export_id = ask(session, f"report.{body.format}", wanted)
        made = answer(_export(export(session, export_id)), status=202, headers={"Location": f"/api/v1/exports/{export_id}"})
        return call.first(session, made)


@routes.get("/exports/{export_id}")
def read_export(call: Caller, export_id: int) -> Response:
    """How a file of yours stands: `waiting`, `making`, `ready`, `fetched`, `failed` or `expired`."""
    with call.acting() as session:
        return answer(_export(export(session, export_id)))


@routes.get("/exports/{export_id}/file")
def fetch_export(call: Caller, export_id: int) -> Response:
    """The file itself, once. Your roles must still be those that it was made with."""
    file = hand_out(call.person, export_id, door=SOURCE)
    with file.content as content:
        headers = {"content-disposition": f'attachment; filename="{file.name}"', "cache-control": "no-store"}
        return Response(content.read(), media_type=file.media_type, headers=headers)


def _export(row: ExportRow) -> dict[str, Any]:
    return {
        "id": row.id, "name": row.name, "format": row.kind.rpartition(".")[2], "state": row.state, "problem": row.problem, "rows": row.rows,
        "size_bytes": row.size_bytes, "created_at": row.created_at, "made_at": row.made_at, "fetched_at": row.fetched_at, "expires_at": row.expires_at,
        "file": f"/api/v1/exports/{row.id}/file" if row.state == "ready" else None,
    }  # fmt: skip
