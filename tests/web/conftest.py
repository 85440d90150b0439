"""The guard and our routes around an app that answers everything, asked without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from crm.access import as_system, sessions
from crm.web import cookie, routes
from crm.web.guard import Guard

ORIGIN = "http://localhost:8501"


async def _anything(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"inner {request.url.path}")


async def _echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(socket.headers.get("sec-websocket-protocol", ""))
    async for text in socket.iter_text():
        await socket.send_text(text)


@pytest.fixture
def web(db: Any) -> Iterator[TestClient]:
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    inner = [*routes.own_routes(), WebSocketRoute("/{path:path}", _echo), Route("/{path:path}", _anything, methods=methods)]
    with TestClient(Starlette(routes=inner, middleware=[Middleware(Guard)]), base_url=ORIGIN) as client:
        yield client


@pytest.fixture
def token(cast: Any) -> str:
    """A session of ana's."""
    with as_system() as session:
        return sessions.start(session, cast.people["ana"], address="192.0.2.10", device="Firefox on Linux")


@pytest.fixture
def signed_in(web: TestClient, token: str) -> TestClient:
    web.cookies.set(cookie.name(), token)
    return web
