"""Fields that teams add to leads, companies and contacts; their values live under the key in the record's `custom`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm.db.base import Base, CreatedAt, Id, Moment, Ref, Version


class CustomField(Base):
    __tablename__ = "custom_fields"
    id: Mapped[Id]
    version: Mapped[Version]
    team_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.teams.id"), comment="null: every team's; else this team's and those below it")
    record_type: Mapped[str]
    key: Mapped[str] = mapped_column(comment="what the values are kept under; stays when the label changes, and when the field is removed")
    label: Mapped[str]
    kind: Mapped[str]
    options: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"), comment="what a choice chooses from, in order")
    is_required: Mapped[bool] = mapped_column(server_default=text("false"))
    is_unique: Mapped[bool] = mapped_column(server_default=text("false"), comment="no two live records of a team have the same value")
    default_value: Mapped[Any | None] = mapped_column(JSONB, comment="what a new record begins with")
    help: Mapped[str | None]
    position: Mapped[int] = mapped_column(server_default=text("0"))
    deleted_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    __table_args__ = (
        CheckConstraint("record_type in ('lead', 'company', 'contact')", name="record_type"),
        CheckConstraint("kind in ('text', 'number', 'money', 'date', 'flag', 'choice', 'choices', 'link', 'person')", name="kind"),
        CheckConstraint("length(label) between 1 and 80", name="label_length"),
        CheckConstraint("length(key) between 1 and 63", name="key_length"),
        Index("uq_custom_fields_record_type_key", "record_type", "key", unique=True),
        Index("ix_custom_fields_team_id", "team_id"),
    )
