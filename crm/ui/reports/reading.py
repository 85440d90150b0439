"""Reads the reports of a page in one transaction. One that is refused, takes too long, or is asked for what is not there leaves its words; the others stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from crm.access import person_of
from crm.errors import Invalid, Refused, TookTooLong
from crm.reports.caching import run_kept
from crm.reports.registry import report_named
from crm.reports.use_cases import ReportResult
from crm.ui.reports.asked import Asked

CANNOT_TELL = "Orders are read anew from production, and what they said on a past day is not kept. Empty “As we knew it”, and this part shows."


@dataclass(frozen=True, slots=True)
class Read:
    """One report as it was read, and what it was asked for; `words` say why there is no result."""

    name: str
    params: Mapping[str, str]
    as_of: date | None
    known_on: date | None = None
    result: ReportResult | None = None
    words: str = ""

    @property
    def rows(self) -> list[dict[str, Any]]:
        return self.result.rows if self.result else []

    def shows(self, column: str) -> bool:
        """Whether the column is there and not hidden from whoever looks."""
        return self.result is not None and column not in self.result.left_out

    def column(self, name: str) -> list[Any]:
        """Its values from the first row to the last; none where it is hidden."""
        return [row[name] for row in self.rows] if self.shows(name) else []

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
        found = self._read(name, asked.params(name, period=period, **more), asked)
        if period is None:
            self.done.append(found)
        return found

    def earlier(self, name: str, asked: Asked, **more: Any) -> Read | None:
        """The same for the time that is compared with; None where nothing is."""
        return self(name, asked, period=asked.earlier, **more) if asked.earlier else None

    def course(self, name: str, asked: Asked, **more: Any) -> Read:
        """How something went up to the last day that is looked at, for the line in a tile: over the time that is usual for the report."""
        params = {name_: value for name_, value in asked.params(name, **more).items() if name_ not in ("from", "to") or name_ in more}
        return self._read(name, params, asked)

    def _read(self, name: str, params: Mapping[str, str], asked: Asked) -> Read:
        report, days = report_named(name), (asked.as_of, asked.known_on)
        if asked.known_on and not report.tells_what_was_known:
            return Read(name, params, *days, words=CANNOT_TELL)
        try:
            if report.is_of_orders:
                person_of(self.session).require("customer", "view")
            return Read(name, params, *days, run_kept(self.session, report, params, *days))
        except (Refused, Invalid, TookTooLong) as error:
            return Read(name, params, *days, words=error.detail)
