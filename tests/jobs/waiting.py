"""Waiting for what other processes do, and looking at the queue from outside."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import psutil
from sqlalchemy import Connection, text

Found = TypeVar("Found")
LONG_SECONDS = 180.0  # no test passes because this is over


def eventually(look: Callable[[], Found], *, seconds: float = LONG_SECONDS) -> Found:
    """The first true answer of `look`; fails when there is none within `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@contextmanager
def on_queue(db) -> Iterator[Connection]:
    """The owner's connection to the queue's tables, committed at the end."""
    with db.owner().begin() as connection:
        connection.execute(text("set local search_path = jobs"))
        yield connection
