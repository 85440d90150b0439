"""The lead, its contacts and the narrow table that search reads."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CHAR, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Numeric, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm.db.base import Base, CreatedAt, Id, Json, Moment, Ref, Version

_LIVE = text("deleted_at is null")


class Lead(Base):
    __tablename__ = "leads"
    id: Mapped[Id]
    version: Mapped[Version]
    name: Mapped[str]
    team_id: Mapped[Ref] = mapped_column(ForeignKey("crm.teams.id"))
    pipeline_id: Mapped[Ref] = mapped_column(ForeignKey("crm.pipelines.id"))
    stage_id: Mapped[Ref]
    owner_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.people.id"))
    company_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.companies.id"))
    value_amount: Mapped[Decimal | None] = mapped_column(Numeric(14, 2), comment="in value_currency")
    value_currency: Mapped[str | None] = mapped_column(CHAR(3), comment="ISO 4217")
    value_usd: Mapped[Decimal | None] = mapped_column(Numeric(16, 2), comment="USD at the rate of the day the value was set")
    expected_close_on: Mapped[date | None]
    next_step: Mapped[str | None]
    source: Mapped[str | None]
    market: Mapped[str | None] = mapped_column(CHAR(2), comment="ISO 3166 country")
    email: Mapped[str | None]
    phone: Mapped[str | None]
    lost_reason: Mapped[str | None]
    external_id: Mapped[str | None] = mapped_column(comment="the record's key in the system it was imported from; unique per team")
    custom: Mapped[Json]
    came_from_lead_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.leads.id"), comment="the lead this one continues in another pipeline")
    merged_into_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.leads.id"))
    deleted_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    created_by_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.people.id"))
    updated_at: Mapped[CreatedAt]
    effective_at: Mapped[datetime] = mapped_column(comment="when the present stage, owner, value and so on took effect; a writer may state an earlier time")
    stage_entered_at: Mapped[datetime]
    lifetime_usd: Mapped[Decimal] = mapped_column(Numeric(16, 2), server_default=text("0"), comment="derived: USD of all orders")
    last_order_at: Mapped[Moment | None] = mapped_column(comment="derived")
    last_contacted_at: Mapped[Moment | None] = mapped_column(comment="derived: newest call, meeting, mail or message")
    score: Mapped[int | None] = mapped_column(comment="derived")
    __table_args__ = (
        ForeignKeyConstraint(["pipeline_id", "stage_id"], ["crm.stages.pipeline_id", "crm.stages.id"], name="fk_leads_pipeline_id_stage_id"),
        CheckConstraint("(value_amount is null) = (value_currency is null)", name="value_has_currency"),
        CheckConstraint("length(name) between 1 and 300", name="name_length"),
        # Which leads one sees, and why they were lost, where every row of something else asks for its lead.
        Index("ix_leads_reach", "id", postgresql_include=["team_id", "owner_id", "lost_reason"]),
        # What explorations and reasons of loss ask of leads as they stand.
        Index(
            "ix_leads_standing", "stage_id", "stage_entered_at", postgresql_where=_LIVE,
            postgresql_include=["lost_reason", "value_usd", "created_at", "team_id", "pipeline_id", "owner_id", "source", "market", "expected_close_on"],
        ),
        # Leads lie, by and large, in the order in which they were made: those of some days are read without going to and fro.
        Index("ix_leads_created_at", "created_at", postgresql_where=_LIVE),
        Index("ix_leads_updated_at", text("updated_at desc"), text("id desc"), postgresql_where=_LIVE),
        Index("ix_leads_team_id_updated_at", "team_id", text("updated_at desc"), text("id desc"), postgresql_where=_LIVE),
        Index("ix_leads_owner_id_updated_at", "owner_id", text("updated_at desc"), text("id desc"), postgresql_where=_LIVE),
        Index("ix_leads_owner_id_stage_id", "owner_id", "pipeline_id", "stage_id", text("updated_at desc"), text("id desc")),
        Index("ix_leads_owner_id_name", "owner_id", "name", "id", postgresql_where=_LIVE),
        Index("ix_leads_owner_id_value_usd", "owner_id", text("value_usd desc nulls last"), text("id desc"), postgresql_where=_LIVE),
        Index("ix_leads_stage_id_updated_at", "pipeline_id", "stage_id", text("updated_at desc"), text("id desc"), postgresql_where=_LIVE),
        Index("ix_leads_stage_id_lifetime_usd", "stage_id", text("lifetime_usd desc"), text("id desc"), postgresql_where=_LIVE),
        Index("ix_leads_name", "name", "id", postgresql_where=_LIVE),
        Index("ix_leads_value_usd", text("value_usd desc nulls last"), text("id desc"), postgresql_where=_LIVE),
        Index("ix_leads_expected_close_on", "expected_close_on", "id", postgresql_where=_LIVE),
        Index("ix_leads_last_contacted_at", text("last_contacted_at nulls first"), "id", postgresql_where=_LIVE),
        Index("ix_leads_lifetime_usd", text("lifetime_usd desc"), text("id desc"), postgresql_where=_LIVE),
        Index("ix_leads_company_id", "company_id"),
        Index("uq_leads_team_id_external_id", "team_id", "external_id", unique=True, postgresql_where=text("external_id is not null and deleted_at is null")),
        Index("ix_leads_came_from_lead_id", "came_from_lead_id", postgresql_where=text("came_from_lead_id is not null")),
        Index("ix_leads_merged_into_id", "merged_into_id", postgresql_where=text("merged_into_id is not null")),
    )  # fmt: skip


class LeadContact(Base):
    __tablename__ = "lead_contacts"
    lead_id: Mapped[Ref] = mapped_column(ForeignKey("crm.leads.id", ondelete="CASCADE"), primary_key=True)
    contact_id: Mapped[Ref] = mapped_column(ForeignKey("crm.contacts.id", ondelete="CASCADE"), primary_key=True)
    created_at: Mapped[CreatedAt]
    __table_args__ = (Index("ix_lead_contacts_contact_id", "contact_id"),)


class LeadSearchText(Base):
    """What substring search looks at, kept by triggers. Narrow, so that a stage move never touches the trigram index."""

    __tablename__ = "lead_search_texts"
    lead_id: Mapped[Ref] = mapped_column(ForeignKey("crm.leads.id", ondelete="CASCADE"), primary_key=True)
    content: Mapped[str] = mapped_column(comment="lower case: name, company, mail, phone, next step, external id")
    # The lead's, for its walls: search then needs no look at the leads themselves.
    team_id: Mapped[Ref]
    owner_id: Mapped[Ref | None]
    is_live: Mapped[bool]
    __table_args__ = (Index("ix_lead_search_texts_content", "content", postgresql_using="gin", postgresql_ops={"content": "gin_trgm_ops"}),)


class LeadCustomValue(Base):
    """The custom values that leads are found by, kept by triggers. Apart, so that an edit which touches none of them never touches the index."""

    __tablename__ = "lead_custom_values"
    lead_id: Mapped[Ref] = mapped_column(ForeignKey("crm.leads.id", ondelete="CASCADE"), primary_key=True)
    custom: Mapped[dict[str, Any]] = mapped_column(JSONB, comment="the lead's own, where it has any: kept by triggers")
    __table_args__ = (Index("ix_lead_custom_values_custom", "custom", postgresql_using="gin", postgresql_ops={"custom": "jsonb_path_ops"}),)
