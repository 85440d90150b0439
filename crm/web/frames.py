"""The websocket protocol of `serve`: what a run of a page says in many small messages leaves the machine together.

A run of a page is some fifty messages, each a frame of its own. Sent one by one, each costs a call into the operating system, in
the one thread that everybody's pages share; gathered for a few milliseconds they cost one.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

GATHER_SECONDS = 0.003
ENOUGH_BYTES = 1 << 16
"""So much is not kept waiting."""


class Gathering:
    """A transport that keeps what is written for a moment, and passes everything else on at once and in order."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def write(self, data: bytes) -> None:
        self._waiting.append(data)
        self._bytes += len(data)
        if self._bytes >= ENOUGH_BYTES:
            self._send()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER_SECONDS, self._send)

    def close(self) -> None:
        self._send()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _send(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            together, self._waiting, self._bytes = b"".join(self._waiting), [], 0
            if not self._transport.is_closing():
                self._transport.write(together)


class GatheringProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's websocket protocol over such a transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(Gathering(transport))  # type: ignore[arg-type]
