"""Customers by name, and which of them have a lead at all, also one that the asker does not see."""

from alembic import context, op

revision = "0014"
down_revision = "0013"

# Whoever sees a customer may know that a colleague works with it; not who, nor where that lead stands.
WITH_LEADS = """
create function crm.customers_with_leads(ids bigint[]) returns setof bigint language sql stable security definer set search_path = crm, pg_temp as $$
    select c.id from customers as c
    where (ids is null or c.id = any (ids)) and c.company_id is not null
        and ((select setting_on('crm.customer_all')) or c.team_id = any ((select setting_ids('crm.customer_teams'))::bigint[])
            or ((select setting_on('crm.customer_own')) and c.company_id = any ((select my_companies())::bigint[])))
        and exists (select from leads as l where l.company_id = c.company_id and l.deleted_at is null)
$$;
"""


def upgrade() -> None:
    roles = context.config.attributes["roles"]
    op.execute(WITH_LEADS)
    op.execute("revoke execute on function crm.customers_with_leads(bigint[]) from public")
    op.execute("grant execute on function crm.customers_with_leads(bigint[]) to " + ", ".join(f'"{name}"' for name in roles.view))
    op.create_index("ix_customers_name", "customers", ["name", "id"], schema="crm")


def downgrade() -> None:
    op.drop_index("ix_customers_name", "customers", schema="crm")
    op.execute("drop function crm.customers_with_leads(bigint[])")
