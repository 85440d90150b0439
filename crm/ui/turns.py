"""Runs of pages take turns. Python runs one thread at a time: thirty runs side by side would all end as late as the last
of them, and lose time handing over to each other; in turns, most end early."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

AT_ONCE = 2
"""One computes while another waits for the database."""
PATIENCE_SECONDS = 0.5
"""A run that takes long (a big page, a slow database) never holds the others up for longer than this."""

_turns = threading.BoundedSemaphore(AT_ONCE)


@contextmanager
def turn() -> Iterator[None]:
    """Wait for one's turn, but not for long; hand it on at the end."""
    has_turn = _turns.acquire(timeout=PATIENCE_SECONDS)
    try:
        yield
    finally:
        if has_turn:
            _turns.release()
