"""Postings that say what was so long before are found by when they were posted: for reports as they were known on a past day."""

from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    # Few edits are said to have been earlier, so a move writes no more than before.
    op.execute("create index ix_postings_posted_late on crm.postings (posted_at) where posted_at - effective_at > interval '1 hour'")


def downgrade() -> None:
    op.execute("drop index crm.ix_postings_posted_late")
