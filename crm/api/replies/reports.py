"""Reports, what stands on dashboards, and files that leave."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from crm.api.replies.shapes import Named, Out


class ReportParameter(Out):
    name: str
    says: str
    options: list[str] | None = None


class ReportColumn(Out):
    name: str
    type: str


class ReportName(Out):
    name: str
    title: str
    parameters: list[ReportParameter]
    columns: list[ReportColumn]
    known_on: bool = Field(description="Whether it can be read with what was known on a day")


class ReportList(Out):
    data: list[ReportName]
    next_cursor: str | None


class Report(Out):
    name: str
    title: str
    columns: list[str]
    rows: list[dict[str, Any]]
    filters: dict[str, str] = Field(description="What was asked, in names")
    scope: Literal["none", "own", "team", "mixed", "all"] = Field(description="How far you see")
    time_zone: str
    currency: str
    rate: str
    as_of: date
    known_on: date | None = Field(description="The day with whose knowledge it was read; null for what is known now")
    data_age_seconds: int | None = Field(description="0: exact to the last commit; null for orders that were never read")
    left_out: list[str] = Field(description="Columns that are empty because your role hides what they add up")
    from_: date | None = Field(default=None, alias="from", description="The first day, of a report over a period; absent otherwise")
    to: date | None = Field(default=None, description="The last day, itself included; absent without a period")


class Block(Out):
    id: int
    version: int
    kind: Literal["report", "exploration"]
    what: str = Field(description="Which figure of a report; `explore` for an exploration", examples=["wins.owners"])
    title: str | None
    width: Literal["half", "full"]
    position: int
    parameters: dict[str, Any]


class Dashboard(Out):
    id: int
    version: int
    name: str
    audience: Literal["private", "team", "everyone"]
    team: Named | None
    owner: Named | None = Field(description="Who made it")
    filters: dict[str, Any] = Field(description="What it opens with")
    blocks: list[Block]
    created_at: datetime
    updated_at: datetime


class DashboardList(Out):
    data: list[Dashboard]
    next_cursor: str | None


class Export(Out):
    id: int
    name: str = Field(description="What the file is called")
    format: str
    state: Literal["waiting", "making", "ready", "fetched", "failed", "expired"]
    problem: str | None = Field(description="Why it could not be made")
    rows: int = Field(description="In the file; while it is made, so far")
    size_bytes: int | None
    created_at: datetime
    made_at: datetime | None
    fetched_at: datetime | None
    expires_at: datetime = Field(description="Nobody fetches it after that")
    file: str | None = Field(description="Where to fetch it, once it is ready")
