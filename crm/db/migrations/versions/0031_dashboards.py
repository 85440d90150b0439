"""Dashboards and their blocks: tables, walls, history; and the stamp by which a page that stands open sees that something has changed."""

from importlib import import_module

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from crm.db.history import history_triggers

revision = "0031"
down_revision = "0029"

WALLS = import_module("crm.db.migrations.versions.0004_walls")
AUDITED = import_module("crm.db.migrations.versions.0019_looking_on").AUDITED
ME, SIGNED_IN = WALLS.ME, WALLS.SIGNED_IN
RECORDS = {
    "dashboard": ("dashboards", ("owner_id", "audience", "for_team_id", "name", "filters", "deleted_at")),
    "dashboard_block": ("dashboard_blocks", ("dashboard_id", "kind", "what", "title", "width", "position", "parameters", "deleted_at")),
}
# Any commit of a record or of a reading of production makes it another one. While somebody is writing it is the snapshot itself, since
# what they have numbered already is seen only after numbers that come later. It tells nothing of what was changed.
STAMP = """
create function crm.data_stamp() returns text language sql stable security definer set search_path = crm, pg_temp as $$
    select concat_ws(
        ' ', (select max(c.id) from changes as c), (select max(r.id) from sync_runs as r where r.state = 'done'),
        case when pg_snapshot_xmin(s.now) <> pg_snapshot_xmax(s.now) then s.now::text end
    )
    from (select pg_current_snapshot() as now) as s
$$
"""
# What people put together for themselves is no more the audit's than their views. The line before it is the index's own condition.
UNAUDITED = "and c.record_type not in ('dashboard', 'dashboard_block')\n            and c.record_type = any (types)"


def audited(body: str) -> str:
    return AUDITED.replace("create function", "create or replace function").replace("and c.record_type = any (types)", body)


def upgrade() -> None:
    _make()
    for name, (table, columns) in RECORDS.items():
        for statement in history_triggers(table, name, columns, money=""):
            op.execute(statement)
    op.execute(STAMP)
    op.execute(audited(UNAUDITED))
    op.execute("revoke execute on all functions in schema crm from public")
    roles = context.config.attributes["roles"]
    view = ", ".join(f'"{name}"' for name in roles.view)
    op.execute(f"grant execute on function crm.data_stamp() to {view}")
    _wall(view, f'"{roles.write}"')


def _make() -> None:
    op.create_table(
        "dashboards",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False, comment="grows by one with each recorded change"),
        sa.Column("owner_id", sa.BigInteger(), nullable=True, comment="who made it; null: the command line"),
        sa.Column("audience", sa.String(), nullable=False, comment="who sees it: private (its owner), team or everyone"),
        sa.Column("for_team_id", sa.BigInteger(), nullable=True, comment="the team that sees it; null otherwise"),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column(
            "filters", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False,
            comment='what it opens with: {"team": id, "owner": id, "market": code, "period": word}',
        ),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("audience in ('private', 'team', 'everyone')", name=op.f("ck_dashboards_audience")),
        sa.CheckConstraint("(audience = 'team') = (for_team_id is not null)", name=op.f("ck_dashboards_team")),
        sa.CheckConstraint("length(name) between 1 and 60", name=op.f("ck_dashboards_name_length")),
        sa.ForeignKeyConstraint(["owner_id"], ["crm.people.id"], name=op.f("fk_dashboards_owner_id")),
        sa.ForeignKeyConstraint(["for_team_id"], ["crm.teams.id"], name=op.f("fk_dashboards_for_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dashboards")),
        schema="crm",
    )  # fmt: skip
    op.create_table(
        "dashboard_blocks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False, comment="grows by one with each recorded change"),
        sa.Column("dashboard_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="report (a figure of one) or exploration"),
        sa.Column("what", sa.String(), nullable=False, comment="which figure; explore for an exploration"),
        sa.Column("title", sa.String(), nullable=True, comment="null: what the figure is called by itself"),
        sa.Column("width", sa.String(), server_default=sa.text("'half'"), nullable=False, comment="half or full"),
        sa.Column("position", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "parameters", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False,
            comment="what it is narrowed to where the dashboard's filters leave it open; of an exploration, its address",
        ),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind in ('report', 'exploration')", name=op.f("ck_dashboard_blocks_kind")),
        sa.CheckConstraint("width in ('half', 'full')", name=op.f("ck_dashboard_blocks_width")),
        sa.CheckConstraint("length(title) between 1 and 80", name=op.f("ck_dashboard_blocks_title_length")),
        sa.ForeignKeyConstraint(["dashboard_id"], ["crm.dashboards.id"], name=op.f("fk_dashboard_blocks_dashboard_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dashboard_blocks")),
        schema="crm",
    )  # fmt: skip
    op.create_index(
        "ix_dashboard_blocks_dashboard_id", "dashboard_blocks", ["dashboard_id", "position", "id"], schema="crm",
        postgresql_where=sa.text("deleted_at is null"),
    )  # fmt: skip


def _wall(view: str, write: str) -> None:
    """Dashboards have the walls of saved views; blocks are seen, and changed, by whoever sees and changes their dashboard."""
    ids, on, writing = WALLS.ids, WALLS.on, f"{WALLS.writing('view')}"
    of_team = f"(audience = 'team' and (for_team_id = {ids('my_teams')} or {on('share_all')}))"
    mine = f"(owner_id = {ME} and {on('is_viewed')} is not true)"  # what somebody keeps for themselves is not for those who look as them
    seen = f"{mine} or {of_team} or (audience = 'everyone' and {SIGNED_IN})"
    reached = f"(({on('write_own')} or {on('write_all')}) and owner_id is not distinct from {ME})"
    reached = f"({reached} or (audience <> 'private' and {WALLS.reaches('write', team='for_team_id')}))"
    shared = f"({on('share_all')} or (audience = 'team' and for_team_id = {ids('share_teams')}))"
    may_share = f"((audience = 'private' and owner_id is not distinct from {ME}) or (audience <> 'private' and {shared}))"
    stands = f"(deleted_at is not null or {may_share})"
    inside = f"{writing} and exists (select from crm.dashboards as d where d.id = dashboard_id and {reached} and {may_share})"
    for table in ("dashboards", "dashboard_blocks"):
        op.execute(f"alter table crm.{table} enable row level security")
        op.execute(f"alter table crm.{table} force row level security")
        op.execute(f"create policy owner_all on crm.{table} to current_user using (true) with check (true)")
        op.execute(f"create policy write_sees on crm.{table} for select to {write} using (true)")
        op.execute(f"grant select on crm.{table} to {view}, {write}")
        op.execute(f"grant insert, update on crm.{table} to {write}")
    for statement in (
        f"create policy view on crm.dashboards for select to {view} using ({seen})",
        f"create policy write_insert on crm.dashboards for insert to {write} with check ({writing} and {reached} and {stands})",
        f"create policy write_update on crm.dashboards for update to {write} using ({writing} and {reached}) with check ({reached} and {stands})",
        f"create policy view on crm.dashboard_blocks for select to {view} using (exists (select from crm.dashboards as d where d.id = dashboard_id))",
        f"create policy write_insert on crm.dashboard_blocks for insert to {write} with check ({inside})",
        f"create policy write_update on crm.dashboard_blocks for update to {write} using ({inside}) with check ({inside})",
        f"create policy view_with_dashboard on crm.changes for select to {view}"
        " using (record_type = 'dashboard' and exists (select from crm.dashboards as d where d.id = record_id))",
        f"create policy view_with_dashboard_block on crm.changes for select to {view}"
        " using (record_type = 'dashboard_block' and exists (select from crm.dashboard_blocks as b where b.id = record_id))",
    ):
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop function crm.data_stamp()")
    op.execute(audited("and c.record_type = any (types)"))
    for name in reversed(RECORDS):
        op.execute(f"drop policy view_with_{name} on crm.changes")
    for table in ("dashboard_blocks", "dashboards"):
        op.drop_table(table, schema="crm")
        for when in ("inserted", "updated"):
            op.execute(f"drop function crm.{table}_{when}_history()")
    op.execute("delete from crm.changes where record_type in ('dashboard', 'dashboard_block')")
