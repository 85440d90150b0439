"""Pipelines and their stages, owned by teams."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm.db.base import Base, CreatedAt, Id, Moment, Ref, Version


class Pipeline(Base):
    __tablename__ = "pipelines"
    id: Mapped[Id]
    version: Mapped[Version]
    team_id: Mapped[Ref] = mapped_column(ForeignKey("crm.teams.id"))
    name: Mapped[str]
    position: Mapped[int] = mapped_column(server_default=text("0"), comment="the team's first pipeline takes new leads")
    deleted_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    __table_args__ = (Index("uq_pipelines_team_id_name", "team_id", text("lower(name)"), unique=True, postgresql_where=text("deleted_at is null")),)


class Stage(Base):
    __tablename__ = "stages"
    id: Mapped[Id]
    version: Mapped[Version]
    pipeline_id: Mapped[Ref] = mapped_column(ForeignKey("crm.pipelines.id"))
    name: Mapped[str]
    kind: Mapped[str]
    position: Mapped[int]
    probability: Mapped[Decimal] = mapped_column(Numeric(4, 3), server_default=text("0"), comment="0..1")
    target_days: Mapped[int | None] = mapped_column(comment="days a lead should stay here at most")
    requirements: Mapped[dict[str, Any]] = mapped_column(
        JSONB, server_default=text("'{}'::jsonb"), comment='{"fields": [...], "activity": "call", "lost_reasons": [...]}: what a lead needs on entry'
    )
    colour: Mapped[str | None] = mapped_column(comment="how deep a shade on the board; null: by its place")
    deleted_at: Mapped[Moment | None]
    updated_at: Mapped[CreatedAt]
    __table_args__ = (
        CheckConstraint("kind in ('open', 'won', 'lost', 'dormant')", name="kind"),
        CheckConstraint("probability between 0 and 1", name="probability"),
        UniqueConstraint("pipeline_id", "id"),
        Index("uq_stages_pipeline_id_name", "pipeline_id", text("lower(name)"), unique=True, postgresql_where=text("deleted_at is null")),
        CheckConstraint("colour in ('pale', 'light', 'medium', 'strong', 'deep')", name="colour"),
    )
