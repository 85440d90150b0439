"""Change sets, the changes in them, and the conflicts that wait for a person."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm.db.base import Base, CreatedAt, Id, Moment, Ref


class ChangeSet(Base):
    """One action of one person: a grid save, a bulk edit, an import. The unit of preview, conflict and undo."""

    __tablename__ = "change_sets"
    id: Mapped[Id]
    person_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.people.id"))
    source: Mapped[str] = mapped_column(comment="the door: grid, form, api, bulk, import, undo, demo, ...")
    label: Mapped[str] = mapped_column(server_default="", comment="what a person would call it")
    undoes_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.change_sets.id"))
    created_at: Mapped[CreatedAt]
    __table_args__ = (
        Index("ix_change_sets_person_id_created_at", "person_id", "created_at"),
        Index("ix_change_sets_undoes_id", "undoes_id", postgresql_where=text("undoes_id is not null")),
    )


class Change(Base):
    """One recorded version of one record, written by triggers only."""

    __tablename__ = "changes"
    id: Mapped[Id]
    record_type: Mapped[str]
    record_id: Mapped[Ref]
    version: Mapped[int] = mapped_column(comment="the version this change made")
    change_set_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.change_sets.id"))
    person_id: Mapped[Ref | None]
    source: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    effective_at: Mapped[Moment | None] = mapped_column(comment="where a writer said that it happened earlier")
    fields: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, comment='{"stage_id": [old, new], "custom.size": [old, new]}')
    __table_args__ = (
        UniqueConstraint("record_type", "record_id", "version"),
        Index("ix_changes_change_set_id", "change_set_id"),
        Index("ix_changes_shaping_at", "at", "id", postgresql_where=text("record_type <> all (array['lead', 'company', 'contact', 'activity', 'alert'])")),
    )


class Conflict(Base):
    """One field of one record that could not be applied; kept until its person resolves it."""

    __tablename__ = "conflicts"
    id: Mapped[Id]
    person_id: Mapped[Ref] = mapped_column(ForeignKey("crm.people.id"))
    change_set_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.change_sets.id"), comment="the save that met it")
    record_type: Mapped[str]
    record_id: Mapped[Ref]
    seen_version: Mapped[int]
    their_version: Mapped[int] = mapped_column(comment="the record's version when they met")
    their_person_id: Mapped[Ref | None] = mapped_column(comment="who set theirs")
    their_at: Mapped[Moment | None]
    their_source: Mapped[str | None]
    field: Mapped[str]
    seen: Mapped[Any] = mapped_column(JSONB(none_as_null=False), nullable=True)
    theirs: Mapped[Any] = mapped_column(JSONB(none_as_null=False), nullable=True)
    mine: Mapped[Any] = mapped_column(JSONB(none_as_null=False), nullable=True)
    created_at: Mapped[CreatedAt]
    resolved_at: Mapped[Moment | None]
    resolution: Mapped[str | None] = mapped_column(comment="mine or theirs")
    __table_args__ = (
        Index("ix_conflicts_person_id", "person_id", postgresql_where=text("resolved_at is null")),
        Index("ix_conflicts_record", "record_type", "record_id"),
    )
