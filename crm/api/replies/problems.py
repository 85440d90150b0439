"""Problems, RFC 9457, with what stands now where a write came too late."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from crm.api.replies.companies import Company, Contact
from crm.api.replies.leads import Alert, Lead
from crm.api.replies.organisation import Pipeline, Stage, Template
from crm.api.replies.reports import Block, Dashboard
from crm.api.replies.settling import FieldConflict, PlainConflict


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
