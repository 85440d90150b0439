"""Where a part of a report is drawn: on its own page, or as a block among others, whose keys, title and way to the page it then takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Frame:
    """`key` tells it from other blocks that show the same; `title` is empty for the part's own. `page` with `query` is the whole of it, asked the same."""

    key: str
    title: str
    page: str
    query: Mapping[str, Any]
    remark: str = ""


_standing: ContextVar[Frame | None] = ContextVar("frame", default=None)


def frame() -> Frame | None:
    """The block that is being drawn; None on a report's own page."""
    return _standing.get()


def key_in(name: str) -> str:
    """A widget's or container's key, of this block alone."""
    standing = _standing.get()
    return f"{standing.key}_{name}" if standing else name


@contextmanager
def framed(block: Frame) -> Iterator[None]:
    token = _standing.set(block)
    try:
        yield
    finally:
        _standing.reset(token)
