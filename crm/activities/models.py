"""Things that happened with a lead."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from crm.db.base import Base, CreatedAt, Id, Moment, Ref, Version


class Activity(Base):
    __tablename__ = "activities"
    id: Mapped[Id]
    version: Mapped[Version]
    lead_id: Mapped[Ref] = mapped_column(ForeignKey("crm.leads.id", ondelete="CASCADE"))
    person_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.people.id"), comment="who did it")
    kind: Mapped[str]
    body: Mapped[str] = mapped_column(server_default="")
    happened_at: Mapped[datetime] = mapped_column(server_default=func.now())
    duration_minutes: Mapped[int | None]
    deleted_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    __table_args__ = (
        CheckConstraint("kind in ('call', 'meeting', 'note', 'mail_in', 'mail_out', 'message')", name="kind"),
        CheckConstraint("duration_minutes >= 0", name="duration"),
        Index("ix_activities_lead_id_happened_at", "lead_id", "happened_at"),
        Index("ix_activities_person_id", "person_id"),
        # Who did how much is read from this alone.
        Index(
            "ix_activities_done", "happened_at", postgresql_include=["lead_id", "person_id", "kind", "duration_minutes"],
            postgresql_where=text("deleted_at is null"),
        ),
    )  # fmt: skip
