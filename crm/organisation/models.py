"""The organisation's own facts: settings, markets and dated exchange rates."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import CHAR, BigInteger, CheckConstraint, ForeignKey, Identity, Index, Numeric, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm.db.base import Base, CreatedAt, Id, Moment, Ref, Version


class OrganisationSetting(Base):
    __tablename__ = "organisation_settings"
    key: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[Version]
    value: Mapped[Any] = mapped_column(JSONB, nullable=False)
    updated_at: Mapped[CreatedAt]
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), comment="what history knows it by")
    __table_args__ = (UniqueConstraint("id"),)


class Market(Base):
    __tablename__ = "markets"
    code: Mapped[str] = mapped_column(CHAR(2), primary_key=True, comment="ISO 3166 country")
    name: Mapped[str]
    currency: Mapped[str] = mapped_column(CHAR(3), comment="ISO 4217")
    team_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.teams.id"), comment="whose customers and new leads those of this market are")
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), comment="what history knows it by")
    version: Mapped[Version]
    updated_at: Mapped[CreatedAt]
    __table_args__ = (UniqueConstraint("id"),)


class Holiday(Base):
    """A day on which nobody works, in one market or everywhere."""

    __tablename__ = "holidays"
    id: Mapped[Id]
    version: Mapped[Version]
    day: Mapped[date]
    name: Mapped[str]
    market: Mapped[str | None] = mapped_column(CHAR(2), ForeignKey("crm.markets.code"), comment="ISO 3166 country; null: everywhere")
    deleted_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    __table_args__ = (
        CheckConstraint("length(name) between 1 and 300", name="name_length"),
        Index("uq_holidays_day_market", "day", "market", unique=True, postgresql_nulls_not_distinct=True, postgresql_where=text("deleted_at is null")),
    )


class ExchangeRate(Base):
    __tablename__ = "exchange_rates"
    currency: Mapped[str] = mapped_column(CHAR(3), primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True, comment="holds until the next row of the currency")
    usd_per_unit: Mapped[Decimal] = mapped_column(Numeric(18, 9), comment="USD for one unit of the currency")
    __table_args__ = (CheckConstraint("usd_per_unit > 0", name="positive"),)
