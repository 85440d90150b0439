"""Follow-up reminders on leads."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from crm.db.base import Base, CreatedAt, Id, Moment, Ref, Version


class Alert(Base):
    __tablename__ = "alerts"
    id: Mapped[Id]
    version: Mapped[Version]
    lead_id: Mapped[Ref] = mapped_column(ForeignKey("crm.leads.id", ondelete="CASCADE"))
    person_id: Mapped[Ref] = mapped_column(ForeignKey("crm.people.id"), comment="whom it reminds")
    due_at: Mapped[datetime]
    text: Mapped[str] = mapped_column(server_default="", comment="what to do")
    done_at: Mapped[Moment | None]
    done_by_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.people.id"))
    created_by_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.people.id"))
    deleted_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    __table_args__ = (
        CheckConstraint("done_by_id is null or done_at is not null", name="done_by"),
        Index("ix_alerts_person_id_due_at", "person_id", "due_at", postgresql_where=sql("done_at is null and deleted_at is null")),
        Index("ix_alerts_lead_id_due_at", "lead_id", "due_at"),
        Index("ix_alerts_done_by_id", "done_by_id", postgresql_where=sql("done_by_id is not null")),
        Index("ix_alerts_created_by_id", "created_by_id"),
    )
