"""What people do with companies. Each runs inside one `acting_as` transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from crm.changes import Edit, Outcome, apply
from crm.companies.records import COMPANY


def rename_company(session: Session, company_id: int, seen_version: int, name: str, *, source: str) -> Outcome:
    """Call a company differently, on all its leads. Raises `Stale` when somebody was first, `Invalid` or `Refused`."""
    return apply(session, [Edit(COMPANY.name, company_id, {"name": name}, seen_version)], source=source, label=f"Renamed to {name}", on_conflict="refuse")


def add_company(session: Session, values: Mapping[str, Any], *, source: str, label: str = "New company") -> Outcome:
    """A new company from given values. Raises `Invalid` or `Refused`."""
    return apply(session, [Edit(COMPANY.name, None, values)], source=source, label=label, on_conflict="refuse")
