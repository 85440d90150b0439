"""Decisions about saved views: no session, no clock."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from crm.errors import Invalid

PRIVATE, TEAM, EVERYONE = "private", "team", "everyone"
AUDIENCES = (PRIVATE, TEAM, EVERYONE)
BEHIND = frozenset({"kind", "source", "reason", "missing", "own", "own2", "closes", "entered", "created", "moved", "quiet"})
"""Of Leads: what a number that opened it asks for."""
TAKES: Mapping[str, frozenset[str]] = {
    "leads": frozenset({"view", "q", "team", "pipeline", "stage", "owner", "market", "sort", "columns", "group"}) | BEHIND,
    "board": frozenset({"pipeline", "team", "whose", "q"}),
    "customers": frozenset({"view", "q", "market", "segment", "ordered", "contact", "lead", "sort"}),
    "explore": frozenset({"measure", "which", "by", "split", "chart", "period", "of_team", "of_owner", "of_pipeline", "of_source", "of_market"}),
}
"""Page -> the URL parameters that say what it shows. Where one stands in a list (`page`) and a past day are no part of a view."""
WITH_CUSTOM = ("leads", "board")
CUSTOM = re.compile(r"custom\.\w[\w .-]{0,67}\Z")
"""A filter by a custom field: its key, and perhaps `.from` or `.to`."""
MOST_VALUES = 60
LONGEST_VALUE = 300

Address = dict[str, list[str]]
"""URL parameter -> its values."""


def read_page(given: Any) -> str:
    if given not in TAKES:
        raise Invalid(f"A view belongs to one of: {', '.join(TAKES)}.", field="page")
    return str(given)


def read_audience(given: Any, *, what: str = "view") -> str:
    if given not in AUDIENCES:
        raise Invalid(f"A {what} is for one of: {', '.join(AUDIENCES)}.", field="audience")
    return str(given)


def read_address(page: str, given: Any) -> Address:
    """The parameters of a view in the one form they are kept in. Raises `Invalid` for what the page does not take."""
    if not isinstance(given, Mapping):
        raise Invalid("A view keeps a page's parameters.", field="address")
    found = {name: _values(name, value) for name, value in sorted(given.items())}
    unknown = [name for name in found if name not in TAKES[page] and not (page in WITH_CUSTOM and CUSTOM.match(name))]
    if unknown:
        raise Invalid(f"The {page} page takes no “{unknown[0][:40]}”.", field="address")
    return {name: values for name, values in found.items() if values}


def _values(name: str, given: Any) -> list[str]:
    values: Sequence[Any] = [given] if isinstance(given, str) else given
    if not isinstance(values, (list, tuple)) or not all(isinstance(value, str) for value in values):
        raise Invalid(f"“{name[:40]}” takes text, or a list of texts.", field="address")
    if len(values) > MOST_VALUES or any(len(value) > LONGEST_VALUE for value in values):
        raise Invalid(f"“{name[:40]}” is longer than a view can keep.", field="address")
    return list(values)
