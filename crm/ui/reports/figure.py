"""A figure of a report page that can stand by itself, as a block of a dashboard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from crm.reports.registry import report_named
from crm.ui.reports.reading import Read, Reader
from crm.ui.reports.shell import Page

NOTHING = Read("", {}, None)
"""In place of what a figure does not show, and need not read."""


@dataclass(frozen=True, slots=True)
class Figure:
    """`report`: the one it is about. `read` gets what `draw` shows, in the caller's transaction.

    `narrow`: the page as the figure needs it asked, where it makes sense for less than may be asked.
    """

    report: str
    read: Callable[[Reader, Page], Any]
    draw: Callable[[Any, Page], None]
    narrow: Callable[[Page], Page] = lambda page: page

    def takes(self, name: str) -> bool:
        """Whether the filter narrows it."""
        return any(param.name == name for param in report_named(self.report).params)
