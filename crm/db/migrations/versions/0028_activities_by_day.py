"""Who did how much in a period is read by the day on which it happened."""

from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.execute("create index if not exists ix_activities_happened_at on crm.activities (happened_at) where deleted_at is null")


def downgrade() -> None:
    op.execute("drop index if exists crm.ix_activities_happened_at")
