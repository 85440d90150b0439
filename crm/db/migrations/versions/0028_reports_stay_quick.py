"""Activities are read by the day on which they happened; stays are vacuumed sooner, so that reports find the newest in their indexes alone."""

from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.execute("create index ix_activities_happened_at on crm.activities (happened_at) where deleted_at is null")
    op.execute("alter table crm.stays set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.01)")


def downgrade() -> None:
    op.execute("alter table crm.stays reset (autovacuum_vacuum_scale_factor, autovacuum_vacuum_insert_scale_factor)")
    op.execute("drop index crm.ix_activities_happened_at")
