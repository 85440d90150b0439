"""Who stood longer than thirty days in a stage and left it since has an index, and who is in one still is read from the index alone: a list of stale
leads as of a past day read every stay that had begun by then."""

from importlib import import_module

from alembic import op

revision = "0044"
down_revision = "0043"

REPORTS = import_module("crm.db.migrations.versions.0025_reports")

LONG = (
    "(stage_id, left_at) include (lead_id, entered_at, team_id, pipeline_id, owner_id, value_usd, source, market, stage_entered_at, began_at)"
    " where left_at - stage_entered_at > interval '720 hours'"
)
STANDING = (
    "(stage_id, stage_entered_at) include (lead_id, entered_at, team_id, pipeline_id, owner_id, value_usd, source, market, close_month, began_at)"
    " where left_at is null"
)


def upgrade() -> None:
    op.execute(f"create index ix_stays_long on crm.stays {LONG}")
    op.execute("drop index crm.ix_stays_standing")
    op.execute(f"create index ix_stays_standing on crm.stays {STANDING}")


def downgrade() -> None:
    op.execute("drop index crm.ix_stays_standing")
    op.execute(f"create index ix_stays_standing on crm.stays {REPORTS.INDEXES['ix_stays_standing']}")
    op.execute("drop index crm.ix_stays_long")
