"""What a page says in many messages leaves together, whole and in order, however it was gathered."""

import asyncio

from crm.web.frames import ENOUGH_BYTES, Gathering


class Transport:
    """What left, call by call."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes) -> None:
        assert not self.is_closed
        self.sent.append(data)

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> str:
        return "paused"


async def settled(transport: Transport, size: int) -> None:
    for _ in range(1000):
        if sum(map(len, transport.sent)) >= size:
            return
        await asyncio.sleep(0.01)


def test_small_messages_leave_together_and_in_order():
    async def run() -> list[bytes]:
        gathering = Gathering(transport := Transport())
        for number in range(50):
            gathering.write(b"%02d" % number)
        assert transport.sent == []
        await settled(transport, 100)
        gathering.write(b"later")
        await settled(transport, 105)
        return transport.sent

    assert asyncio.run(run()) == [b"".join(b"%02d" % number for number in range(50)), b"later"]


def test_what_is_large_leaves_at_once_behind_what_waited():
    async def run() -> list[bytes]:
        gathering = Gathering(transport := Transport())
        gathering.write(b"first")
        gathering.write(b"x" * ENOUGH_BYTES)
        return list(transport.sent)

    assert asyncio.run(run()) == [b"first" + b"x" * ENOUGH_BYTES]


def test_closing_sends_what_waits_and_nothing_after():
    async def run() -> Transport:
        gathering = Gathering(transport := Transport())
        gathering.write(b"goodbye")
        gathering.close()
        gathering.write(b"too late")
        await asyncio.sleep(0.05)
        assert gathering.is_closing()
        return transport

    assert asyncio.run(run()).sent == [b"goodbye"]


def test_everything_else_is_the_transports_own():
    assert Gathering(Transport()).pause_reading() == "paused"
