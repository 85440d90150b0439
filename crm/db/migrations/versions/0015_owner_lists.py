"""One's own leads by name and by value: without these, such a list walks past everybody else's."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.execute("create index ix_leads_owner_id_name on crm.leads (owner_id, name, id) where deleted_at is null")
    op.execute("create index ix_leads_owner_id_value_usd on crm.leads (owner_id, value_usd desc nulls last, id desc) where deleted_at is null")


def downgrade() -> None:
    op.execute("drop index crm.ix_leads_owner_id_value_usd")
    op.execute("drop index crm.ix_leads_owner_id_name")
