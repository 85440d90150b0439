"""The organisation's own facts: settings, markets and dated exchange rates."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import CHAR, CheckConstraint, ForeignKey, Numeric
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm.db.base import Base, CreatedAt, Ref, Version


class OrganisationSetting(Base):
    __tablename__ = "organisation_settings"
    key: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[Version]
    value: Mapped[Any] = mapped_column(JSONB, nullable=False)
    updated_at: Mapped[CreatedAt]


class Market(Base):
    __tablename__ = "markets"
    code: Mapped[str] = mapped_column(CHAR(2), primary_key=True, comment="ISO 3166 country")
    name: Mapped[str]
    currency: Mapped[str] = mapped_column(CHAR(3), comment="ISO 4217")
    team_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.teams.id"), comment="whose customers and new leads those of this market are")


class ExchangeRate(Base):
    __tablename__ = "exchange_rates"
    currency: Mapped[str] = mapped_column(CHAR(3), primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True, comment="holds until the next row of the currency")
    usd_per_unit: Mapped[Decimal] = mapped_column(Numeric(18, 9), comment="USD for one unit of the currency")
    __table_args__ = (CheckConstraint("usd_per_unit > 0", name="positive"),)
