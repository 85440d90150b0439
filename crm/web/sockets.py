"""Open pages, kept by session: one query every two seconds finds those whose session has ended or whose rights changed.

A page whose session ended is run once more (it then draws the sign-in form) and its socket is closed a moment later.
A page whose person's teams, roles or grants changed is run once more, so nothing typed is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from anyio import to_thread
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crm.access import Person, sessions
from crm.logs import log

CHECK_EVERY_SECONDS = 2.0
LAST_RUN_SECONDS = 0.7
POLICY_VIOLATION = 1008
STREAM = "/_stcore/stream"
MAX_PAGES_REMEMBERED = 20_000


@dataclass(eq=False)
class Socket:
    """One open websocket of a signed-in person."""

    token_hash: str
    person: Person
    """Whom the page shows: its session's person, or whom they look as."""
    viewing_as_id: int | None = None
    must_close: asyncio.Event = field(default_factory=asyncio.Event)


_open: set[Socket] = set()
_pages: dict[str, str] = {}
"""Streamlit's id of a page's session -> hash of the token it was drawn for."""


def bind(page_session_id: str, token_hash: str) -> None:
    """Note for whom a page's session draws."""
    _pages.pop(page_session_id, None)
    _pages[page_session_id] = token_hash
    while len(_pages) > MAX_PAGES_REMEMBERED:
        _pages.pop(next(iter(_pages)), None)


def release(page_session_id: str) -> None:
    """Nobody's any more: its state has been cleared."""
    _pages.pop(page_session_id, None)


def drawn_for(page_session_id: str) -> str | None:
    return _pages.get(page_session_id)


async def serve(app: ASGIApp, scope: Scope, receive: Receive, send: Send, *, signed_in: sessions.SignedIn | None) -> None:
    """Pass a websocket on to Streamlit until its session ends."""
    scope = _without_foreign_page(scope, signed_in.token_hash if signed_in else None)
    if signed_in is None:
        await app(scope, receive, send)
        return
    socket = Socket(signed_in.token_hash, signed_in.person, signed_in.person.id if signed_in.by else None)
    _open.add(socket)
    try:
        await app(scope, _until(socket, receive, send), send)
    finally:
        _open.discard(socket)


def _without_foreign_page(scope: Scope, token_hash: str | None) -> Scope:
    """Streamlit takes the third subprotocol for the id of a session to resume, from whoever knows it. Only its own cookie may."""
    headers = []
    for name, value in scope["headers"]:
        if name == b"sec-websocket-protocol":
            parts = [part.strip() for part in value.decode("latin-1").split(",")]
            drawn = drawn_for(parts[2]) if len(parts) > 2 else None
            if drawn is not None and drawn != token_hash:
                value = ", ".join(parts[:2]).encode("latin-1")
        headers.append((name, value))
    return {**scope, "headers": headers}


def _until(socket: Socket, receive: Receive, send: Send) -> Receive:
    """`receive` that ends the socket as soon as it must close."""

    async def receive_or_close() -> Message:
        incoming = asyncio.ensure_future(receive())
        closing = asyncio.ensure_future(socket.must_close.wait())
        try:
            await asyncio.wait({incoming, closing}, return_when=asyncio.FIRST_COMPLETED)
            if not socket.must_close.is_set():
                return incoming.result()
        finally:
            for task in (incoming, closing):
                if not task.done():
                    task.cancel()
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": "signed out"})
        return {"type": "websocket.disconnect", "code": POLICY_VIOLATION}

    return receive_or_close


async def watch() -> None:
    """Until cancelled: every two seconds, close what has ended and run what has changed."""
    stamp = 0
    while True:
        await asyncio.sleep(CHECK_EVERY_SECONDS)
        if not _open:
            continue
        try:
            stamp = await _check(stamp)
        except Exception as error:
            # The database is away: nothing can be read through those pages either. Look again in two seconds.
            log.warning("sockets_not_checked", error=type(error).__name__)


async def _check(last_stamp: int) -> int:
    open_now = list(_open)
    valid, stamp = await to_thread.run_sync(sessions.valid_among, {socket.token_hash for socket in open_now})
    ended = [socket for socket in open_now if socket.token_hash not in valid]
    if ended:
        _run_again({socket.token_hash for socket in ended})
        await asyncio.sleep(LAST_RUN_SECONDS)
        for socket in ended:
            socket.must_close.set()
        log.info("sockets_closed", count=len(ended))
    still_open = [socket for socket in open_now if socket.token_hash in valid]
    if (stamp and stamp != last_stamp) or any(socket.viewing_as_id != valid[socket.token_hash][1] for socket in still_open):
        await _follow_changes(still_open, valid)
    return stamp or last_stamp


async def _follow_changes(open_now: list[Socket], valid: Mapping[str, sessions.Whose]) -> None:
    people = await to_thread.run_sync(sessions.people_as_of_now, set(valid.values()))
    changed = set()
    for socket in open_now:
        whose = valid[socket.token_hash]
        person = people.get(whose)
        if person and (person.id, person.memberships) != (socket.person.id, socket.person.memberships):
            changed.add(socket.token_hash)
        socket.person, socket.viewing_as_id = person or socket.person, whose[1]
    if changed:
        _run_again(changed)


def _run_again(token_hashes: set[str]) -> None:
    """Ask Streamlit to run the pages drawn for these sessions, where they stand."""
    from streamlit import runtime

    if not runtime.exists():
        return
    pages = runtime.get_instance()._session_mgr
    for page_session_id in [page for page, token_hash in _pages.items() if token_hash in token_hashes]:
        info = pages.get_active_session_info(page_session_id)
        if info is not None:
            info.session.request_rerun(info.session._client_state)
