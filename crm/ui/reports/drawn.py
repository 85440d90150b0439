"""The charts that this run of a page has drawn, so that each can leave as a picture with its title and what its figures are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from crm import clock
from crm.ui.reports.reading import Read


@dataclass(frozen=True, slots=True)
class Drawn:
    """One chart: the block it stands in, and the figure as plotly takes it."""

    title: str
    read: Read
    figure: dict[str, Any]

    def footer(self) -> list[str]:
        """What its figures are (period, scope, what they are narrowed to, currency, age), and when they were looked at."""
        if self.read.result is None:
            return []
        question = f"{self.read.result.title} " if self.read.result.title != self.title else ""
        return [" ".join(self.read.result.states()), f"{question}{clock.now():%-d %b %Y, %H:%M} UTC, from Throughline."]


_drawn: ContextVar[list[Drawn] | None] = ContextVar("drawn", default=None)
_block: ContextVar[tuple[str, Read] | None] = ContextVar("block", default=None)


def begin() -> None:
    """A page begins: nothing is drawn yet."""
    _drawn.set([])


@contextmanager
def inside(title: str, read: Read | None) -> Iterator[None]:
    """Charts drawn meanwhile stand below this title."""
    outer = _block.get()
    _block.set((title, read) if read is not None else None)
    try:
        yield
    finally:
        _block.set(outer)


def keep(figure: dict[str, Any]) -> None:
    """Remember a chart as it is drawn; nothing outside of a report page, or of a block that has no report of its own."""
    charts, block = _drawn.get(), _block.get()
    if charts is not None and block is not None:
        charts.append(Drawn(block[0], block[1], figure))


def charts() -> list[Drawn]:
    """In the order in which they were drawn."""
    return list(_drawn.get() or ())
