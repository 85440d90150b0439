"""Decisions about dashboards and their blocks: no session, no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from crm.errors import Invalid
from crm.organisation.rules import read_market
from crm.views.rules import read_address

REPORT, EXPLORATION = "report", "exploration"
KINDS = (REPORT, EXPLORATION)
EXPLORE = "explore"
"""What an exploration is of: the page whose address it keeps."""
HALF, FULL = "half", "full"
WIDTHS = (HALF, FULL)
PERIODS = ("30_days", "90_days", "quarter", "year")
LONGEST_NAME, LONGEST_TITLE, LONGEST_TEXT, MOST_BLOCKS = 60, 80, 200, 24

FIGURES: Mapping[str, str] = {
    "pipeline.summary": "Pipeline in four figures", "pipeline.stages": "Where leads stand", "pipeline.funnel": "How far they get",
    "pipeline.movement": "What moved",
    "forecast.summary": "Forecast in four figures", "forecast.months": "What may come, what came, and what was said before",
    "forecast.owners": "Whose leads is it in?",
    "wins.summary": "Won and lost in four figures", "wins.months": "Won and lost, month by month", "wins.owners": "Who wins?",
    "wins.sources": "Where do leads come from, and what becomes of them?", "wins.reasons": "Why is it lost?",
    "team.summary": "The team in four figures", "team.owners": "Who has what open, and who won?", "team.activity": "Who called, met and wrote?",
    "team.lines": "Owners, and their goals",
    "revenue.summary": "Revenue in four figures", "revenue.months": "What was ordered, month by month", "revenue.markets": "Where does it come from?",
    "revenue.cohorts": "Who orders again?",
    "stale.summary": "What waits, in four figures", "stale.stages": "How long do leads stay in each stage?", "stale.leads": "Which leads wait?",
    "stale.customers": "Who ordered and heard nothing from us?",
}  # fmt: skip
"""Every figure of a report that a block can show, and what it is called by itself."""


def _read_id(given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not 0 < given < 2**62:
        raise ValueError
    return given


def _read_text(given: Any) -> str:
    if not isinstance(given, str) or len(given) > LONGEST_TEXT:
        raise ValueError
    return given


def _read_period(given: Any) -> str:
    if given not in PERIODS:
        raise ValueError
    return str(given)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "team": _read_id, "owner": _read_id, "pipeline": _read_id, "source": _read_text, "market": lambda given: read_market(_read_text(given)),
    "period": _read_period,
}  # fmt: skip
FILTERS = ("team", "owner", "market", "period")
"""What a dashboard may open with."""
PARAMETERS = ("team", "owner", "pipeline", "source", "market")
"""What a block may be narrowed to by itself."""


def read_filters(given: Any) -> dict[str, Any]:
    """In the one form they are kept in. Raises `Invalid` for what no dashboard takes."""
    return _read(given, FILTERS, field="filters")


def read_parameters(kind: str, given: Any) -> dict[str, Any]:
    """Those of a figure; of an exploration, its address as Explore keeps it. Raises `Invalid`."""
    if kind == REPORT:
        return _read(given, PARAMETERS, field="parameters")
    if not isinstance(given, Mapping) or set(given) != {"address"}:
        raise Invalid("An exploration has an address, as a saved view of Explore keeps it.", field="parameters")
    return {"address": read_address(EXPLORE, given["address"])}


def _read(given: Any, known: Sequence[str], *, field: str) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise Invalid(f"{field.capitalize()} are values by name.", field=field)
    found = {}
    for name, value in sorted(given.items()):
        if name not in known:
            raise Invalid(f"There is no “{name[:40]}” here. It takes: {', '.join(known)}.", field=field)
        if value is not None and value != "":
            found[name] = _value(name, value, field)
    return found


def _value(name: str, given: Any, field: str) -> Any:
    try:
        return _READERS[name](given)
    except (ValueError, Invalid):
        takes = f"one of: {', '.join(PERIODS)}" if name == "period" else "a two-letter country code" if name == "market" else (
            f"a text of up to {LONGEST_TEXT} characters" if name == "source" else "an id"
        )  # fmt: skip
        raise Invalid(f"“{name}” takes {takes}.", field=field) from None


def read_word(given: Any, known: Sequence[str], *, field: str) -> str:
    """One of these words. Raises `Invalid`."""
    if given not in known:
        raise Invalid(f"{field.capitalize()} takes one of: {', '.join(known)}.", field=field)
    return str(given)


def ordered(order: Sequence[int], wanted: Sequence[int]) -> list[int]:
    """The blocks as they are wanted; those that came meanwhile stay behind them, and those that went are not there."""
    found = [block_id for block_id in dict.fromkeys(wanted) if block_id in order]
    return [*found, *(block_id for block_id in order if block_id not in found)]


def moved(order: Sequence[int], block_id: int, by: int) -> list[int]:
    """The blocks in order after one of them went so many places up (negative) or down; as they were where it is none of them."""
    found = list(order)
    if block_id not in found:
        return found
    place = found.index(block_id)
    found.insert(min(max(place + by, 0), len(found) - 1), found.pop(place))
    return found
