"""The read-only mirror of production: customers and their orders; how it was read, what made leads of it, and what went wrong."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CHAR, BigInteger, CheckConstraint, ForeignKey, Index, Numeric, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from crm.db.base import Base, CreatedAt, Id, Moment, Ref, Version


class Customer(Base):
    """Who orders in production. Facts: no version, no change rows. Only `company_id`, `team_id` and the sums are ours."""

    __tablename__ = "customers"
    id: Mapped[Id]
    external_id: Mapped[str] = mapped_column(comment="production's own key")
    name: Mapped[str]
    market: Mapped[str | None] = mapped_column(CHAR(2), comment="ISO 3166 country")
    segment: Mapped[str | None] = mapped_column(comment="as production says it, such as B2B")
    email: Mapped[str | None]
    phone: Mapped[str | None]
    company_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.companies.id"), comment="the company that this customer is; its leads are the customer's")
    team_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.teams.id"), comment="the team of its market")
    first_order_at: Mapped[Moment | None] = mapped_column(comment="derived from counted orders")
    last_order_at: Mapped[Moment | None] = mapped_column(comment="derived from counted orders")
    orders: Mapped[int] = mapped_column(server_default=sql("0"), comment="derived: counted orders")
    lifetime_usd: Mapped[Decimal] = mapped_column(Numeric(16, 2), server_default=sql("0"), comment="derived: USD of counted orders at their days' rates")
    last_contacted_at: Mapped[Moment | None] = mapped_column(comment="derived: newest contact over the company's leads")
    gone_at: Mapped[Moment | None] = mapped_column(comment="when a full reading no longer found it")
    created_at: Mapped[CreatedAt]
    mirrored_at: Mapped[CreatedAt]
    __table_args__ = (
        UniqueConstraint("external_id"),
        Index("ix_customers_company_id", "company_id"),
        Index("ix_customers_name", "name", "id"),
        Index("ix_customers_team_id_last_order_at", "team_id", sql("last_order_at desc nulls last"), sql("id desc")),
        Index("ix_customers_last_order_at", sql("last_order_at desc nulls last"), sql("id desc")),
        Index("ix_customers_lifetime_usd", sql("lifetime_usd desc"), sql("id desc")),
    )


class Order(Base):
    """One order in production's own currency, and in USD at the rate of its day."""

    __tablename__ = "orders"
    id: Mapped[Id]
    external_id: Mapped[str] = mapped_column(comment="production's own key")
    customer_id: Mapped[Ref] = mapped_column(ForeignKey("crm.customers.id"))
    ordered_at: Mapped[datetime]
    amount: Mapped[Decimal] = mapped_column(Numeric(14, 2), comment="in currency")
    currency: Mapped[str] = mapped_column(CHAR(3), comment="ISO 4217")
    amount_usd: Mapped[Decimal | None] = mapped_column(Numeric(16, 2), comment="USD at the rate of the order's day; null where no rate is known")
    status: Mapped[str] = mapped_column(server_default="", comment="as production says it")
    is_counted: Mapped[bool] = mapped_column(server_default=sql("true"), comment="false for what was cancelled or paid back")
    market: Mapped[str | None] = mapped_column(CHAR(2), comment="the customer's, for reports")
    team_id: Mapped[Ref | None] = mapped_column(comment="the customer's, for walls and reports")
    gone_at: Mapped[Moment | None] = mapped_column(comment="when a full reading no longer found it")
    mirrored_at: Mapped[CreatedAt]
    __table_args__ = (
        UniqueConstraint("external_id"),
        Index("ix_orders_customer_id_ordered_at", "customer_id", sql("ordered_at desc"), sql("id desc")),
        Index("ix_orders_team_id_ordered_at", "team_id", "ordered_at"),
        Index("ix_orders_counted", "ordered_at", postgresql_include=["team_id", "customer_id"], postgresql_where=sql("is_counted and gone_at is null")),
    )


class OrderMonth(Base):
    """What counts of the orders of one whole month, of one team, market and currency. Right only while the month stands in `folded_order_months`."""

    __tablename__ = "order_months"
    id: Mapped[Id]
    month: Mapped[date] = mapped_column(comment="its first day, in the reporting time zone")
    team_id: Mapped[Ref | None] = mapped_column(comment="the customers', for walls and reports")
    market: Mapped[str | None] = mapped_column(CHAR(2))
    currency: Mapped[str] = mapped_column(CHAR(3), comment="ISO 4217")
    orders: Mapped[int]
    customers: Mapped[int] = mapped_column(comment="how many different ones ordered; each has one team and one market")
    amount: Mapped[Decimal] = mapped_column(Numeric(18, 2), comment="in currency")
    amount_usd: Mapped[Decimal] = mapped_column(Numeric(18, 2), comment="USD at the rate of each order's day")
    unconverted: Mapped[int] = mapped_column(comment="orders without a rate, not in amount_usd")
    __table_args__ = (UniqueConstraint("month", "team_id", "market", "currency", name="uq_order_months_cell", postgresql_nulls_not_distinct=True),)


class FoldedOrderMonth(Base):
    """A month whose orders are counted in `order_months`. Whoever changes an order of it takes it off this list, in the same statement."""

    __tablename__ = "folded_order_months"
    month: Mapped[date] = mapped_column(primary_key=True, comment="its first day")
    begins_at: Mapped[datetime] = mapped_column(comment="when it began in the time zone it was counted in")
    ends_at: Mapped[datetime]


class SyncRun(Base):
    """One reading of production, as it went. The newest that is done says how old the mirror is and where to read on."""

    __tablename__ = "sync_runs"
    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(comment="full or difference")
    asked_by_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.people.id"), comment="null: by itself")
    state: Mapped[str] = mapped_column(server_default="running")
    step: Mapped[str] = mapped_column(server_default="", comment="what it is at, in words")
    started_at: Mapped[CreatedAt]
    heard_at: Mapped[CreatedAt] = mapped_column(comment="the last sign of life of a running one")
    finished_at: Mapped[Moment | None]
    seen_until: Mapped[Moment | None] = mapped_column(comment="production's newest change that was read; the next difference begins a little before")
    customers_read: Mapped[int] = mapped_column(server_default=sql("0"))
    orders_read: Mapped[int] = mapped_column(server_default=sql("0"))
    rates_read: Mapped[int] = mapped_column(server_default=sql("0"))
    customers_changed: Mapped[int] = mapped_column(server_default=sql("0"))
    orders_changed: Mapped[int] = mapped_column(server_default=sql("0"))
    leads_created: Mapped[int] = mapped_column(server_default=sql("0"))
    leads_changed: Mapped[int] = mapped_column(server_default=sql("0"), comment="leads whose derived figures differ now")
    problem: Mapped[str | None] = mapped_column(comment="why it failed, in words for people")
    __table_args__ = (
        CheckConstraint("kind in ('full', 'difference')", name="kind"),
        CheckConstraint("state in ('running', 'done', 'failed')", name="state"),
        Index("ix_sync_runs_started_at", sql("started_at desc")),
        Index("ix_sync_runs_asked_by_id", "asked_by_id"),
    )


class Alarm(Base):
    """Something that an admin should look at; one open row a kind, counted up while it goes on."""

    __tablename__ = "alarms"
    id: Mapped[Id]
    kind: Mapped[str]
    text: Mapped[str]
    first_at: Mapped[CreatedAt]
    last_at: Mapped[CreatedAt]
    times: Mapped[int] = mapped_column(server_default=sql("1"))
    resolved_at: Mapped[Moment | None]
    __table_args__ = (Index("uq_alarms_kind", "kind", unique=True, postgresql_where=sql("resolved_at is null")),)


class LeadRule(Base):
    """Which customers become leads by themselves."""

    __tablename__ = "lead_rules"
    id: Mapped[Id]
    version: Mapped[Version]
    name: Mapped[str]
    is_active: Mapped[bool] = mapped_column(server_default=sql("true"))
    position: Mapped[int] = mapped_column(server_default=sql("0"), comment="the first rule that fits makes the lead")
    segment: Mapped[str | None] = mapped_column(comment="null: customers of every segment")
    market: Mapped[str | None] = mapped_column(CHAR(2), comment="ISO 3166 country; null: every market")
    ordered_within_days: Mapped[int]
    team_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.teams.id"), comment="null: the team of the customer's market")
    pipeline_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.pipelines.id"), comment="null: the team's first")
    deleted_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    __table_args__ = (CheckConstraint("ordered_within_days between 1 and 3660", name="ordered_within_days"),)


class LeadReason(Base):
    """Why a lead was made by itself: which rule, for which customer, from which orders."""

    __tablename__ = "lead_reasons"
    lead_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("crm.leads.id", ondelete="CASCADE"), primary_key=True, autoincrement=False)
    rule_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.lead_rules.id"))
    customer_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.customers.id"))
    text: Mapped[str] = mapped_column(comment="the whole reason in words, as of that day")
    order_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), comment="the newest orders that fitted")
    created_at: Mapped[CreatedAt]
    __table_args__ = (Index("ix_lead_reasons_customer_id", "customer_id"), Index("ix_lead_reasons_rule_id", "rule_id"))
