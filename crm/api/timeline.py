"""What happened with a lead: its recorded changes, and the calls, meetings, notes and mails with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from starlette.responses import Response

from crm.activities import reads, use_cases
from crm.api import cursors
from crm.api.answers import answer, listing, named
from crm.api.calls import SOURCE
from crm.api.door import Caller, Door
from crm.api.lead_form import Names, ids_in, value_of
from crm.api.leads import standing_lead
from crm.api.names import field_of
from crm.api.parameters import Paging
from crm.api.requests import NewActivity
from crm.changes import changes_of
from crm.leads.references import names_of

routes = APIRouter(prefix="/v1", route_class=Door, tags=["timeline"])


@routes.get("/leads/{lead_id}/changes")
def list_changes(call: Caller, lead_id: int, query: Annotated[Paging, Query()]) -> Response:
    """A lead's history, newest first: who changed which field, when, from where, from what to what."""
    belongs_to = ["changes", lead_id]
    with call.acting() as session:
        standing_lead(session, lead_id)
        rows = changes_of(session, "lead", lead_id, before=cursors.read(query.cursor, belongs_to), most=query.limit + 1)
        page = rows[: query.limit]
        ids: dict[str, set[int]] = {}
        for row in page:
            for name, pair in row["fields"].items():
                ids_in(((name, value) for value in pair), ids)
        names = names_of(session, ids)
        next_cursor = cursors.write(page[-1]["version"], belongs_to) if len(rows) > len(page) else None
        return listing([_change(row, names) for row in page], next_cursor)


def _change(row: Mapping[Any, Any], names: Names) -> dict[str, Any]:
    return {
        "id": row["id"],
        "version": row["version"],
        "change_set": row["change_set_id"],
        "person": named(row["person_id"], row["person_name"]),
        "source": row["source"],
        "at": row["at"],
        "effective_at": row["effective_at"],
        "fields": [
            {"field": field_of(name), "old": value_of(name, old, names), "new": value_of(name, new, names)} for name, (old, new) in row["fields"].items()
        ],
    }


@routes.get("/leads/{lead_id}/activities")
def list_activities(call: Caller, lead_id: int, query: Annotated[Paging, Query()]) -> Response:
    """A lead's activities, newest first."""
    belongs_to = ["activities", lead_id]
    with call.acting() as session:
        standing_lead(session, lead_id)
        position = cursors.read(query.cursor, belongs_to)
        before = None if position is None else (position[0], position[1])
        rows = reads.activities_of(session, lead_id, before=before, most=query.limit + 1)
        page = rows[: query.limit]
        next_cursor = cursors.write((page[-1]["happened_at"], page[-1]["id"]), belongs_to) if len(rows) > len(page) else None
        return listing([_activity(row) for row in page], next_cursor)


def _activity(row: Mapping[Any, Any]) -> dict[str, Any]:
    fields = ("id", "version", "kind", "body", "happened_at", "duration_minutes", "created_at", "updated_at")
    return {**{name: row[name] for name in fields}, "person": named(row["person_id"], row["person_name"])}


@routes.post("/leads/{lead_id}/activities")
def add_activity(call: Caller, lead_id: int, body: Annotated[NewActivity, Body()]) -> Response:
    """Note down a call, meeting, note, mail or message. It is yours and has happened already."""
    with call.acting() as session:
        standing_lead(session, lead_id)
        outcome = use_cases.add_activity(session, lead_id, body.model_dump(exclude_unset=True), source=SOURCE)
        made = reads.activity(session, outcome.results[0].record_id or 0)
        assert made is not None
        row = {**made, "person_name": call.person.name}
        headers = {"ETag": f'"{row["version"]}"', "X-Change-Set": str(outcome.change_set_id)}
        return call.first(session, answer(_activity(row), status=201, headers=headers))
