"""A lead goes only into a pipeline that stands: whoever moves it waits for an archiving that is under way, and is told."""

from alembic import context, op

revision = "0034"
down_revision = "0033"

# The rules upstream go by a layout that may be a moment old. Who archives a pipeline has its row until the transaction ends,
# and who puts a lead into it holds it as it is until theirs does.
STANDS = """
create function crm.pipeline_stands(wanted bigint) returns boolean
language plpgsql volatile security definer set search_path = crm, pg_temp as $$
declare
    found record;
begin
    select p.deleted_at into found from pipelines as p where p.id = wanted for share;
    return found.deleted_at is null;
end $$"""


def upgrade() -> None:
    roles = context.config.attributes["roles"]
    op.execute(STANDS)
    op.execute("revoke execute on function crm.pipeline_stands(bigint) from public")
    op.execute("grant execute on function crm.pipeline_stands(bigint) to " + ", ".join(f'"{name}"' for name in (*roles.view, roles.write)))


def downgrade() -> None:
    op.execute("drop function crm.pipeline_stands(bigint)")
