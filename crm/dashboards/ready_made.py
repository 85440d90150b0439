"""Dashboards to begin with: somebody's first one is never an empty page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crm.dashboards.rules import FULL, HALF


@dataclass(frozen=True, slots=True)
class ReadyMade:
    """`says`: what it is for. `filters`: what it opens with."""

    name: str
    says: str
    blocks: Sequence[Mapping[str, Any]]
    filters: Mapping[str, Any] = field(default_factory=dict)


def _blocks(*given: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"what": what, "width": width} for what, width in given]


READY_MADE: Mapping[str, ReadyMade] = {
    "quarter": ReadyMade(
        "This quarter", "how the quarter stands, who wins, what waits",
        _blocks(
            ("forecast.summary", FULL), ("forecast.months", HALF), ("pipeline.stages", HALF), ("wins.owners", HALF), ("wins.reasons", HALF),
            ("team.activity", HALF), ("stale.leads", HALF), ("pipeline.movement", FULL),
        ),
        {"period": "quarter"},
    ),
    "week": ReadyMade(
        "What to look at this week", "what waits, who heard nothing, what was done",
        _blocks(("stale.summary", FULL), ("stale.leads", HALF), ("stale.customers", HALF), ("team.activity", HALF), ("pipeline.funnel", HALF)),
        {"period": "30_days"},
    ),
    "revenue": ReadyMade(
        "Orders and markets", "what was ordered where, and who comes back",
        _blocks(("revenue.summary", FULL), ("revenue.months", HALF), ("revenue.markets", HALF), ("revenue.cohorts", FULL)), {"period": "90_days"},
    ),
}  # fmt: skip
