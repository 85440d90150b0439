"""Drafts of configuration, and leads of removed stages on their way to another one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm.db.base import Base, CreatedAt, Id, Moment, Ref


class ConfigurationDraft(Base):
    """What somebody means to change, kept until they apply or discard it. Nobody else sees it."""

    __tablename__ = "configuration_drafts"
    id: Mapped[Id]
    person_id: Mapped[Ref] = mapped_column(ForeignKey("crm.people.id", ondelete="CASCADE"))
    subject: Mapped[str] = mapped_column(comment="what it is about: pipeline:12, role:3, fields:team:4, file")
    title: Mapped[str]
    edits: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"), comment="[{record_type, record_id, seen_version, ref, wanted}]")
    places: Mapped[dict[str, Any]] = mapped_column(
        JSONB, server_default=text("'{}'::jsonb"), comment="removed stage -> where its leads go: the id of a stage, or the ref of a new one"
    )
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    __table_args__ = (UniqueConstraint("person_id", "subject"),)


class StageMove(Base):
    """The leads of one removed stage on their way, in the background. A job's own bookkeeping: the leads are the record."""

    __tablename__ = "stage_moves"
    id: Mapped[Id]
    change_set_id: Mapped[Ref] = mapped_column(ForeignKey("crm.change_sets.id"))
    person_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.people.id"), comment="in whose name leads move; null: the command line's")
    from_stage_id: Mapped[Ref] = mapped_column(ForeignKey("crm.stages.id"))
    to_stage_id: Mapped[Ref] = mapped_column(ForeignKey("crm.stages.id"))
    leads: Mapped[int] = mapped_column(comment="how many there were to move")
    moved: Mapped[int] = mapped_column(server_default=text("0"))
    state: Mapped[str] = mapped_column(server_default="running")
    problem: Mapped[str | None] = mapped_column(comment="why some stayed, in words for people")
    created_at: Mapped[CreatedAt]
    finished_at: Mapped[Moment | None]
    __table_args__ = (
        CheckConstraint("state in ('running', 'done', 'stopped', 'failed')", name="state"),
        Index("ix_stage_moves_from_stage_id", "from_stage_id"),
    )
