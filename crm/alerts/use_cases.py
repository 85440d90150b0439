"""What people do with alerts. Each runs inside one `acting_as` transaction and raises `Stale`, `Invalid`, `NotFound` or `Refused`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from crm.activities.records import ACTIVITY
from crm.alerts.reads import alert
from crm.alerts.records import ALERT
from crm.changes import Edit, Outcome, apply, delete_edit
from crm.clock import now


def set_alert(session: Session, lead_id: int, values: Mapping[str, Any], *, source: str) -> Outcome:
    """A new alert on a lead one sees: `due_at`, `text`, and `person_id` (oneself when left out)."""
    return apply(session, [Edit(ALERT.name, None, {**values, "lead_id": lead_id})], source=source, label="Alert", on_conflict="refuse")


def edit_alert(session: Session, alert_id: int, seen_version: int, values: Mapping[str, Any], *, source: str, label: str = "Alert") -> Outcome:
    return apply(session, [Edit(ALERT.name, alert_id, values, seen_version)], source=source, label=label, on_conflict="refuse")


def finish_alert(session: Session, alert_id: int, seen_version: int, *, source: str) -> Outcome:
    """Done. Where somebody finished it before, it stays theirs: the result is then "unchanged"."""
    return edit_alert(session, alert_id, seen_version, {"done_at": _done_at(session, alert_id)}, source=source, label="Alert done")


def _done_at(session: Session, alert_id: int) -> datetime:
    """When it was finished; now, where it is open."""
    row = alert(session, alert_id)
    return (row["done_at"] if row else None) or now()


def reopen_alert(session: Session, alert_id: int, seen_version: int, *, source: str) -> Outcome:
    return edit_alert(session, alert_id, seen_version, {"done_at": None}, source=source, label="Alert open again")


def snooze_alert(session: Session, alert_id: int, seen_version: int, due_at: datetime, *, source: str) -> Outcome:
    return edit_alert(session, alert_id, seen_version, {"due_at": due_at}, source=source, label="Alert snoozed")


def hand_over_alert(session: Session, alert_id: int, seen_version: int, person_id: int, *, source: str) -> Outcome:
    """It reminds a colleague from now on."""
    return edit_alert(session, alert_id, seen_version, {"person_id": person_id}, source=source, label="Alert handed over")


def delete_alert(session: Session, alert_id: int, seen_version: int, *, source: str) -> Outcome:
    return apply(session, [delete_edit(ALERT.name, alert_id, seen_version)], source=source, label="Alert removed", on_conflict="refuse")


def finish_with_activity(
    session: Session, alert_id: int, seen_version: int, lead_id: int, activity: Mapping[str, Any], *, source: str
) -> Outcome:  # fmt: skip
    """Note down the call (or meeting, or note) that an alert was for, and finish the alert: both in one change set, or neither."""
    edits = [Edit(ACTIVITY.name, None, {**activity, "lead_id": lead_id}), Edit(ALERT.name, alert_id, {"done_at": _done_at(session, alert_id)}, seen_version)]
    return apply(session, edits, source=source, label=f"{str(activity.get('kind') or 'activity').capitalize()}, alert done", on_conflict="refuse")
