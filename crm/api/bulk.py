"""Many leads in one call: each edit is answered for itself, all of them are one change set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import ValidationError
from sqlalchemy.orm import Session
from starlette.responses import Response

from crm.api.answers import answer
from crm.api.calls import SOURCE
from crm.api.door import Caller, Door
from crm.api.lead_form import conflicts_of, given_values
from crm.api.leads import is_named_in_place
from crm.api.names import field_of
from crm.api.problems import not_valid
from crm.api.requests import LeadEdit, LeadEdits, LeadFields
from crm.changes import Outcome, Result
from crm.errors import CrmError, Invalid, NotFound
from crm.leads import use_cases
from crm.leads.references import References, places, wanted_ids

routes = APIRouter(prefix="/v1", route_class=Door, tags=["leads"])
STATUS = {"unchanged": "applied"}
"""The write path tells apart what stood already; a script need not."""


@dataclass(slots=True)
class _Asked:
    """One edit as it came: its record fields, or why it cannot be tried."""

    edit: LeadEdit
    values: Mapping[str, Any]
    error: CrmError | None = None


@routes.patch("/leads")
def change_leads(call: Caller, body: Annotated[LeadEdits, Body()]) -> Response:
    """Up to 1,000 edits as one change set. A conflict applies the fields nobody touched and waits under /conflicts for you to settle."""
    call.person.require("lead", "bulk")
    with call.acting() as session:
        asked = [_read(edit) for edit in body.edits]
        _name(session, asked)
        tried = [one for one in asked if one.error is None]
        outcome = use_cases.edit_leads_in_bulk(session, [(one.edit.id, one.edit.version, one.values) for one in tried], source=SOURCE) if tried else Outcome()
        results = iter(outcome.results)
        met = conflicts_of(session, outcome.results)
        rows = [_refused(one.edit.id, one.error) if one.error else _result(next(results), met) for one in asked]
        return answer({"change_set": outcome.change_set_id, "results": rows})


def _read(edit: LeadEdit) -> _Asked:
    try:
        return _Asked(edit, given_values(LeadFields.model_validate(edit.set)))
    except ValidationError as error:
        return _Asked(edit, {}, not_valid(error.errors(include_url=False, include_context=False, include_input=False)))


def _name(session: Session, asked: list[_Asked]) -> None:
    """Names to ids, within each lead's own team and pipeline."""
    references = References(session)
    in_place = {one.edit.id for one in asked if is_named_in_place(one.values)}
    standing = places(session, in_place) if in_place else {}
    for one in asked:
        if one.error is not None:
            continue
        try:
            if one.edit.id in in_place and one.edit.id not in standing:
                raise NotFound("There is no such lead, or you may not see it.")
            one.values = wanted_ids(references, one.values, place=standing.get(one.edit.id, (0, 0)))
        except CrmError as error:
            one.error = error


def _refused(lead_id: int, error: CrmError) -> dict[str, Any]:
    status = {403: "denied", 404: "not_found", 410: "not_found"}.get(error.status, "invalid")
    found: dict[str, Any] = {"id": lead_id, "status": status, "detail": error.detail}
    if isinstance(error, Invalid) and error.field:
        found["field"] = field_of(error.field)
    if "merged_into" in error.facts:
        found["merged_into"] = error.facts["merged_into"]
    return found


def _result(result: Result, met: Mapping[int, list[dict[str, Any]]]) -> dict[str, Any]:
    if result.error is not None:
        return _refused(result.record_id or 0, result.error)
    found: dict[str, Any] = {
        "id": result.record_id, "status": STATUS.get(result.status, result.status), "version": result.version,
        "applied": [field_of(name) for name in result.applied],
    }  # fmt: skip
    if result.conflicts:
        found["conflicts"] = met[result.record_id or 0]
    return found
