"""The charts that this run of a page has drawn, so that each can leave as a picture."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from crm.exports import picture
from crm.reports.export import Wanted
from crm.ui.reports.reading import Read


@dataclass(frozen=True, slots=True)
class Drawn:
    """One chart of a report by its name, empty for the usual one. `beside`, `of`: what else it shows, and what alone it is about."""

    title: str
    read: Read
    name: str = ""
    beside: Read | None = None
    of: str = ""

    def wanted(self) -> dict[str, Any]:
        """The question that a job answers with the picture."""
        return picture.wanted_of(asked(self.read), self.name, beside=asked(self.beside) if self.beside else None, of=self.of)


def asked(read: Read) -> Wanted:
    """The question that a report answered."""
    return Wanted(read.name, read.params, read.as_of, read.known_on)


_drawn: ContextVar[list[Drawn] | None] = ContextVar("drawn", default=None)


def begin() -> None:
    """A page begins: nothing is drawn yet."""
    _drawn.set([])


def keep(chart: Drawn) -> None:
    """Remember a chart as it is drawn; nothing outside of a report page."""
    charts = _drawn.get()
    if charts is not None:
        charts.append(chart)


def charts() -> list[Drawn]:
    """In the order in which they were drawn."""
    return list(_drawn.get() or ())
