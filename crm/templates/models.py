"""Texts that sales writes once and uses on many leads."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from crm.db.base import Base, CreatedAt, Id, Moment, Ref, Version


class Template(Base):
    __tablename__ = "templates"
    id: Mapped[Id]
    version: Mapped[Version]
    team_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.teams.id"), comment="whose it is, for leads of teams below too; null: everybody's")
    name: Mapped[str]
    subject: Mapped[str] = mapped_column(server_default="", comment="one line, with merge fields")
    body: Mapped[str] = mapped_column(comment="plain text, with merge fields")
    deleted_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    __table_args__ = (
        CheckConstraint("length(name) between 1 and 80", name="name_length"),
        CheckConstraint("length(subject) <= 300", name="subject_length"),
        CheckConstraint("length(body) between 1 and 20000", name="body_length"),
        Index(
            "uq_templates_name", "team_id", text("lower(name)"), unique=True, postgresql_nulls_not_distinct=True,
            postgresql_where=text("deleted_at is null"),
        ),
    )  # fmt: skip
