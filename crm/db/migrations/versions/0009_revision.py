"""The machinery may read which revision the schema is at, so that `doctor` can say so as the runtime login."""

from alembic import context, op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute(f'grant select on crm.alembic_version to "{context.config.attributes["roles"].system}"')


def downgrade() -> None:
    op.execute(f'revoke select on crm.alembic_version from "{context.config.attributes["roles"].system}"')
