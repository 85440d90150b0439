"""Taking back and settling: undo of a change set, and the conflicts that wait for their person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from starlette.responses import Response

from crm.api import cursors
from crm.api.answers import answer, listing, named
from crm.api.door import Caller, Door
from crm.api.lead_form import Names, conflicts_of, ids_in, value_of
from crm.api.names import field_of
from crm.api.parameters import Paging
from crm.api.problems import problem
from crm.api.requests import Resolution
from crm.changes import LeftAlone, open_conflicts, resolve, undo
from crm.errors import Stale
from crm.leads.references import names_of

routes = APIRouter(prefix="/v1", route_class=Door, tags=["settling"])


@routes.post("/change-sets/{change_set_id}/undo")
def undo_change_set(call: Caller, change_set_id: int) -> Response:
    """The inverse change set. What somebody changed since is left alone and listed."""
    with call.acting() as session:
        done = undo(session, change_set_id)
        ids: dict[str, set[int]] = {}
        for left in done.left_alone:
            if left.field:
                ids_in(((left.field.field, value) for value in (left.field.seen, left.field.theirs, left.field.mine)), ids)
        names = names_of(session, ids)
        body = {"change_set": done.change_set_id, "records": done.records, "left_alone": [_left_alone(left, names) for left in done.left_alone]}
        return call.first(session, answer(body))


def _left_alone(left: LeftAlone, names: Names) -> dict[str, Any]:
    met = left.field
    return {
        "record_type": left.record_type,
        "id": left.record_id,
        "reason": left.reason,
        "field": field_of(met.field) if met else None,
        "seen": value_of(met.field, met.seen, names) if met else None,
        "theirs": value_of(met.field, met.theirs, names) if met else None,
        "mine": value_of(met.field, met.mine, names) if met else None,
    }


@routes.get("/conflicts")
def list_conflicts(call: Caller, query: Annotated[Paging, Query()]) -> Response:
    """Your own open conflicts, newest first: what you wanted, what you had seen, and what somebody else wrote first."""
    with call.acting() as session:
        rows = open_conflicts(session)
        last = cursors.read(query.cursor, ["conflicts"])
        if last is not None:  # settled ones are gone, so the place is found by age, not by number
            rows = [row for row in rows if row["id"] < last]
        rows = sorted(rows, key=lambda row: -row["id"])
        page = rows[: query.limit]
        ids: dict[str, set[int]] = {}
        for row in page:
            ids_in(((row["field"], value) for value in (row["seen"], row["theirs"], row["mine"])), ids)
            if row["record_type"] in ("lead", "company"):
                ids.setdefault(row["record_type"], set()).add(row["record_id"])
        names = names_of(session, ids)
        next_cursor = cursors.write(page[-1]["id"], ["conflicts"]) if len(rows) > len(page) else None
        return listing([_conflict(row, names) for row in page], next_cursor)


def _conflict(row: Mapping[Any, Any], names: Names) -> dict[str, Any]:
    return {
        "id": row["id"],
        "record_type": row["record_type"],
        "record": named(row["record_id"], names.get((row["record_type"], row["record_id"]))),
        "field": field_of(row["field"]),
        **{side: value_of(row["field"], row[side], names) for side in ("seen", "theirs", "mine")},
        "their_person": named(row["their_person_id"], row["their_name"]),
        "their_at": row["their_at"],
        "their_source": row["their_source"],
        "seen_version": row["seen_version"],
        "their_version": row["their_version"],
        "change_set": row["change_set_id"],
        "created_at": row["created_at"],
    }


@routes.post("/conflicts/{conflict_id}/resolve")
def resolve_conflict(call: Caller, conflict_id: int, body: Annotated[Resolution, Body()]) -> Response:
    """Settle one conflict. If somebody changed the field once more since, it is a 412 and a new conflict takes the old one's place."""
    with call.acting() as session:
        outcome = resolve(session, {conflict_id: body.choice})
        result = outcome.results[0] if outcome.results else None
        if result is not None and result.error is not None:
            raise result.error
        if result is not None and result.conflicts:
            again = Stale("Somebody changed this field once more since. Look at the new conflict under /conflicts.")
            return call.first(session, problem(again, conflicts=conflicts_of(session, [result])[result.record_id or 0], current=None))
        found = {"id": conflict_id, "choice": body.choice, "change_set": outcome.change_set_id, "version": result.version if result else None}
        return call.first(session, answer(found))
