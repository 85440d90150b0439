"""Every report by its name: what it asks, which filters it takes, what it states beside its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from crm.db import queries
from crm.errors import NotFound

Kind = Literal["team", "pipeline", "person"]


@dataclass(frozen=True, slots=True)
class Param:
    """A filter people give as text: an id or an exact name. `binds` is the query's parameter."""

    name: str
    kind: Kind
    binds: str
    says: str


@dataclass(frozen=True)
class Report:
    """One report. Its columns are those of its query's header."""

    name: str
    title: str
    path: str
    params: tuple[Param, ...]
    rate: str = "USD at the rate of the day each value was set"

    @cached_property
    def query(self) -> queries.Query:
        return queries.load(self.path)


TEAM = Param("team", "team", "team_id", "only this team's leads, by name or id")
PIPELINE = Param("pipeline", "pipeline", "pipeline_id", "only this pipeline, by name or id")
OWNER = Param("owner", "person", "owner_id", "only this person's leads, by name, mail address or id; “me” is yourself")

_ALL = (
    Report("pipeline_by_stage", "How many leads stand in each stage, and what are they worth?", "pipeline/pipeline_by_stage", (TEAM, PIPELINE, OWNER)),
)  # fmt: skip
REPORTS: Mapping[str, Report] = {report.name: report for report in _ALL}


def report_named(name: str) -> Report:
    """The report called `name`; `NotFound` names those there are."""
    found = REPORTS.get(name)
    if found is None:
        raise NotFound(f"There is no report “{name}”. Reports are: {', '.join(REPORTS)}.")
    return found
