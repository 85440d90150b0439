"""Explore: one measure over up to two dimensions, as a person may see it. What may be asked is in `crm.reports.exploring`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from crm.access import Person, acting_as, person_of
from crm.errors import Invalid
from crm.goals.reads import starts_in
from crm.goals.rules import months_on
from crm.reports import exploring
from crm.reports.caching import run_kept
from crm.reports.exploring import Dimension, Measure
from crm.reports.registry import Report, report_named
from crm.reports.use_cases import ReportResult, run

LEADS, ORDERS = "explore", "explore_orders"
MOST_MONTHS = 120
Place = tuple[str | None, bool]
"""A group's key, and whether it is the rest."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. `params`: everything the report takes, as text; `as_of`: None for now; `known_on`: None for what is known now."""

    measure: str = "leads"
    params: Mapping[str, str] = field(default_factory=dict)
    as_of: date | None = None
    known_on: date | None = None

    @property
    def report(self) -> Report:
        return report_of(self.measure)


@dataclass(frozen=True, slots=True)
class Group:
    """One group of a dimension. `row`: its figures over all groups of the other one; None where there are none."""

    key: str | None
    name: str
    is_rest: bool = False
    row: Mapping[str, Any] | None = None

    @property
    def place(self) -> Place:
        return self.key, self.is_rest


@dataclass(frozen=True)
class Exploration:
    """What was found: the groups of both dimensions in order, and a cell where two of them meet."""

    result: ReportResult
    measure: Measure
    by: Dimension
    split: Dimension
    which: str
    groups: Sequence[Group]
    splits: Sequence[Group]
    """Empty for one dimension."""
    cells: Mapping[tuple[Place, Place], Mapping[str, Any]]
    total: Mapping[str, Any] | None

    def value(self, row: Mapping[str, Any] | None) -> Any:
        """What is measured, in a row; None for nothing."""
        return None if row is None else row[self.measure.column]

    def cell(self, group: Group, split: Group) -> Any:
        return self.value(self.cells.get((group.place, split.place)))

    @property
    def adds_up(self) -> bool:
        """Whether the groups together make the whole: medians and shares do not."""
        return self.measure.unit in ("count", "usd")


def report_of(measure: str) -> Report:
    """The report that knows the measure. Raises `Invalid`."""
    if measure in exploring.MEASURES:
        return report_named(LEADS)
    if measure in exploring.ORDER_MEASURES:
        return report_named(ORDERS)
    known = ", ".join((*exploring.MEASURES, *exploring.ORDER_MEASURES))
    raise Invalid(f"“{measure[:63]}” is no measure. Give one of: {known}.", field="measure")


def run_exploration(person: Person, params: Mapping[str, Any], as_of: date | None = None, known_on: date | None = None) -> ReportResult:
    """As `crm.reports.use_cases.run`, whichever of the two reports knows the measure."""
    report = report_of(str(params.get("measure") or "leads"))
    return run(person, report.name, params, as_of, known_on)


def explore(session: Session, wanted: Wanted) -> Exploration:
    """The exploration in the caller's transaction, from memory where nothing was changed since. Raises `Invalid`, `Refused`."""
    report = wanted.report
    if report.is_of_orders:
        person_of(session).require("customer", "view")
    result = run_kept(session, report, {**wanted.params, "measure": wanted.measure, "totals": "yes"}, wanted.as_of, wanted.known_on)
    assert result.grouping is not None
    parts: dict[str, list[dict[str, Any]]] = {"cell": [], "by": [], "split": [], "all": []}
    for row in result.rows:
        parts[row["part"]].append(row)
    by, split, month = result.grouping.by, result.grouping.split, starts_in(session)
    cells = {((row["group_key"], row["group_is_rest"]), (row["split_key"], row["split_is_rest"])): row for row in parts["cell"]}
    return Exploration(
        result, result.grouping.measure, by, split, result.grouping.which, _in_line(by, _groups(parts["by"], "group"), month),
        _in_line(split, _groups(parts["split"], "split"), month) if split.name else [], cells, next(iter(parts["all"]), None) if parts["cell"] else None,
    )  # fmt: skip


def _groups(rows: Sequence[Mapping[str, Any]], of: str) -> list[Group]:
    return [Group(row[f"{of}_key"], row[of] or "", row[f"{of}_is_rest"], row) for row in rows]


def _in_line(dimension: Dimension, groups: list[Group], fiscal_month: int) -> Sequence[Group]:
    """Months and quarters without a gap, unless they lie far apart; those in which nothing was are empty."""
    known = {group.key: group for group in groups if group.key}
    if not dimension.unit or not known:
        return groups
    first, last = (date.fromisoformat(f"{key}-01") for key in (min(known), max(known)))
    step = 3 if dimension.unit == "quarter" else 1
    count = (last.year * 12 + last.month - first.year * 12 - first.month) // step + 1
    if count > MOST_MONTHS:
        return groups
    keys = [f"{months_on(first, step * number):%Y-%m}" for number in range(count)]
    found = [known.get(key) or Group(key, exploring.called(dimension, key, fiscal_month)) for key in keys]
    return [*(group for group in groups if group.is_rest), *found, *(group for group in groups if group.key is None and not group.is_rest)]


def explore_as(person: Person, wanted: Wanted) -> Exploration:
    """The same in a transaction of its own, with the reach of the grant to see reports."""
    person.require("report", "view")
    with acting_as(person, resource="report", action="view") as session:
        return explore(session, wanted)
