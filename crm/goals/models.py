"""What a team, or somebody in it, means to win in a quarter."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, text
from sqlalchemy.orm import Mapped, mapped_column

from crm.db.base import Base, CreatedAt, Id, Moment, Ref, Version


class Goal(Base):
    __tablename__ = "goals"
    id: Mapped[Id]
    version: Mapped[Version]
    team_id: Mapped[Ref] = mapped_column(ForeignKey("crm.teams.id"))
    person_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.people.id"), comment="null: the whole team's, those of teams below included")
    starts_on: Mapped[date] = mapped_column(comment="first day of the quarter")
    amount_usd: Mapped[Decimal] = mapped_column(Numeric(16, 2), comment="the value to win in the quarter, USD")
    deleted_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    __table_args__ = (
        CheckConstraint("amount_usd > 0", name="amount"),
        CheckConstraint("extract(day from starts_on) = 1", name="quarter"),
        Index(
            "uq_goals_quarter", "starts_on", "team_id", "person_id", unique=True, postgresql_nulls_not_distinct=True,
            postgresql_where=text("deleted_at is null"),
        ),
    )  # fmt: skip
