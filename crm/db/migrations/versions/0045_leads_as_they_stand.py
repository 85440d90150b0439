"""What is asked about leads as they stand is read from indexes of leads: by stage and since when, and by when they were made.

The first takes the place of the index of leads that have a reason of loss.
"""

from alembic import op

revision = "0045"
down_revision = "0044"

STANDING = """
    create index ix_leads_standing on crm.leads (stage_id, stage_entered_at)
    include (lost_reason, value_usd, created_at, team_id, pipeline_id, owner_id, source, market, expected_close_on)
    where deleted_at is null
"""
CREATED = "create index ix_leads_created_at on crm.leads (created_at) where deleted_at is null"
WHY_LOST = """
    create index ix_leads_lost on crm.leads (stage_id, stage_entered_at)
    include (id, lost_reason, value_usd, created_at, team_id, pipeline_id, owner_id, source, market)
    where lost_reason is not null and deleted_at is null
"""


def upgrade() -> None:
    op.execute(STANDING)
    op.execute(CREATED)
    op.drop_index("ix_leads_lost", "leads", schema="crm")


def downgrade() -> None:
    op.execute(WHY_LOST)
    op.drop_index("ix_leads_created_at", "leads", schema="crm")
    op.drop_index("ix_leads_standing", "leads", schema="crm")
