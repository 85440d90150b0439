"""Leads are found by custom values in a narrow table of their own: an edit that touches none of them costs what it did without them."""

from importlib import import_module

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"

FIELDS = import_module("crm.db.migrations.versions.0021_custom_fields")
KEEPING = """
create function crm.leads_custom_kept() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
begin
    if new.custom = '{}'::jsonb then
        delete from lead_custom_values where lead_id = new.id;
    else
        insert into lead_custom_values (lead_id, custom) values (new.id, new.custom) on conflict (lead_id) do update set custom = excluded.custom;
    end if;
    return null;
end $$;
revoke execute on function crm.leads_custom_kept() from public;

create trigger leads_inserted_custom after insert on crm.leads for each row when (new.custom <> '{}'::jsonb) execute function crm.leads_custom_kept();
create trigger leads_updated_custom after update on crm.leads for each row when (new.custom is distinct from old.custom)
    execute function crm.leads_custom_kept();
"""
KEPT_ARE_READ = (
    ("from leads as l where l.custom @> any (wanted) limit", "from lead_custom_values as l where l.custom @> any (wanted) limit"),
    (
        "select l.id from leads as l where l.custom @> any (wanted)",
        "select l.id from lead_custom_values as v join leads as l on l.id = v.lead_id where v.custom @> any (wanted)",
    ),
    (
        "exists (select from leads as r where r.custom @> wanted",
        "exists (select from lead_custom_values as v join leads as r on r.id = v.lead_id where v.custom @> wanted",
    ),
)


def upgrade() -> None:
    op.create_table(
        "lead_custom_values",
        sa.Column("lead_id", sa.BigInteger(), nullable=False),
        sa.Column("custom", postgresql.JSONB(), nullable=False, comment="the lead's own, where it has any: kept by triggers"),
        sa.ForeignKeyConstraint(["lead_id"], ["crm.leads.id"], name=op.f("fk_lead_custom_values_lead_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("lead_id", name=op.f("pk_lead_custom_values")),
        schema="crm",
    )
    for statement in (
        "alter table crm.lead_custom_values enable row level security",
        "alter table crm.lead_custom_values force row level security",
        # Nobody may read it: the functions that do run as the owner and apply the scopes of leads themselves.
        "create policy owner_all on crm.lead_custom_values to current_user using (true) with check (true)",
        "insert into crm.lead_custom_values (lead_id, custom) select id, custom from crm.leads where custom <> '{}'::jsonb",
        "create index ix_lead_custom_values_custom on crm.lead_custom_values using gin (custom jsonb_path_ops)",
    ):
        op.execute(statement)
    op.execute(KEEPING)
    _functions(KEPT_ARE_READ)
    op.execute("drop index crm.ix_leads_custom")


def _functions(replacing: tuple[tuple[str, str], ...]) -> None:
    """The functions of 0021, once more, over where the values are found."""
    made = FIELDS.FUNCTIONS.replace("create function", "create or replace function")
    for before, after in replacing:
        assert before in made
        made = made.replace(before, after)
    op.execute(made)


def downgrade() -> None:
    op.execute("create index ix_leads_custom on crm.leads using gin (custom jsonb_path_ops)")
    _functions(())
    for name in ("inserted", "updated"):
        op.execute(f"drop trigger leads_{name}_custom on crm.leads")
    op.execute("drop function crm.leads_custom_kept()")
    op.execute("drop table crm.lead_custom_values")
