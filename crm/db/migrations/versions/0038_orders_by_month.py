"""Orders are folded by whole months; who changes an order takes its month off the list of those that are counted, in the same statement.

Which customers ordered when is read from one index alone.
"""

import sqlalchemy as sa
from alembic import context, op

revision = "0038"
down_revision = "0037"

TAKE_OFF = """
create function crm.orders_take_months_off() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
begin
    if tg_op in ('INSERT', 'UPDATE') then
        delete from folded_order_months as f where exists (select from new_rows as n where n.ordered_at >= f.begins_at and n.ordered_at < f.ends_at);
    end if;
    if tg_op in ('UPDATE', 'DELETE') then
        delete from folded_order_months as f where exists (select from old_rows as o where o.ordered_at >= f.begins_at and o.ordered_at < f.ends_at);
    end if;
    if tg_op = 'TRUNCATE' then
        delete from folded_order_months;
    end if;
    return null;
end $$
"""
EVENTS = {
    "insert": "referencing new table as new_rows",
    "update": "referencing old table as old_rows new table as new_rows",
    "delete": "referencing old table as old_rows",
    "truncate": "",
}
TABLES = ("order_months", "folded_order_months")
SIGNED_IN = "(select nullif(current_setting('crm.view_scope', true), '')) is not null"
SEEN = "(select crm.setting_on('crm.customer_all')) or team_id = any ((select crm.setting_ids('crm.customer_teams'))::bigint[])"


COUNTED = "ix_orders_counted on crm.orders (ordered_at) include (team_id, customer_id) where is_counted and gone_at is null"
BEFORE = "ix_orders_ordered_at on crm.orders (ordered_at)"


def upgrade() -> None:
    op.execute(f"create index {COUNTED}")
    op.execute("drop index crm.ix_orders_ordered_at")
    op.create_table(
        "order_months",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("month", sa.Date(), nullable=False, comment="its first day, in the reporting time zone"),
        sa.Column("team_id", sa.BigInteger(), nullable=True, comment="the customers', for walls and reports"),
        sa.Column("market", sa.CHAR(2), nullable=True),
        sa.Column("currency", sa.CHAR(3), nullable=False, comment="ISO 4217"),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("customers", sa.Integer(), nullable=False, comment="how many different ones ordered; each has one team and one market"),
        sa.Column("amount", sa.Numeric(18, 2), nullable=False, comment="in currency"),
        sa.Column("amount_usd", sa.Numeric(18, 2), nullable=False, comment="USD at the rate of each order's day"),
        sa.Column("unconverted", sa.Integer(), nullable=False, comment="orders without a rate, not in amount_usd"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_months")),
        sa.UniqueConstraint("month", "team_id", "market", "currency", name="uq_order_months_cell", postgresql_nulls_not_distinct=True),
        schema="crm",
    )
    op.create_table(
        "folded_order_months",
        sa.Column("month", sa.Date(), nullable=False, comment="its first day"),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False, comment="when it began in the time zone it was counted in"),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_folded_order_months")),
        schema="crm",
    )
    _wall()
    op.execute(TAKE_OFF)
    op.execute("revoke execute on function crm.orders_take_months_off() from public")
    for event, rows in EVENTS.items():
        op.execute(f"create trigger months_off_{event} after {event} on crm.orders {rows} for each statement execute function crm.orders_take_months_off()")


def _wall() -> None:
    roles = context.config.attributes["roles"]
    everyone = ", ".join(f'"{name}"' for name in roles.view)
    for table, seen in zip(TABLES, (SEEN, SIGNED_IN), strict=True):
        op.execute(f"alter table crm.{table} enable row level security")
        op.execute(f"alter table crm.{table} force row level security")
        op.execute(f"create policy owner_all on crm.{table} for all to current_user using (true) with check (true)")
        op.execute(f'create policy system_all on crm.{table} for all to "{roles.system}" using (true) with check (true)')
        op.execute(f'grant select, insert, update, delete on crm.{table} to "{roles.system}"')
        op.execute(f"create policy view on crm.{table} for select to {everyone} using ({seen})")
        op.execute(f"grant select on crm.{table} to {everyone}")


def downgrade() -> None:
    op.execute(f"create index {BEFORE}")
    op.execute("drop index crm.ix_orders_counted")
    for event in EVENTS:
        op.execute(f"drop trigger months_off_{event} on crm.orders")
    op.execute("drop function crm.orders_take_months_off()")
    for table in TABLES:
        op.drop_table(table, schema="crm")
