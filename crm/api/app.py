"""The API as one app, `api`, mounted at `/api`. Keys only: a cookie of the pages opens nothing here, and no other site may read an answer."""

from __future__ import annotations

from functools import lru_cache

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from crm.api import alerts, bulk, companies, customers, dashboards, exports, leads, lookups, reports, settling, shaping, templates, timeline
from crm.api.answers import answer
from crm.api.docs_page import STYLE, page
from crm.api.openapi import document
from crm.api.problems import Malformed, MethodNotAllowed, problem
from crm.errors import CrmError, NotFound

MODULES = (lookups, shaping, leads, bulk, timeline, alerts, companies, templates, customers, settling, reports, dashboards, exports)
ROUTES = tuple(route for module in MODULES for route in module.routes.routes)
QUIET: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False}

documented = FastAPI(routes=list(ROUTES), openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, telemetry=QUIET)


async def api(scope: Scope, receive: Receive, send: Send) -> None:
    """The routes, without FastAPI's layers around them: `door` does what those are for, and they cost as much as an answer."""
    if not scope["path"].removeprefix(scope.get("root_path", "")).startswith("/v1/"):
        return await documented(scope, receive, send)
    try:
        await documented.router({**scope, "app": documented}, receive, send)
    except HTTPException as error:
        response = await no_such_route(Request(scope), error)
        await response(scope, receive, send)


@documented.exception_handler(HTTPException)
async def no_such_route(request: Request, error: HTTPException) -> Response:
    """What routing itself refuses."""
    headers = error.headers or {}
    if error.status_code == 405:
        allowed = sorted(headers.get("Allow", "").split(", "))
        return problem(MethodNotAllowed(f"{request.method} is not offered here. Take {' or '.join(allowed)}.", allowed=allowed))
    found: CrmError = NotFound("There is no such route. All of them are under /api/docs.") if error.status_code == 404 else Malformed(str(error.detail))
    return problem(found)


@lru_cache(maxsize=1)
def _docs() -> tuple[bytes, str]:
    found = document(ROUTES)
    return bytes(answer(found).body), page(found)


@documented.get("/openapi.json", include_in_schema=False)
async def openapi() -> Response:
    """The OpenAPI document."""
    return Response(_docs()[0], media_type="application/json")


@documented.get("/docs", include_in_schema=False)
async def docs() -> Response:
    """The same as a page for people."""
    return HTMLResponse(_docs()[1])


@documented.get("/docs.css", include_in_schema=False)
async def docs_style() -> Response:
    return Response(STYLE, media_type="text/css")
