"""The organisation's own settings, readable by everybody signed in and by the machinery."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

_ONE = text("select value from crm.organisation_settings where key = :key")


def setting(session: Session, key: str, default: Any = None) -> Any:
    """The setting's value, or `default` where nobody ever set it."""
    row = session.execute(_ONE, {"key": key}).one_or_none()
    return default if row is None else row.value


def reporting_time_zone(session: Session) -> str:
    """IANA name of the zone in which reports begin and end their days."""
    return str(setting(session, "reporting_time_zone", "UTC"))


def base_currency(session: Session) -> str:
    """ISO 4217 code of what amounts are compared in."""
    return str(setting(session, "base_currency", "USD"))


def markets(session: Session) -> dict[str, str]:
    """Country code -> what the market is called, by name."""
    return {row.code.strip(): row.name for row in session.execute(text("select code, name from crm.markets order by lower(name)"))}
