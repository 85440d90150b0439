"""Routes that are neither a page nor the API: the session cookie, the health check, the icon."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
from anyio import to_thread
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from crm.access import as_system, sessions, sign_in
from crm.errors import CrmError
from crm.web import cookie, downloads, hosts

ICON = Path(__file__).parent / "icon.svg"
LONGEST_BODY = 1000


async def begin_session(request: Request) -> Response:
    """Trade a sign-in ticket for the cookie."""
    body = await _short_body(request) if _is_own_page(request) else None
    if body is None:
        return JSONResponse({"title": "Not permitted"}, 403)
    try:
        ticket = str(orjson.loads(body)["ticket"])
    except (ValueError, KeyError, TypeError):
        return JSONResponse({"title": "A ticket is missing"}, 422)
    try:
        token = await to_thread.run_sync(lambda: sign_in.redeem_ticket(ticket, address=address_of(request), device=device_of(request)))
    except CrmError as error:
        return JSONResponse({"title": error.title}, 401)
    response = Response(status_code=204)
    cookie.put(response, token)
    return response


async def _short_body(request: Request) -> bytes | None:
    """The body, which a stranger may send without end; None as soon as it is too long, whatever it announces."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_BODY:
            return None
    return body


async def end_session(request: Request) -> Response:
    """Sign out: end the session and drop the cookie."""
    if not _is_own_page(request):
        return JSONResponse({"title": "Not permitted"}, 403)
    await to_thread.run_sync(lambda: sessions.end(cookie.token_in(request.cookies), address=address_of(request)))
    response = Response(status_code=204)
    cookie.drop(response)
    return response


async def health(_request: Request) -> Response:
    """200 after a round trip to the database; 503 without one."""
    try:
        await to_thread.run_sync(_ask_database)
    except Exception:  # whatever the driver raises, the answer is the same
        return JSONResponse({"status": "no database"}, 503)
    return JSONResponse({"status": "ok"})


async def icon(_request: Request) -> Response:
    return FileResponse(ICON, media_type="image/svg+xml", headers={"cache-control": "public, max-age=86400"})


def own_routes() -> list[BaseRoute]:
    return [
        Route("/session", begin_session, methods=["POST"]),
        Route("/session", end_session, methods=["DELETE"]),
        Route(downloads.PATH + "{token}", downloads.fetch),
        Route("/healthz", health),
        Route("/favicon.png", icon),
    ]


def address_of(request: Request) -> str:
    """Who asks, as uvicorn knows it: behind a proxy on this machine, the address the proxy names."""
    return request.client.host if request.client else ""


def device_of(request: Request) -> str:
    """ "Firefox on Windows", from what the browser says of itself."""
    return device_in(request.headers.get("user-agent", ""))


def device_in(agent: str) -> str:
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if re.search(mark, agent)), "")
    return " on ".join(filter(None, (browser, system))) or "unknown"


_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"), ("curl/", "curl"))
_SYSTEMS = (("iPhone|iPad", "iOS"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS X", "macOS"), ("Linux", "Linux"))


def _is_own_page(request: Request) -> bool:
    """A script on one of our pages: the Origin was compared by the guard, and here it must be there."""
    from crm.settings import current

    return request.headers.get("origin") == hosts.allowed(current()).get(request.headers.get("host", "").lower())


def _ask_database() -> None:
    with as_system() as session:
        session.execute(text("select 1 from crm.access_stamps"))
