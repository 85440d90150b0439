"""Templates: texts with merge fields, under the same version rules as leads; and what one comes to for a lead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from sqlalchemy.orm import Session
from starlette.responses import Response

from crm.api import cursors
from crm.api.answers import answer, listing, named
from crm.api.calls import SOURCE
from crm.api.door import Caller, Door
from crm.api.lead_form import conflicts_of
from crm.api.parameters import Paging, PreviewQuery
from crm.api.problems import problem
from crm.api.requests import NewTemplate, TemplateFields
from crm.changes import Outcome, Result
from crm.errors import NotFound, Stale
from crm.leads.references import References, names_of
from crm.templates import reads, use_cases

routes = APIRouter(prefix="/v1", route_class=Door, tags=["templates"])


@routes.get("/templates")
def list_templates(call: Caller, query: Annotated[Paging, Query()]) -> Response:
    """Templates you may see, everybody's among them, in the order they were made."""
    call.person.require("template", "view")
    last = cursors.read(query.cursor, ["templates"]) or 0
    with call.acting() as session:
        rows = reads.templates_after(session, after=last, most=query.limit + 1)
        page = rows[: query.limit]
        return listing(_said(session, page), cursors.write(page[-1].id, ["templates"]) if len(rows) > len(page) else None)


def _said(session: Session, rows: Sequence[reads.Template]) -> list[dict[str, Any]]:
    names = names_of(session, {"team": {row.team_id for row in rows if row.team_id}})
    return [
        {
            "id": row.id, "version": row.version, "name": row.name, "team": named(row.team_id, names.get(("team", row.team_id or 0))),
            "subject": row.subject, "body": row.body, "created_at": row.created_at, "updated_at": row.updated_at,
        }
        for row in rows
    ]  # fmt: skip


def _standing(session: Session, template_id: int) -> reads.Template:
    """Raises `NotFound` for a hidden, missing or removed one."""
    found = reads.template(session, template_id)
    if found is None:
        raise NotFound("There is no such template, or you may not see it.")
    return found


def _one(session: Session, template_id: int, outcome: Outcome | None = None, *, status: int = 200, **headers: str) -> Response:
    row = _standing(session, template_id)
    return answer(_said(session, [row])[0], status=status, headers={"ETag": f'"{row.version}"', **_change_set(outcome), **headers})


def _change_set(outcome: Outcome | None) -> dict[str, str]:
    return {"X-Change-Set": str(outcome.change_set_id)} if outcome and outcome.change_set_id else {}


@routes.get("/templates/{template_id}")
def read_template(call: Caller, template_id: int) -> Response:
    """One template. Its version is in the ETag too."""
    call.person.require("template", "view")
    with call.acting() as session:
        return _one(session, template_id)


@routes.get("/templates/{template_id}/preview")
def preview_template(call: Caller, template_id: int, query: Annotated[PreviewQuery, Query()]) -> Response:
    """What it comes to for a lead you see, as you see it; `missing` says which fields had nothing to say. Nothing is sent or kept."""
    call.person.require("template", "view")
    with call.acting() as session:
        row = _standing(session, template_id)
        done = use_cases.write(session, query.lead, subject=row.subject, body=row.body, contact_id=query.contact)
        contact = next((each for each in done.contacts if each.id == done.contact_id), None)
        missing = [{"field": gap.name, "label": gap.label, "detail": gap.why} for gap in done.gaps]
        said = {"subject": done.subject, "body": done.body, "missing": missing, "contact": contact and named(contact.id, contact.name)}
        return answer(said)


@routes.post("/templates")
def add_template(call: Caller, body: Annotated[NewTemplate, Body()]) -> Response:
    """A new template of your first team; with `team` null, everybody's."""
    with call.acting() as session:
        done = use_cases.add_template(session, _values(session, body), source=SOURCE)
        made = done.results[0].record_id or 0
        return call.first(session, _one(session, made, done, status=201, Location=f"/api/v1/templates/{made}"))


def _values(session: Session, body: TemplateFields) -> dict[str, Any]:
    """What the writer set, by record field."""
    given = {name: getattr(body, name) for name in body.model_fields_set}
    if "team" in given:
        given["team_id"] = References(session).team(given.pop("team"))
    return given


@routes.patch("/templates/{template_id}")
def change_template(call: Caller, template_id: int, body: Annotated[TemplateFields, Body()]) -> Response:
    """Change it. All or nothing, as for leads."""
    seen = call.seen_version()
    with call.acting() as session:
        row = _standing(session, template_id)
        try:
            done = use_cases.edit_template(session, template_id, seen, _values(session, body), name=row.name, source=SOURCE)
        except Stale as stale:
            return _stale(session, template_id, stale)
        return _one(session, template_id, done)


@routes.delete("/templates/{template_id}")
def delete_template(call: Caller, template_id: int) -> Response:
    """Remove it, softly: undo of the change set (in X-Change-Set) brings it back."""
    seen = call.seen_version()
    with call.acting() as session:
        row = _standing(session, template_id)
        try:
            done = use_cases.remove_template(session, template_id, seen, name=row.name, source=SOURCE)
        except Stale as stale:
            return _stale(session, template_id, stale)
        return Response(status_code=204, headers=_change_set(done))


def _stale(session: Session, template_id: int, stale: Stale) -> Response:
    met = Result(edit=None, status="conflict", record_id=template_id, conflicts=tuple(stale.facts["conflicts"]))  # type: ignore[arg-type]
    row = reads.template(session, template_id)
    return problem(stale, conflicts=conflicts_of(session, [met])[template_id], current=_said(session, [row])[0] if row else None)
