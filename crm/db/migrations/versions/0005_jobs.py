"""The job queue: procrastinate's schema in a schema of its own, so that jobs commit with the work that asks for them."""

from alembic import context, op
from procrastinate.schema import SchemaManager

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    roles = context.config.attributes["roles"]
    connection = op.get_bind()
    before = connection.exec_driver_sql("show search_path").scalar_one()
    op.execute("create schema jobs")
    op.execute("set local search_path = jobs")
    # No parameters: psycopg then sends the whole script as it is, percent signs and all.
    raw = connection.connection.driver_connection
    assert raw is not None
    raw.execute(SchemaManager.get_schema().encode())
    op.execute(f"set local search_path = {before}")
    for name in (roles.login, roles.write, roles.system):
        op.execute(f'grant usage on schema jobs to "{name}"')
        op.execute(f'grant select, insert, update, delete on all tables in schema jobs to "{name}"')
        op.execute(f'grant usage on all sequences in schema jobs to "{name}"')


def downgrade() -> None:
    op.execute("drop schema jobs cascade")
