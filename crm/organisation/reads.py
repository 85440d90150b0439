"""The organisation's own settings, readable by everybody signed in and by the machinery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
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


@dataclass(frozen=True, slots=True)
class Standing:
    """A setting's value and the version in which it was seen (0: nobody ever set it)."""

    value: Any
    version: int


@dataclass(frozen=True, slots=True)
class MarketRow:
    id: int
    version: int
    code: str
    name: str
    currency: str
    team_id: int | None


@dataclass(frozen=True, slots=True)
class HolidayRow:
    """`market` is None for a day on which nobody works anywhere."""

    id: int
    version: int
    day: date
    name: str
    market: str | None


@dataclass(frozen=True, slots=True)
class RateRow:
    """A currency's newest rate: USD for one unit, since that day."""

    currency: str
    valid_from: date
    usd_per_unit: Decimal


def standing(session: Session, key: str, default: Any) -> Standing:
    row = session.execute(text("select value, version from crm.organisation_settings where key = :key"), {"key": key}).one_or_none()
    return Standing(default, 0) if row is None else Standing(row.value, row.version)


def market_rows(session: Session) -> Sequence[MarketRow]:
    """Every market, by name."""
    found = session.execute(text("select id, version, code, name, currency, team_id from crm.markets order by lower(name)"))
    return [MarketRow(row.id, row.version, row.code.strip(), row.name, row.currency.strip(), row.team_id) for row in found]


def holidays(session: Session, *, since: date) -> Sequence[HolidayRow]:
    """Holidays from that day on, in order."""
    statement = text("select id, version, day, name, market from crm.holidays where deleted_at is null and day >= :since order by day, market nulls first, id")
    return [HolidayRow(**row) for row in session.execute(statement, {"since": since}).mappings()]


def newest_rates(session: Session) -> Sequence[RateRow]:
    """The rate of each currency that holds now."""
    found = session.execute(text("select distinct on (currency) currency, valid_from, usd_per_unit from crm.exchange_rates order by currency, valid_from desc"))
    return [RateRow(row.currency.strip(), row.valid_from, row.usd_per_unit) for row in found]
