"""Goals per person, team and quarter: their table, walls, history, and the grants of the roles there are."""

from importlib import import_module

import sqlalchemy as sa
from alembic import context, op

from crm.db.history import history_triggers

revision = "0026"
down_revision = "0025"

WALLS = import_module("crm.db.migrations.versions.0004_walls")
RECORDED = ("team_id", "person_id", "starts_on", "amount_usd", "deleted_at")


def upgrade() -> None:
    _table()
    for statement in history_triggers("goals", "goal", RECORDED):
        op.execute(statement)
    op.execute("revoke execute on all functions in schema crm from public")
    _wall(context.config.attributes["roles"])
    # Whoever shapes a team's pipelines sets its goals.
    op.execute(
        "insert into crm.grants (role_id, resource, action, scope)"
        " select role_id, 'goal', 'configure', scope from crm.grants where resource = 'pipeline' and action = 'configure' and deleted_at is null on conflict do nothing"
    )
    op.execute("insert into crm.grants (role_id, resource, action, scope) select id, 'goal', 'configure', 'none' from crm.roles on conflict do nothing")


def _table() -> None:
    op.create_table(
        "goals",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False, comment="grows by one with each recorded change"),
        sa.Column("team_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True, comment="null: the whole team's, those of teams below included"),
        sa.Column("starts_on", sa.Date(), nullable=False, comment="first day of the quarter"),
        sa.Column("amount_usd", sa.Numeric(precision=16, scale=2), nullable=False, comment="the value to win in the quarter, USD"),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("amount_usd > 0", name=op.f("ck_goals_amount")),
        sa.CheckConstraint("extract(day from starts_on) = 1", name=op.f("ck_goals_quarter")),
        sa.ForeignKeyConstraint(["team_id"], ["crm.teams.id"], name=op.f("fk_goals_team_id")),
        sa.ForeignKeyConstraint(["person_id"], ["crm.people.id"], name=op.f("fk_goals_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_goals")),
        schema="crm",
    )
    op.create_index(
        "uq_goals_quarter", "goals", ["starts_on", "team_id", "person_id"], unique=True, schema="crm", postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("deleted_at is null"),
    )  # fmt: skip


def _wall(roles) -> None:  # type: ignore[no-untyped-def]
    """Whoever sees a team's people sees what they mean to win, and everybody their own."""
    view = ", ".join(f'"{name}"' for name in roles.view)
    seen = f"{WALLS.sees('person', owner=None)} or person_id = {WALLS.ME}"
    before, after = (WALLS.reaches(kind, owner="null") for kind in ("write", "assign"))
    for statement in (
        "alter table crm.goals enable row level security",
        "alter table crm.goals force row level security",
        "create policy owner_all on crm.goals to current_user using (true) with check (true)",
        f"create policy view on crm.goals for select to {view} using ({seen})",
        f'create policy write_sees on crm.goals for select to "{roles.write}" using (true)',
        f'create policy write_insert on crm.goals for insert to "{roles.write}" with check ({WALLS.writing("goal")} and {after})',
        f'create policy write_update on crm.goals for update to "{roles.write}" using ({WALLS.writing("goal")} and {before}) with check ({after})',
        f'grant select on crm.goals to {view}, "{roles.write}"',
        f'grant insert, update on crm.goals to "{roles.write}"',
        f"create policy view_with_goal on crm.changes for select to {view}"
        " using (record_type = 'goal' and exists (select from crm.goals as g where g.id = record_id))",
    ):
        op.execute(statement)


def downgrade() -> None:
    op.execute("delete from crm.grants where resource = 'goal'")
    op.execute("drop policy view_with_goal on crm.changes")
    op.drop_table("goals", schema="crm")
    for when in ("inserted", "updated"):
        op.execute(f"drop function crm.goals_{when}_history()")
    op.execute("delete from crm.changes where record_type = 'goal'")
