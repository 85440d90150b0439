"""The outermost middleware: who may ask at all (Host, Origin), which of Streamlit's endpoints exist, and what every answer carries."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from anyio import to_thread
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crm.access import sessions
from crm.settings import current
from crm.web import cookie, hosts, sockets

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
# What the browser needs of Streamlit's own endpoints; whatever else it answers under these prefixes does not exist here.
OPEN = ("/_stcore/health", "/_stcore/bidi-components/", sockets.STREAM)
SIGNED_IN_ONLY = ("/media/", "/_stcore/upload_file/")
CLOSED = ("/_stcore/", "/auth/", "/oauth2callback")
HOST_CONFIG = "/_stcore/host-config"
# The page that asks needs these seven; none of them lets anybody else in.
HOST_CONFIG_ANSWER = {
    "allowedOrigins": [], "useExternalAuthToken": False, "enableCustomParentMessages": False, "enforceDownloadInNewTab": False,
    "metricsUrl": "", "blockErrorDialogs": False, "resourceCrossOriginMode": None,
}  # fmt: skip

# Streamlit styles by inline styles, loads components' scripts from blobs and compiles WebAssembly and chart expressions.
POLICY = "; ".join((
    "default-src 'self'",
    "script-src 'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "media-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self' data: blob:",
    "worker-src 'self' blob:",
    "frame-src 'self' data: blob:",
    "frame-ancestors 'none'",
    "form-action 'self'",
    "base-uri 'self'",
    "object-src 'none'",
))  # fmt: skip
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}

# Scripts, styles and fonts are a hundred small answers; a page's policy says nothing to them.
ASSET_HEADERS = {"x-content-type-options": "nosniff"}


class Guard:
    """ASGI middleware around the whole app."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "http":
            is_asset = scope["path"].startswith("/static/")
            await self._http(scope, receive, _with_headers(send, ASSET_HEADERS if is_asset else HEADERS))
        else:
            await self.app(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        allowed = hosts.allowed(current())
        origin = allowed.get(connection.headers.get("host", "").lower())
        if origin is None or connection.headers.get("origin") != origin or scope["path"] != sockets.STREAM:
            await send({"type": "websocket.close", "code": sockets.POLICY_VIOLATION})
            return
        await sockets.serve(self.app, scope, receive, send, signed_in=await _signed_in(connection))

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await _refusal(scope)
        await (answer or self.app)(scope, receive, send)


async def _refusal(scope: Scope) -> Response | None:
    """The answer that ends this request here, if any."""
    connection, path = HTTPConnection(scope), _plain(scope["path"])
    if path == "/healthz":
        return None  # asked by machines that know the server by address only, and it says nothing
    origin = hosts.allowed(current()).get(connection.headers.get("host", "").lower())
    if origin is None:
        return PlainTextResponse("This server does not go by that name. Set CRM_BASE_URL to the address people type.", 421)
    if scope["method"] not in SAFE_METHODS and connection.headers.get("origin", origin) != origin:
        return PlainTextResponse("Requests from other sites are refused.", 403)
    if path == HOST_CONFIG:
        return JSONResponse(HOST_CONFIG_ANSWER, headers={"cache-control": "no-cache"})
    if path.startswith(SIGNED_IN_ONLY):
        return await _refusal_of_files(connection, path)
    if path.startswith(CLOSED) and not path.startswith(OPEN):
        return PlainTextResponse("Not found", 404)
    return None


async def _refusal_of_files(connection: HTTPConnection, path: str) -> Response | None:
    signed_in = await _signed_in(connection)
    if signed_in is None:
        return PlainTextResponse("Sign in first.", 401)
    if path.startswith("/_stcore/upload_file/") and sockets.drawn_for(path.split("/")[3]) != signed_in.token_hash:
        return PlainTextResponse("This page belongs to another sign-in.", 403)
    return None


async def _signed_in(connection: HTTPConnection) -> sessions.SignedIn | None:
    token = cookie.token_in(connection.cookies)
    return await to_thread.run_sync(sessions.find, token) if token else None


def _plain(path: str) -> str:
    """The path with doubled slashes and a second encoding undone, so that no spelling slips by."""
    path = unquote(path)
    while "//" in path:
        path = path.replace("//", "/")
    return path


def _with_headers(send: Send, added: Mapping[str, str]) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in added.items():
                headers.setdefault(name, value)
            if cookie.is_secure(current()) and added is HEADERS:
                headers.setdefault("strict-transport-security", "max-age=31536000")
        await send(message)

    return send_with_headers
