"""Leads: list, read, create, change, delete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from sqlalchemy.orm import Session
from starlette.responses import Response

from crm.api import cursors
from crm.api.answers import PROBLEM, answer, listing
from crm.api.calls import SOURCE, Call
from crm.api.door import Caller, Door
from crm.api.lead_form import conflicts_of, given_values, lead_of
from crm.api.parameters import AsOf, LeadQuery
from crm.api.problems import problem
from crm.api.requests import CompanyName, HandOver, LeadFields, NewLead
from crm.changes import Outcome, Result
from crm.errors import Gone, Invalid, NotFound, Stale
from crm.fields.catalogue import catalogue
from crm.fields.filters import as_filter
from crm.leads import reads, use_cases
from crm.leads.as_of import Past, lead_as_of, list_leads_as_of, past_of, read_moment
from crm.leads.handing_over import hand_over
from crm.leads.references import References, places, wanted_ids
from crm.organisation.reads import reporting_time_zone
from crm.reports.filters import read_day

routes = APIRouter(prefix="/v1", route_class=Door, tags=["leads"])


@routes.get("/leads")
def list_leads(call: Caller, query: Annotated[LeadQuery, Query()]) -> Response:
    """Leads you may see, a page at a time. With `as_of`, as they stood then; with `known_on`, as far as was known then."""
    with call.acting() as session:
        custom = _custom(query)
        wanted = replace(_filter(session, call, query), custom=as_filter(catalogue(session), custom))
        belongs_to = ["leads", query.model_dump(exclude={"cursor", "limit", *custom}), *([custom] if custom else [])]
        position = cursors.read(query.cursor, belongs_to)
        after = None if position is None else (position[0], position[1])
        if past := _past(session, query):
            page = list_leads_as_of(session, past, wanted, sort=query.sort, limit=query.limit, after=after)
        else:
            page = reads.list_leads(session, wanted, sort=query.sort, limit=query.limit, after=after)
        return listing([lead_of(row) for row in page.rows], None if page.next_after is None else cursors.write(page.next_after, belongs_to))


def _past(session: Session, query: AsOf) -> Past | None:
    """The past moment that is asked for; None for now. Raises `Invalid`."""
    time_zone = reporting_time_zone(session)
    as_of = read_moment(query.as_of, time_zone) if query.as_of is not None else None
    return past_of(as_of, read_day(query.known_on, "known_on") if query.known_on is not None else None, time_zone)


def _custom(query: LeadQuery) -> dict[str, list[str]]:
    """What is asked of custom fields. Raises `Invalid` for a parameter that is neither known nor one of these."""
    found: dict[str, list[str]] = dict(query.model_extra or {})
    for name, given in found.items():
        if not name.startswith("custom."):
            words = "There is no such field."
            raise Invalid(f"{name[:200]}: {words}", field=name[:200], errors=[{"field": name[:200], "detail": words}])
        if len(given) > 100:
            raise Invalid(f"{name[:200]}: Give at most 100.", field=name[:200])
    return found


def _filter(session: Session, call: Call, query: LeadQuery) -> reads.LeadFilter:
    references = References(session)
    if (query.as_of or query.known_on) and query.updated_since:
        raise Invalid("Take a past day or updated_since, not both: changes of today say nothing about how leads stood then.", field="updated_since")
    return reads.LeadFilter(
        team_ids=references.team_ids(query.team),
        pipeline_ids=references.pipeline_ids(query.pipeline),
        stage_ids=references.stage_ids(query.stage),
        owner_ids=references.owner_ids(query.owner, me=call.person.id),
        sources=tuple(query.source),
        q=query.q,
        updated_since=_since(query.updated_since),
    )


def _since(given: str | None) -> datetime | None:
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Invalid(f"“{given}” is not a moment. Write it as 2026-03-31T10:00:00Z.", field="updated_since")


@routes.get("/leads/{lead_id}")
def read_lead(call: Caller, lead_id: int, query: Annotated[AsOf, Query()]) -> Response:
    """One lead. Its version is in the ETag too."""
    with call.acting() as session:
        row = standing_lead(session, lead_id)
        if past := _past(session, query):
            then = lead_as_of(session, lead_id, past)
            if then is None:
                raise NotFound("This lead did not exist then, or you may not see how it stood.")
            row = then
        return _lead(row)


def standing_lead(session: Session, lead_id: int) -> Mapping[Any, Any]:
    """The lead's row. Raises `NotFound` for a hidden, missing or deleted one, `Gone` for one merged into another."""
    row = reads.lead(session, lead_id)
    if row is not None and row["merged_into_id"] is not None:
        raise Gone("This lead was merged into another one.", merged_into=row["merged_into_id"])
    if row is None or row["deleted_at"] is not None:
        raise NotFound("There is no such lead, or you may not see it.")
    return row


def _lead(row: Mapping[Any, Any], *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return answer(lead_of(row), status=status, headers={"ETag": f'"{row["version"]}"', **(headers or {})})


def _written(session: Session, outcome: Outcome, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The lead as it stands now; only id and version where the write took it out of the writer's sight."""
    result = outcome.results[-1]
    every = {**(headers or {}), **({"X-Change-Set": str(outcome.change_set_id)} if outcome.change_set_id else {})}
    row = reads.lead(session, result.record_id or 0)
    if row is None:
        return answer({"id": result.record_id, "version": result.version, "visible": False}, status=status, headers={"ETag": f'"{result.version}"', **every})
    return _lead(row, status=status, headers=every)


@routes.post("/leads")
def create_lead(call: Caller, body: Annotated[NewLead, Body()]) -> Response:
    """A new lead. It needs a name and a team; pipeline, stage and owner (you) have defaults."""
    with call.acting() as session:
        company_name = body.company.name if isinstance(body.company, CompanyName) else None
        if company_name is not None:
            body.company = None
        values = wanted_ids(References(session), given_values(body), place=None)
        outcome = use_cases.create_lead(session, values, source=SOURCE, company_name=company_name)
        lead_id = outcome.results[-1].record_id
        return call.first(session, _written(session, outcome, status=201, headers={"Location": f"/api/v1/leads/{lead_id}"}))


@routes.patch("/leads/{lead_id}")
def change_lead(call: Caller, lead_id: int, body: Annotated[LeadFields, Body()]) -> Response:
    """All or nothing. What somebody else changed meanwhile in other fields is merged; in the same field it is a 412."""
    seen = call.seen_version()
    with call.acting() as session:
        given = given_values(body)
        values = wanted_ids(References(session), given, place=_place(session, lead_id) if is_named_in_place(given) else (0, 0))
        try:
            outcome = use_cases.edit_leads(session, [(lead_id, seen, values)], source=SOURCE, on_conflict="refuse")
        except Stale as stale:
            return _stale(session, lead_id, stale)
        return _written(session, outcome)


def is_named_in_place(given: Mapping[str, Any]) -> bool:
    """Whether a name among the values depends on the lead's team or pipeline."""
    return isinstance(given.get("pipeline_id"), str) or isinstance(given.get("stage_id"), str)


def _place(session: Session, lead_id: int) -> tuple[int, int]:
    found = places(session, [lead_id]).get(lead_id)
    if found is None:
        raise NotFound("There is no such lead, or you may not see it.")
    return found


def _stale(session: Session, lead_id: int, stale: Stale) -> Response:
    met = Result(edit=None, status="conflict", record_id=lead_id, conflicts=tuple(stale.facts["conflicts"]))  # type: ignore[arg-type]
    row = reads.lead(session, lead_id)
    found = problem(stale, conflicts=conflicts_of(session, [met])[lead_id], current=lead_of(row) if row else None)
    assert found.media_type == PROBLEM
    return found


@routes.post("/leads/{lead_id}/hand-over")
def hand_lead_over(call: Caller, lead_id: int, body: Annotated[HandOver, Body()]) -> Response:
    """Go on in another pipeline: a linked lead begins there (it is the answer), and this one ends in a won stage, as one change set."""
    seen = call.seen_version()
    with call.acting() as session:
        row, references = standing_lead(session, lead_id), References(session)
        call.person.require("lead", "create")  # before anything is said of pipelines
        pipeline_id = references.pipeline(body.pipeline, team_id=None if isinstance(body.pipeline, int) else row["team_id"])
        ends_in = references.stage(body.ends_in, pipeline_id=row["pipeline_id"], team_id=row["team_id"], is_staying=True)
        try:
            done = hand_over(session, lead_id, seen, pipeline_id or 0, ends_in=ends_in, source=SOURCE)
        except Stale as stale:
            return _stale(session, lead_id, stale)
        headers = {"Location": f"/api/v1/leads/{done.lead_id}", "X-Change-Set": str(done.change_set_id)}
        made = reads.lead(session, done.lead_id)
        if made is None:
            out_of_sight = {"id": done.lead_id, "version": 1, "visible": False}
            return call.first(session, answer(out_of_sight, status=201, headers={"ETag": '"1"', **headers}))
        return call.first(session, _lead(made, status=201, headers=headers))


@routes.delete("/leads/{lead_id}")
def delete_lead(call: Caller, lead_id: int) -> Response:
    """Delete, softly: undo of the change set (in X-Change-Set) brings the lead back."""
    seen = call.seen_version()
    with call.acting() as session:
        try:
            outcome = use_cases.delete_leads(session, [(lead_id, seen)], source=SOURCE, on_conflict="refuse")
        except Stale as stale:
            return _stale(session, lead_id, stale)
        return Response(status_code=204, headers={"X-Change-Set": str(outcome.change_set_id)})
