"""Alerts: follow-up reminders on leads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from sqlalchemy.orm import Session
from starlette.responses import Response

from crm.alerts import reads, use_cases
from crm.api import cursors
from crm.api.answers import answer, listing, named
from crm.api.calls import SOURCE
from crm.api.door import Caller, Door
from crm.api.lead_form import Names, conflicts_of
from crm.api.parameters import AlertQuery
from crm.api.problems import problem
from crm.api.requests import AlertFields, NewAlert
from crm.changes import Outcome, Result
from crm.changes.records import FIRST_MOMENT, LAST_MOMENT
from crm.clock import now
from crm.errors import Invalid, NotFound, Stale
from crm.leads.references import References, names_of

routes = APIRouter(prefix="/v1", route_class=Door, tags=["alerts"])


@routes.get("/alerts")
def list_alerts(call: Caller, query: Annotated[AlertQuery, Query()]) -> Response:
    """Alerts on leads you may see, first due first. `person=me&is_done=false` are those that wait for you."""
    with call.acting() as session:
        belongs_to = ["alerts", query.model_dump(exclude={"cursor", "limit"})]
        position = cursors.read(query.cursor, belongs_to)
        after = None if position is None else (datetime.fromisoformat(position[0]), position[1])
        wanted = reads.AlertFilter(
            person_id=_person(session, query.person, me=call.person.id), lead_id=query.lead, is_done=query.is_done,
            due_from=_moment(query.due_from, "due_from"), due_before=_moment(query.due_before, "due_before"),
        )  # fmt: skip
        rows = reads.list_alerts(session, wanted, limit=query.limit + 1, after=after)
        page = rows[: query.limit]
        names = _names(session, page)
        next_cursor = cursors.write((page[-1]["due_at"].isoformat(), page[-1]["id"]), belongs_to) if len(rows) > len(page) else None
        return listing([alert_of(row, names) for row in page], next_cursor)


def _person(session: Session, given: str | None, *, me: int) -> int | None:
    """By `me`, id or name. Raises `Invalid`."""
    if given is None:
        return None
    if given == "me":
        return me
    if given.isascii() and given.isdecimal() and len(given) < 19:
        return int(given)
    return References(session).person(given)


def _moment(given: str | None, field: str) -> datetime | None:
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given)
        if moment.tzinfo is not None and FIRST_MOMENT <= moment < LAST_MOMENT:
            return moment
    except (ValueError, OverflowError):
        pass
    raise Invalid(f"“{given}” is not a moment. Write it as 2026-03-31T10:00:00Z.", field=field)


def _names(session: Session, rows: list[reads.AlertRow]) -> Names:
    people = {row[name] for row in rows for name in ("person_id", "done_by_id", "created_by_id") if row[name]}
    return names_of(session, {"person": people})


def alert_of(row: reads.AlertRow, names: Names) -> dict[str, Any]:
    """A row of `crm.alerts.reads` as the API says it."""
    person = {name: named(row[f"{name}_id"], names.get(("person", row[f"{name}_id"] or 0))) for name in ("person", "done_by", "created_by")}
    plain = {name: row[name] for name in ("id", "version", "due_at", "text", "done_at", "created_at", "updated_at")}
    return {**plain, "lead": named(row["lead_id"], row["lead"]), **person}


def standing_alert(session: Session, alert_id: int) -> reads.AlertRow:
    """The alert's row. Raises `NotFound` for a hidden, missing or deleted one."""
    row = reads.alert(session, alert_id)
    if row is None:
        raise NotFound("There is no such alert, or you may not see it.")
    return row


def _alert(session: Session, row: reads.AlertRow, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return answer(alert_of(row, _names(session, [row])), status=status, headers={"ETag": f'"{row["version"]}"', **(headers or {})})


def _written(session: Session, outcome: Outcome, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    change_set = {"X-Change-Set": str(outcome.change_set_id)} if outcome.change_set_id else {}
    return _alert(session, standing_alert(session, outcome.results[0].record_id or 0), status=status, headers={**(headers or {}), **change_set})


@routes.get("/alerts/{alert_id}")
def read_alert(call: Caller, alert_id: int) -> Response:
    """One alert. Its version is in the ETag too."""
    with call.acting() as session:
        return _alert(session, standing_alert(session, alert_id))


@routes.post("/alerts")
def set_alert(call: Caller, body: Annotated[NewAlert, Body()]) -> Response:
    """A new alert on a lead you may see. It reminds you, unless you name somebody else."""
    with call.acting() as session:
        values = _values(session, body)
        outcome = use_cases.set_alert(session, values.pop("lead_id"), values, source=SOURCE)
        return call.first(session, _written(session, outcome, status=201, headers={"Location": f"/api/v1/alerts/{outcome.results[0].record_id}"}))


@routes.patch("/alerts/{alert_id}")
def change_alert(call: Caller, alert_id: int, body: Annotated[AlertFields, Body()]) -> Response:
    """Snooze it (`due_at`), hand it over (`person`), finish it (`is_done`). All or nothing, as for leads."""
    seen = call.seen_version()
    with call.acting() as session:
        row = standing_alert(session, alert_id)
        try:
            outcome = use_cases.edit_alert(session, alert_id, seen, _values(session, body, done_at=row["done_at"]), source=SOURCE)
        except Stale as stale:
            return _stale(session, alert_id, stale)
        return _written(session, outcome)


def _values(session: Session, body: AlertFields, *, done_at: datetime | None = None) -> dict[str, Any]:
    """What the writer set, by record field. What was done already (`done_at`) stays done when it was."""
    given = {name: getattr(body, name) for name in body.model_fields_set}
    values: dict[str, Any] = {name: given[name] for name in ("due_at", "text") if name in given}
    if "lead" in given:
        values["lead_id"] = given["lead"]
    if "person" in given:
        values["person_id"] = References(session).person(given["person"])
    if "is_done" in given:
        values["done_at"] = (done_at or now()) if given["is_done"] else None
    return values


def _stale(session: Session, alert_id: int, stale: Stale) -> Response:
    met = Result(edit=None, status="conflict", record_id=alert_id, conflicts=tuple(stale.facts["conflicts"]))  # type: ignore[arg-type]
    row = reads.alert(session, alert_id)
    current = alert_of(row, _names(session, [row])) if row else None
    return problem(stale, conflicts=conflicts_of(session, [met])[alert_id], current=current)


@routes.delete("/alerts/{alert_id}")
def delete_alert(call: Caller, alert_id: int) -> Response:
    """Delete, softly: undo of the change set (in X-Change-Set) brings it back."""
    seen = call.seen_version()
    with call.acting() as session:
        standing_alert(session, alert_id)
        try:
            outcome = use_cases.delete_alert(session, alert_id, seen, source=SOURCE)
        except Stale as stale:
            return _stale(session, alert_id, stale)
        return Response(status_code=204, headers={"X-Change-Set": str(outcome.change_set_id)})
