"""Alembic's environment: the connection comes from `crm.db.migrate`, never from a file."""

from alembic import context

from crm.tables import Base

connection = context.config.attributes["connection"]


def ours(_object: object, name: str | None, kind: str, _reflected: bool, _compare_to: object) -> bool:
    return not (kind == "table" and name == "alembic_version")


context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    version_table_schema="crm",
    include_schemas=True,
    include_name=lambda name, kind, parents: kind != "schema" or name == "crm",
    include_object=ours,
    compare_type=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
