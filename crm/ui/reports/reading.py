"""Reads the reports of a page in one transaction. One that is refused, or asked for what is not there, leaves its words; the others stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from crm.access import person_of
from crm.errors import Invalid, Refused
from crm.reports.caching import run_kept
from crm.reports.registry import report_named
from crm.reports.use_cases import ReportResult
from crm.ui.reports.asked import Asked


@dataclass(frozen=True, slots=True)
class Read:
    """One report as it was read, and what it was asked for; `words` say why there is no result."""

    name: str
    params: Mapping[str, str]
    as_of: date | None
    result: ReportResult | None = None
    words: str = ""

    @property
    def rows(self) -> list[dict[str, Any]]:
        return self.result.rows if self.result else []

    def shows(self, column: str) -> bool:
        """Whether the column is there and not hidden from whoever looks."""
        return self.result is not None and column not in self.result.left_out

    def sum(self, column: str) -> Any:
        """Over all rows; None where it is hidden."""
        return sum((row[column] or 0 for row in self.rows), 0) if self.shows(column) else None


@dataclass(slots=True)
class Reader:
    """`reader("win_rate", asked, by="owner")`. What was read for the page itself is remembered for its export."""

    session: Session
    done: list[Read] = field(default_factory=list)

    def __call__(self, name: str, asked: Asked, *, period: tuple[date, date] | None = None, **more: Any) -> Read:
        """`period`: another one than the page's, read for comparison only."""
        params = asked.params(name, period=period, **more)
        found = self._read(name, params, asked.as_of)
        if period is None:
            self.done.append(found)
        return found

    def earlier(self, name: str, asked: Asked, **more: Any) -> Read | None:
        """The same for the time that is compared with; None where nothing is."""
        return self(name, asked, period=asked.earlier, **more) if asked.earlier else None

    def _read(self, name: str, params: Mapping[str, str], as_of: date | None) -> Read:
        report = report_named(name)
        try:
            if report.is_of_orders:
                person_of(self.session).require("customer", "view")
            return Read(name, params, as_of, run_kept(self.session, report, params, as_of))
        except (Refused, Invalid) as error:
            return Read(name, params, as_of, words=error.detail)
