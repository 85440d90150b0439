"""What Explore takes: measures, which leads, and what tells groups apart. Allow-lists: nothing that is typed becomes part of a query.

No session, no clock. A query answers keys; `name_groups` says what they are called.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from crm.errors import Invalid
from crm.fields.kinds import LARGEST_NUMBER
from crm.goals.rules import quarter_name

Unit = Literal["count", "usd", "share", "days"]
Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Measure:
    """What is counted. `column` holds it; `which`: the leads it makes sense of, the usual ones first; `tells`: fields whoever asks must see."""

    name: str
    label: str
    unit: Unit
    column: str
    which: tuple[str, ...]
    tells: tuple[str, ...] = ()
    help: str = ""


@dataclass(frozen=True, slots=True)
class Dimension:
    """What tells groups apart. `tells`: the field of leads that it shows; `missing`: what leads without it are called; `unit`: of days."""

    name: str
    label: str
    tells: str = ""
    missing: str = "Not given"
    binds: str = ""
    unit: Literal["month", "quarter"] | None = None
    key: str | None = None
    kind: str | None = None

    def bound(self, as_: str) -> dict[str, Any]:
        """The query's parameters for it."""
        return {as_: self.binds or self.name, f"{as_}_unit": self.unit, f"{as_}_key": self.key, f"{as_}_kind": self.kind}


@dataclass(frozen=True, slots=True)
class Grouping:
    """What was asked for, read and checked. `split` is `NO_SPLIT` for one dimension."""

    measure: Measure
    by: Dimension
    split: Dimension
    which: str = ""

    def fold(self, *narrowed: str) -> str:
        """Which fold knows it, without a look at leads; empty where none does. `narrowed`: what else of leads it must tell apart."""
        told = {self.by.binds or self.by.name, self.split.binds or self.split.name, *narrowed} - {""}
        if self.measure.name not in _FOLDED:
            return ""
        return next((name for name, (which, tells) in _FOLDS.items() if self.which in which and told <= {*_BUCKET, *tells}), "")


WHICH: Mapping[str, str] = {
    "open": "Open leads", "all": "All leads", "began": "Leads that began", "ended": "Leads that ended", "won": "Leads that were won",
    "lost": "Leads that were lost",
}  # fmt: skip
STANDING = ("open", "all")
"""Which leads stand at a moment; the others are of a period."""
_ANY = ("open", "all", "began", "ended", "won", "lost")
_FOLDED, _BUCKET = ("leads", "value", "weighted", "win_rate"), ("stage", "kind", "pipeline", "team", "owner")
POSTINGS = "postings"
"""The fold that knows past days too."""
_FOLDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    POSTINGS: (STANDING, ()), "standing": (_ANY, ("began", "ended")), "sources": ((*STANDING, "began"), ("began", "source")),
    "closing": (STANDING, ("closes",)),
}  # fmt: skip
"""Each fold: of which leads it knows, and what it tells apart beside the bucket that a lead stands in. The smallest comes first."""
MEASURES: Mapping[str, Measure] = {
    each.name: each
    for each in (
        Measure("leads", "Leads", "count", "leads", _ANY, help="How many leads."),
        Measure("value", "Value", "usd", "value_usd", _ANY, ("value",), "The value of leads, in USD at the rate of the day each value was set."),
        Measure("weighted", "Weighted value", "usd", "weighted_usd", ("open", "began"), ("value",), "The value of open leads times the chance of their stage."),
        Measure("win_rate", "Win rate", "share", "win_rate", ("ended", "began"), help="Won, of won and lost."),
        Measure("days_to_close", "Days to close", "days", "median_days", ("ended", "won", "lost", "began"), help="Half of them ended within so many days."),
        Measure("days_in_stage", "Days in stage", "days", "median_days", STANDING, help="Half of them are there for so many days or more."),
    )
}  # fmt: skip
ORDER_MEASURES: Mapping[str, Measure] = {
    each.name: each
    for each in (
        Measure("revenue", "Revenue", "usd", "revenue_usd", (), help="What customers ordered, in USD at the rate of each order's day."),
        Measure("orders", "Orders", "count", "orders", (), help="How many orders."),
    )
}
DIMENSIONS: Mapping[str, Dimension] = {
    each.name: each
    for each in (
        Dimension("stage", "Stage"),
        Dimension("kind", "Kind of stage"),
        Dimension("pipeline", "Pipeline"),
        Dimension("team", "Team"),
        Dimension("owner", "Owner", "owner_id", "Nobody"),
        Dimension("source", "Source", "source"),
        Dimension("market", "Market", "market"),
        Dimension("lost_reason", "Lost reason", "lost_reason"),
        *(
            Dimension(f"{day}_{unit}", f"{unit.capitalize()} {says}", tells, missing, day, unit)
            for day, says, tells, missing in (
                ("began", "of creation", "", "Not given"), ("ended", "of close", "", "Not closed"),
                ("closes", "of expected close", "expected_close_on", "No close date"),
            )
            for unit in ("month", "quarter")
        ),
    )
}  # fmt: skip
ORDER_DIMENSIONS: Mapping[str, Dimension] = {
    each.name: each
    for each in (
        Dimension("market", "Market"),
        Dimension("team", "Team", missing="No team"),
        Dimension("customer", "Customer"),
        Dimension("segment", "Segment"),
        Dimension("currency", "Currency"),
        Dimension("ordered_month", "Month of order", binds="ordered", unit="month"),
        Dimension("ordered_quarter", "Quarter of order", binds="ordered", unit="quarter"),
        Dimension("first_month", "Month of first order", binds="first", unit="month"),
        Dimension("first_quarter", "Quarter of first order", binds="first", unit="quarter"),
    )
}  # fmt: skip
NO_SPLIT = Dimension("", "", missing="")
MONTHS_AT_LEAST = 60
"""Months and quarters stand for themselves, this many back."""
REST, EARLIER = "The rest", "Earlier"
_NAMED = {"owner": "Person", "team": "Team", "pipeline": "Pipeline", "stage": "Stage", "customer": "Customer"}
"""What is called by its id where its name is out of sight."""


def custom_dimension(key: str, label: str, kind: str) -> Dimension:
    """A custom field of leads. Numbers and money (in USD at today's rates) stand in bands, days in months."""
    return Dimension(f"custom.{key}", label, f"custom.{key}", binds="custom", key=key, kind=kind, unit="month" if kind == "date" else None)


def check(measure: Measure, which: str | None) -> str:
    """Which leads, in the end. Raises `Invalid` for a measure that makes no sense of them."""
    found = which or measure.which[0]
    if found not in measure.which:
        raise Invalid(f"{measure.label} is not told of {WHICH[found].lower()}. Give which as one of: {', '.join(measure.which)}.", field="which")
    return found


def name_groups(rows: Rows, by: Dimension, split: Dimension, fiscal_month: int) -> None:
    """Puts into each row what its groups are called, where the query has no name for them."""
    for row in rows:
        for of, dimension in (("group", by), ("split", split)):
            if row["part"] in ("all", "split" if of == "group" else "by"):
                continue
            key, is_rest = row[f"{of}_key"], row[f"{of}_is_rest"]
            if is_rest:
                row[of] = EARLIER if dimension.unit else REST
            elif key is None:
                row[of] = dimension.missing
            elif row[of] is None or dimension.name == "kind":
                row[of] = called(dimension, key, fiscal_month)


def called(dimension: Dimension, key: str, fiscal_month: int) -> str:
    """The group of that key in words, where no name of it is known."""
    if dimension.unit:
        first = date.fromisoformat(f"{key}-01")
        return quarter_name(first, fiscal_month) if dimension.unit == "quarter" else f"{first:%b %Y}"
    if dimension.name == "kind":
        return key.capitalize()
    if dimension.name in _NAMED or dimension.kind == "person":
        return f"{_NAMED.get(dimension.name, 'Person')} {key}"
    return _value(dimension.kind, key)


def _value(kind: str | None, key: str) -> str:
    """A custom field's value in words."""
    if kind in ("number", "money"):
        return band_words(int(key))
    if kind == "flag":
        return {"true": "Yes", "false": "No"}.get(key, key)
    if kind == "choices":
        return ", ".join(chosen(key)) or "None of them"
    return key


def chosen(key: str) -> list[str]:
    """The choices that a group of several stands for."""
    try:
        found = json.loads(key)
    except ValueError:
        return [key]
    return [str(each) for each in found] if isinstance(found, list) else [str(found)]


def band(digits: int) -> tuple[float, float]:
    """From where up to where (not included) numbers with so many digits before the point go; -1: all below 0."""
    if digits < 0:
        return -LARGEST_NUMBER, 0
    return (0, 1) if digits == 0 else (10 ** (digits - 1), 10**digits)


def band_words(digits: int) -> str:
    """ "100 to 1,000"."""
    low, high = band(digits)
    return "Below 0" if digits < 0 else f"{low:,.0f} to {high:,.0f}"
