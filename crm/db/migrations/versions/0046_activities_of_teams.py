"""What a team did is read by an index of its own, and not among what everybody did; the fold's job alone writes it."""

from alembic import op

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    op.execute(
        "create index ix_folded_activities_team_id on crm.folded_activities (team_id, happened_at)"
        " include (lead_id, person_id, kind, duration_minutes, pipeline_id, owner_id, before_at)"
    )


def downgrade() -> None:
    op.execute("drop index crm.ix_folded_activities_team_id")
