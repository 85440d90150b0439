"""What those who look after the organisation settle: its calendar, its markets, its holidays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.changes import Edit, Outcome, apply, delete_edit
from crm.db import queue
from crm.errors import Stale
from crm.organisation.records import HOLIDAY, MARKET, SETTING

FOLD = "fold_postings"
LABELS: Mapping[str, str] = {
    "reporting_time_zone": "Reporting time zone", "fiscal_year_starts_in_month": "Start of the fiscal year", "order_lens": "Where orders come from",
}  # fmt: skip
_STANDING = text("select id, version from crm.organisation_settings where key = :key")


def save_setting(session: Session, key: str, value: Any, *, seen_version: int | None = None, source: str) -> Outcome:
    """Keep a setting, as it was seen (None: as it stands now; 0: nobody had set it). Raises `Invalid`, `Refused`, `Stale`.

    Another reporting time zone makes other days: their sums are counted anew at once, in the background.
    """
    standing = session.execute(_STANDING, {"key": key}).one_or_none()
    if standing is not None and seen_version == 0:
        raise Stale("Somebody else set this since you looked.")
    if standing is None:
        edit = Edit(SETTING.name, None, {"key": key, "value": value})
    else:
        edit = Edit(SETTING.name, standing.id, {"value": value}, seen_version or standing.version)
    done = apply(session, [edit], source=source, label=LABELS.get(key, key.replace("_", " ").capitalize()), on_conflict="refuse")
    if key == "reporting_time_zone" and done.change_set_id:
        queue.ask(session, FOLD, timestamp=0)
    return done


def save_market(session: Session, market_id: int | None, seen_version: int | None, values: Mapping[str, Any], *, source: str) -> Outcome:
    """A new market, or one changed as it was seen. Raises `Invalid`, `Refused`, `Stale`."""
    label = f"Market {values.get('name') or ''}".strip()
    return apply(session, [Edit(MARKET.name, market_id, values, seen_version)], source=source, label=label, on_conflict="refuse")


def save_holiday(session: Session, holiday_id: int | None, seen_version: int | None, values: Mapping[str, Any], *, source: str) -> Outcome:
    """A new holiday, or one changed as it was seen. Raises `Invalid`, `Refused`, `Stale`."""
    label = f"Holiday {values.get('name') or ''}".strip()
    return apply(session, [Edit(HOLIDAY.name, holiday_id, values, seen_version)], source=source, label=label, on_conflict="refuse")


def remove_holiday(session: Session, holiday_id: int, seen_version: int, *, source: str) -> Outcome:
    """Undo brings it back."""
    return apply(session, [delete_edit(HOLIDAY.name, holiday_id, seen_version)], source=source, label="Holiday removed", on_conflict="refuse")
