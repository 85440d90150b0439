"""Organisations and the humans in them."""

from __future__ import annotations

from sqlalchemy import CHAR, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from crm.db.base import Base, CreatedAt, Id, Json, Moment, Ref, Version


class Company(Base):
    __tablename__ = "companies"
    id: Mapped[Id]
    version: Mapped[Version]
    name: Mapped[str]
    team_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.teams.id"))
    owner_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.people.id"))
    market: Mapped[str | None] = mapped_column(CHAR(2), comment="ISO 3166 country")
    website: Mapped[str | None]
    phone: Mapped[str | None]
    custom: Mapped[Json]
    merged_into_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.companies.id"))
    deleted_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    __table_args__ = (
        Index("ix_companies_name", "name"),
        Index("ix_companies_team_id_name", "team_id", "name"),
        Index("ix_companies_owner_id", "owner_id"),
        Index("ix_companies_custom", "custom", postgresql_using="gin", postgresql_ops={"custom": "jsonb_path_ops"}),
    )


class Contact(Base):
    __tablename__ = "contacts"
    id: Mapped[Id]
    version: Mapped[Version]
    company_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.companies.id"))
    name: Mapped[str]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    title: Mapped[str | None]
    team_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.teams.id"))
    owner_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.people.id"))
    custom: Mapped[Json]
    merged_into_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.contacts.id"))
    deleted_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    __table_args__ = (
        Index("ix_contacts_company_id", "company_id"),
        Index("ix_contacts_email", "email"),
        Index("ix_contacts_team_id", "team_id"),
        Index("ix_contacts_owner_id", "owner_id"),
        Index("ix_contacts_custom", "custom", postgresql_using="gin", postgresql_ops={"custom": "jsonb_path_ops"}),
    )
