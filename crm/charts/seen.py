"""What a chart is drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crm.reports.use_cases import ReportResult


@dataclass(frozen=True, slots=True)
class Seen:
    """A report as somebody sees it. `beside`: another one that the same chart shows; `of`: the stage (by id) or the month that alone it is about.

    `markets`: code -> name.
    """

    result: ReportResult
    beside: ReportResult | None = None
    of: str = ""
    markets: Mapping[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> list[dict[str, Any]]:
        return self.result.rows

    def shows(self, column: str) -> bool:
        return self.result.shows(column)

    def first_shown(self, amount: str, count: str) -> str:
        """The amount, or, where the person's role hides it, how many there are."""
        return amount if self.shows(amount) else count
