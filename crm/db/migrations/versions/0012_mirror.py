"""The mirror of production (customers, orders, how it was read), the rules that make leads of it, and alerts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "alarms",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("times", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarms")),
        schema="crm",
    )
    op.create_index("uq_alarms_kind", "alarms", ["kind"], unique=True, schema="crm", postgresql_where=sa.text("resolved_at is null"))
    op.create_table(
        "sync_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="full or difference"),
        sa.Column("asked_by_id", sa.BigInteger(), nullable=True, comment="null: by itself"),
        sa.Column("state", sa.String(), server_default="running", nullable=False),
        sa.Column("step", sa.String(), server_default="", nullable=False, comment="what it is at, in words"),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False, comment="the last sign of life of a running one"),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "seen_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="production's newest change that was read; the next difference begins a little before",
        ),
        sa.Column("customers_read", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("orders_read", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rates_read", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("customers_changed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("orders_changed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("leads_created", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("leads_changed", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="leads whose derived figures differ now"),
        sa.Column("problem", sa.String(), nullable=True, comment="why it failed, in words for people"),
        sa.CheckConstraint("kind in ('full', 'difference')", name=op.f("ck_sync_runs_kind")),
        sa.CheckConstraint("state in ('running', 'done', 'failed')", name=op.f("ck_sync_runs_state")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["crm.people.id"], name=op.f("fk_sync_runs_asked_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_runs")),
        schema="crm",
    )
    op.create_index("ix_sync_runs_asked_by_id", "sync_runs", ["asked_by_id"], unique=False, schema="crm")
    op.create_index("ix_sync_runs_started_at", "sync_runs", [sa.literal_column("started_at desc")], unique=False, schema="crm")
    op.create_table(
        "customers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False, comment="production's own key"),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("market", sa.CHAR(length=2), nullable=True, comment="ISO 3166 country"),
        sa.Column("segment", sa.String(), nullable=True, comment="as production says it, such as B2B"),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("company_id", sa.BigInteger(), nullable=True, comment="the company that this customer is; its leads are the customer's"),
        sa.Column("team_id", sa.BigInteger(), nullable=True, comment="the team of its market"),
        sa.Column("first_order_at", sa.DateTime(timezone=True), nullable=True, comment="derived from counted orders"),
        sa.Column("last_order_at", sa.DateTime(timezone=True), nullable=True, comment="derived from counted orders"),
        sa.Column("orders", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="derived: counted orders"),
        sa.Column(
            "lifetime_usd",
            sa.Numeric(precision=16, scale=2),
            server_default=sa.text("0"),
            nullable=False,
            comment="derived: USD of counted orders at their days' rates",
        ),
        sa.Column("last_contacted_at", sa.DateTime(timezone=True), nullable=True, comment="derived: newest contact over the company's leads"),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True, comment="when a full reading no longer found it"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("mirrored_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["crm.companies.id"], name=op.f("fk_customers_company_id")),
        sa.ForeignKeyConstraint(["team_id"], ["crm.teams.id"], name=op.f("fk_customers_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
        sa.UniqueConstraint("external_id", name=op.f("uq_customers_external_id")),
        schema="crm",
    )
    op.create_index("ix_customers_company_id", "customers", ["company_id"], unique=False, schema="crm")
    op.create_index(
        "ix_customers_last_order_at",
        "customers",
        [sa.literal_column("last_order_at desc nulls last"), sa.literal_column("id desc")],
        unique=False,
        schema="crm",
    )
    op.create_index(
        "ix_customers_lifetime_usd", "customers", [sa.literal_column("lifetime_usd desc"), sa.literal_column("id desc")], unique=False, schema="crm"
    )
    op.create_index(
        "ix_customers_team_id_last_order_at",
        "customers",
        ["team_id", sa.literal_column("last_order_at desc nulls last"), sa.literal_column("id desc")],
        unique=False,
        schema="crm",
    )
    op.create_table(
        "lead_rules",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False, comment="grows by one with each recorded change"),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("position", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="the first rule that fits makes the lead"),
        sa.Column("segment", sa.String(), nullable=True, comment="null: customers of every segment"),
        sa.Column("market", sa.CHAR(length=2), nullable=True, comment="ISO 3166 country; null: every market"),
        sa.Column("ordered_within_days", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.BigInteger(), nullable=True, comment="null: the team of the customer's market"),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=True, comment="null: the team's first"),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("ordered_within_days between 1 and 3660", name=op.f("ck_lead_rules_ordered_within_days")),
        sa.ForeignKeyConstraint(["pipeline_id"], ["crm.pipelines.id"], name=op.f("fk_lead_rules_pipeline_id")),
        sa.ForeignKeyConstraint(["team_id"], ["crm.teams.id"], name=op.f("fk_lead_rules_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead_rules")),
        schema="crm",
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False, comment="production's own key"),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount", sa.Numeric(precision=14, scale=2), nullable=False, comment="in currency"),
        sa.Column("currency", sa.CHAR(length=3), nullable=False, comment="ISO 4217"),
        sa.Column("amount_usd", sa.Numeric(precision=16, scale=2), nullable=True, comment="USD at the rate of the order's day; null where no rate is known"),
        sa.Column("status", sa.String(), server_default="", nullable=False, comment="as production says it"),
        sa.Column("is_counted", sa.Boolean(), server_default=sa.text("true"), nullable=False, comment="false for what was cancelled or paid back"),
        sa.Column("market", sa.CHAR(length=2), nullable=True, comment="the customer's, for reports"),
        sa.Column("team_id", sa.BigInteger(), nullable=True, comment="the customer's, for walls and reports"),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True, comment="when a full reading no longer found it"),
        sa.Column("mirrored_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["crm.customers.id"], name=op.f("fk_orders_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("external_id", name=op.f("uq_orders_external_id")),
        schema="crm",
    )
    op.create_index(
        "ix_orders_customer_id_ordered_at",
        "orders",
        ["customer_id", sa.literal_column("ordered_at desc"), sa.literal_column("id desc")],
        unique=False,
        schema="crm",
    )
    op.create_index("ix_orders_ordered_at", "orders", ["ordered_at"], unique=False, schema="crm")
    op.create_index("ix_orders_team_id_ordered_at", "orders", ["team_id", "ordered_at"], unique=False, schema="crm")
    op.create_table(
        "alerts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False, comment="grows by one with each recorded change"),
        sa.Column("lead_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False, comment="whom it reminds"),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.String(), server_default="", nullable=False, comment="what to do"),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by_id", sa.BigInteger(), nullable=True),
        sa.Column("created_by_id", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("done_by_id is null or done_at is not null", name=op.f("ck_alerts_done_by")),
        sa.ForeignKeyConstraint(["created_by_id"], ["crm.people.id"], name=op.f("fk_alerts_created_by_id")),
        sa.ForeignKeyConstraint(["done_by_id"], ["crm.people.id"], name=op.f("fk_alerts_done_by_id")),
        sa.ForeignKeyConstraint(["lead_id"], ["crm.leads.id"], name=op.f("fk_alerts_lead_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person_id"], ["crm.people.id"], name=op.f("fk_alerts_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
        schema="crm",
    )
    op.create_index("ix_alerts_created_by_id", "alerts", ["created_by_id"], unique=False, schema="crm")
    op.create_index("ix_alerts_done_by_id", "alerts", ["done_by_id"], unique=False, schema="crm", postgresql_where=sa.text("done_by_id is not null"))
    op.create_index("ix_alerts_lead_id_due_at", "alerts", ["lead_id", "due_at"], unique=False, schema="crm")
    op.create_index(
        "ix_alerts_person_id_due_at",
        "alerts",
        ["person_id", "due_at"],
        unique=False,
        schema="crm",
        postgresql_where=sa.text("done_at is null and deleted_at is null"),
    )
    op.create_table(
        "lead_reasons",
        sa.Column("lead_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rule_id", sa.BigInteger(), nullable=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("text", sa.String(), nullable=False, comment="the whole reason in words, as of that day"),
        sa.Column("order_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False, comment="the newest orders that fitted"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["crm.customers.id"], name=op.f("fk_lead_reasons_customer_id")),
        sa.ForeignKeyConstraint(["lead_id"], ["crm.leads.id"], name=op.f("fk_lead_reasons_lead_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["rule_id"], ["crm.lead_rules.id"], name=op.f("fk_lead_reasons_rule_id")),
        sa.PrimaryKeyConstraint("lead_id", name=op.f("pk_lead_reasons")),
        schema="crm",
    )
    op.create_index("ix_lead_reasons_customer_id", "lead_reasons", ["customer_id"], unique=False, schema="crm")
    op.create_index("ix_lead_reasons_rule_id", "lead_reasons", ["rule_id"], unique=False, schema="crm")
    op.add_column(
        "markets", sa.Column("team_id", sa.BigInteger(), nullable=True, comment="whose customers and new leads those of this market are"), schema="crm"
    )
    op.create_foreign_key(op.f("fk_markets_team_id"), "markets", "teams", ["team_id"], ["id"], source_schema="crm", referent_schema="crm")


def downgrade() -> None:
    op.drop_constraint(op.f("fk_markets_team_id"), "markets", schema="crm", type_="foreignkey")
    op.drop_column("markets", "team_id", schema="crm")
    for table in ("lead_reasons", "alerts", "orders", "lead_rules", "customers", "sync_runs", "alarms"):
        op.drop_table(table, schema="crm")
