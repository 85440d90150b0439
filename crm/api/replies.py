"""The shapes of answers. They document the API; tests hold real answers against them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from crm.access.person import RESOURCES
from crm.activities.records import KINDS


class Named(BaseModel):
    """A reference. The name is null where you may not see what it points to."""

    model_config = ConfigDict(extra="forbid")
    id: int
    name: str | None


class StageName(Named):
    kind: Literal["open", "won", "lost", "dormant"] | None


class Amount(BaseModel):
    model_config = ConfigDict(extra="forbid")
    amount: str = Field(examples=["1250.00"])
    currency: str = Field(examples=["AED"])


class Out(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Lead(Out):
    id: int
    version: int
    name: str
    company: Named | None
    team: Named
    pipeline: Named
    stage: StageName
    owner: Named | None
    value: Amount | None
    value_usd: Amount | None = Field(description="At the rate of the day the value was set")
    expected_close_on: date | None
    next_step: str | None
    source: str | None
    market: str | None
    email: str | None
    phone: str | None
    lost_reason: str | None
    external_id: str | None
    custom: dict[str, Any]
    lifetime_usd: Amount = Field(description="USD of all orders")
    last_order_at: datetime | None
    last_contacted_at: datetime | None
    stage_entered_at: datetime
    created_at: datetime
    updated_at: datetime


class LeadOutOfSight(Out):
    """The write was done and took the lead out of your sight."""

    id: int
    version: int
    visible: Literal[False]


class LeadList(Out):
    data: list[Lead]
    next_cursor: str | None


class FieldConflict(Out):
    """One field that somebody else changed first."""

    field: str
    seen: Any = Field(description="What it was in the version you saw; null also when that version was erased")
    theirs: Any = Field(description="What it is now")
    mine: Any = Field(description="What you wanted")
    their_person: Named | None
    their_at: datetime | None


class LeadResult(Out):
    id: int
    status: Literal["applied", "merged", "conflict", "not_found", "denied", "invalid"]
    version: int | None = Field(None, description="The lead's version now; not given where it was not found, denied or invalid")
    applied: list[str] | None = Field(None, description="Fields that were written")
    conflicts: list[FieldConflict] | None = None
    detail: str | None = None
    field: str | None = None
    merged_into: int | None = None


class BulkResult(Out):
    change_set: int | None = Field(description="Undo all of it by POST /change-sets/{id}/undo; null when nothing was written or kept")
    results: list[LeadResult] = Field(description="In the order of the edits")


class ChangedField(Out):
    field: str
    old: Any
    new: Any


class Change(Out):
    id: int
    version: int = Field(description="The version this change made")
    change_set: int | None
    person: Named | None
    source: str
    at: datetime
    effective_at: datetime | None = Field(description="Where a writer said that it happened earlier")
    fields: list[ChangedField]


class ChangeList(Out):
    data: list[Change]
    next_cursor: str | None


class Activity(Out):
    id: int
    version: int
    kind: Literal[tuple(KINDS)]  # type: ignore[valid-type]
    body: str
    happened_at: datetime
    duration_minutes: int | None
    person: Named | None
    created_at: datetime
    updated_at: datetime


class ActivityList(Out):
    data: list[Activity]
    next_cursor: str | None


class Company(Out):
    id: int
    version: int
    name: str
    website: str | None
    phone: str | None
    market: str | None
    team: Named | None
    owner: Named | None
    custom: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class CompanyList(Out):
    data: list[Company]
    next_cursor: str | None


class Contact(Out):
    id: int
    version: int
    name: str
    title: str | None
    email: str | None
    phone: str | None
    company: Named | None
    team: Named | None
    owner: Named | None
    custom: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class ContactList(Out):
    data: list[Contact]
    next_cursor: str | None


class Alert(Out):
    id: int
    version: int
    lead: Named
    person: Named = Field(description="Whom it reminds")
    due_at: datetime
    text: str = Field(description="What to do")
    done_at: datetime | None
    done_by: Named | None
    created_by: Named | None
    created_at: datetime
    updated_at: datetime


class AlertList(Out):
    data: list[Alert]
    next_cursor: str | None


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


class CustomersLead(Named):
    stage: Named
    owner: Named | None


class Customer(Out):
    id: int
    external_id: str = Field(description="Production's own key")
    name: str
    market: str | None
    segment: str | None
    email: str | None
    phone: str | None
    company: Named | None = Field(description="The company of ours that it is")
    team: Named | None = Field(description="The team of its market")
    first_order_at: datetime | None
    last_order_at: datetime | None
    orders: int = Field(description="Counted orders: not those cancelled or paid back")
    lifetime_usd: Amount
    last_contacted_at: datetime | None = Field(description="The newest contact over all its leads")
    lead: CustomersLead | None = Field(description="Its lead, as far as you see one")
    has_lead: bool = Field(description="Whether it has a lead at all, also a colleague's")
    mirrored_at: datetime


class CustomerList(Out):
    data: list[Customer]
    next_cursor: str | None


class Order(Out):
    id: int
    external_id: str = Field(description="Production's own key")
    customer_id: int
    ordered_at: datetime
    amount: Amount
    amount_usd: Amount | None = Field(description="At the rate of the order's day; null where none is known")
    status: str
    is_counted: bool = Field(description="False for what was cancelled or paid back")


class OrderList(Out):
    data: list[Order]
    next_cursor: str | None


class LeftAlone(Out):
    """Something undo did not touch, and why."""

    record_type: str
    id: int
    reason: str
    field: str | None
    seen: Any
    theirs: Any
    mine: Any


class Undone(Out):
    change_set: int | None = Field(description="The undo's own change set; null when nothing could be taken back")
    records: int
    left_alone: list[LeftAlone]


class Conflict(FieldConflict):
    id: int
    record_type: str
    record: Named
    their_source: str | None
    seen_version: int
    their_version: int
    change_set: int | None
    created_at: datetime


class ConflictList(Out):
    data: list[Conflict]
    next_cursor: str | None


class Resolved(Out):
    id: int
    choice: Literal["mine", "theirs"]
    change_set: int | None
    version: int | None = Field(description="The record's version after your value was written")


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


class Problem(BaseModel):
    """RFC 9457. More facts stand beside these where they help."""

    model_config = ConfigDict(extra="allow")
    type: str
    title: str
    status: int
    detail: str


class StaleProblem(Problem):
    """Nothing was written."""

    conflicts: list[FieldConflict]
    current: Lead | None


class PlainConflict(Out):
    field: str
    seen: Any
    theirs: Any
    mine: Any


class StaleAlertProblem(Problem):
    """Nothing was written."""

    conflicts: list[FieldConflict]
    current: Alert | None


class StaleStageProblem(Problem):
    """Nothing was written."""

    conflicts: list[PlainConflict]
    current: Stage | Pipeline | None


class StaleCompanyProblem(Problem):
    """Nothing was written."""

    conflicts: list[FieldConflict]
    current: Company | None


class StaleContactProblem(Problem):
    """Nothing was written."""

    conflicts: list[FieldConflict]
    current: Contact | None


class StaleDashboardProblem(Problem):
    """Nothing was written."""

    conflicts: list[PlainConflict]
    current: Dashboard | Block | None


class StaleTemplateProblem(Problem):
    """Nothing was written."""

    conflicts: list[FieldConflict]
    current: Template | None
