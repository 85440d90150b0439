"""Who works here and how: people, teams, pipelines, goals, templates."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from crm.access.person import RESOURCES
from crm.api.replies.shapes import Amount, Named, Out


class TeamRole(Named):
    role: str


class Me(Out):
    id: int
    name: str
    email: str
    time_zone: str
    is_read_only: bool = Field(description="Whether this key may only read")
    roles: list[str] = Field(description="Roles for the whole organisation")
    teams: list[TeamRole]
    grants: dict[Literal[tuple(RESOURCES)], dict[str, Literal["none", "own", "team", "mixed", "all"]]]  # type: ignore[valid-type]


class Pipeline(Out):
    id: int
    version: int
    name: str
    team: Named
    position: int


class PipelineList(Out):
    data: list[Pipeline]
    next_cursor: str | None


class Stage(Out):
    id: int
    version: int
    name: str
    kind: Literal["open", "won", "lost", "dormant"]
    position: int
    probability: float = Field(ge=0, le=1)
    target_days: int | None
    required_fields: list[str] = Field(description="Must be filled before a lead may enter")
    required_activity: str | None = Field(description="Must have happened with a lead before it may move in")
    lost_reasons: list[str] = Field(description="A lead that enters has one of these as its lost reason; none: any, or none")
    colour: str | None = Field(description="How deep its shade on the board is; null: by its place")


class StageList(Out):
    data: list[Stage]
    next_cursor: str | None


class Team(Out):
    id: int
    version: int
    name: str
    parent: Named | None


class TeamList(Out):
    data: list[Team]
    next_cursor: str | None


class PersonsTeam(Out):
    id: int | None = Field(description="Null for a role in the whole organisation")
    name: str | None
    role: str


class Person(Out):
    id: int
    version: int
    name: str
    email: str
    time_zone: str
    is_disabled: bool
    teams: list[PersonsTeam]


class PersonList(Out):
    data: list[Person]
    next_cursor: str | None


class Goal(Out):
    id: int
    version: int
    team: Named
    person: Named | None = Field(description="Null for the whole team's, those of teams below included")
    starts_on: date = Field(description="First day of the quarter")
    amount: Amount = Field(description="The value to win, in USD")


class GoalList(Out):
    data: list[Goal]
    next_cursor: str | None


class Template(Out):
    id: int
    version: int
    name: str
    team: Named | None = Field(description="Null for everybody's")
    subject: str
    body: str
    created_at: datetime
    updated_at: datetime


class TemplateList(Out):
    data: list[Template]
    next_cursor: str | None


class MissingField(Out):
    field: str = Field(examples=["lead.custom.vat_number"])
    label: str
    detail: str = Field(description="Why there is nothing: no value, or hidden from your role")


class TemplatePreview(Out):
    subject: str
    body: str = Field(description="Plain text; where a field had nothing to say, its label in square brackets")
    missing: list[MissingField]
    contact: Named | None = Field(description="Whom it speaks to")
