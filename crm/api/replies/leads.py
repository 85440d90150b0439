"""Leads, what happened with them, and what they remind of."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from crm.activities.records import KINDS
from crm.api.replies.settling import FieldConflict
from crm.api.replies.shapes import Amount, Named, Out, StageName


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
