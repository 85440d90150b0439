"""Reports: the same names and parameters as `python -m crm report`, in the key's reach."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from crm.api import cursors
from crm.api.answers import answer, listing
from crm.api.door import Caller, Door
from crm.api.parameters import AsOf, ExploreQuery, Paging, ReportQuery
from crm.explore.use_cases import run_exploration
from crm.reports.filters import read_day
from crm.reports.registry import REPORTS, Report
from crm.reports.use_cases import run

routes = APIRouter(prefix="/v1", route_class=Door, tags=["reports"])


@routes.get("/reports")
def list_reports(call: Caller, query: Annotated[Paging, Query()]) -> Response:
    """Every report: the question it answers, its parameters and columns."""
    call.person.require("report", "view")
    last = cursors.read(query.cursor, ["reports"]) or ""
    names = sorted(name for name in REPORTS if name > last)
    page = names[: query.limit]
    return listing([_report(REPORTS[name]) for name in page], cursors.write(page[-1], ["reports"]) if len(names) > len(page) else None)


def _report(report: Report) -> dict[str, object]:
    return {
        "name": report.name,
        "title": report.title,
        "parameters": [{"name": param.name, "says": param.says, "options": list(param.options) or None} for param in report.params],
        "columns": [{"name": column.name, "type": column.type} for column in report.columns],
        "known_on": report.tells_what_was_known,
    }


@routes.get("/reports/{name}")
def read_report(call: Caller, name: str, query: Annotated[ReportQuery, Query()]) -> Response:
    """One report, now or as of the end of a past day, as it is known now or was known on a day; its own parameters go into the query."""
    return answer(run(call.person, name, query.model_extra or {}, *_days(query)).as_json())


@routes.get("/explore")
def read_exploration(call: Caller, query: Annotated[ExploreQuery, Query()]) -> Response:
    """A measure of leads or orders over up to two dimensions: `measure`, `which`, `by`, `split` and filters; now, as of a past day, or as known on one."""
    return answer(run_exploration(call.person, query.model_extra or {}, *_days(query)).as_json())


def _days(query: AsOf) -> tuple[date | None, date | None]:
    """`as_of` and `known_on`. Raises `Invalid`."""
    return read_day(query.as_of, "as_of") if query.as_of else None, read_day(query.known_on, "known_on") if query.known_on else None
