"""Templates: texts that sales writes once and uses on many leads. Their table, walls, history, and the grants of the roles there are."""

from importlib import import_module

import sqlalchemy as sa
from alembic import context, op

from crm.db.history import history_triggers

revision = "0040"
down_revision = "0039"

WALLS = import_module("crm.db.migrations.versions.0004_walls")
RECORDED = ("team_id", "name", "subject", "body", "deleted_at")
# Whoever shapes a team's pipelines writes its templates, and whoever sees its leads writes with them.
LIKE = {"view": ("lead", "view"), **dict.fromkeys(("create", "edit", "delete", "assign"), ("pipeline", "configure"))}


def upgrade() -> None:
    _table()
    for statement in history_triggers("templates", "template", RECORDED, money=""):
        op.execute(statement)
    op.execute("revoke execute on all functions in schema crm from public")
    _wall(context.config.attributes["roles"])
    for action, (resource, like) in LIKE.items():
        # A template is nobody's own: a role that sees its own leads alone sees the templates of its team.
        op.execute(
            "insert into crm.grants (role_id, resource, action, scope)"
            f" select role_id, 'template', '{action}', case scope when 'own' then 'team' else scope end from crm.grants"
            f" where resource = '{resource}' and action = '{like}' and deleted_at is null on conflict do nothing"
        )
        op.execute(f"insert into crm.grants (role_id, resource, action, scope) select id, 'template', '{action}', 'none' from crm.roles on conflict do nothing")


def _table() -> None:
    op.create_table(
        "templates",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False, comment="grows by one with each recorded change"),
        sa.Column("team_id", sa.BigInteger(), nullable=True, comment="whose it is, for leads of teams below too; null: everybody's"),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), server_default="", nullable=False, comment="one line, with merge fields"),
        sa.Column("body", sa.String(), nullable=False, comment="plain text, with merge fields"),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("length(name) between 1 and 80", name=op.f("ck_templates_name_length")),
        sa.CheckConstraint("length(subject) <= 300", name=op.f("ck_templates_subject_length")),
        sa.CheckConstraint("length(body) between 1 and 20000", name=op.f("ck_templates_body_length")),
        sa.ForeignKeyConstraint(["team_id"], ["crm.teams.id"], name=op.f("fk_templates_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_templates")),
        schema="crm",
    )
    op.create_index(
        "uq_templates_name", "templates", ["team_id", sa.text("lower(name)")], unique=True, schema="crm", postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("deleted_at is null"),
    )  # fmt: skip


def _wall(roles) -> None:  # type: ignore[no-untyped-def]
    """A team's are seen and written by grant; everybody's are seen by whoever sees any, and written by who writes everywhere."""
    view = ", ".join(f'"{name}"' for name in roles.view)
    sees_any = f"({WALLS.on('template_all')} or (select crm.setting_ids('crm.template_teams')) <> '{{}}')"
    seen = f"{WALLS.sees('template', owner=None)} or (team_id is null and {sees_any})"
    before, after = (WALLS.reaches(kind, owner="null") for kind in ("write", "assign"))
    writing = WALLS.writing("template")
    for statement in (
        "alter table crm.templates enable row level security",
        "alter table crm.templates force row level security",
        "create policy owner_all on crm.templates to current_user using (true) with check (true)",
        f"create policy view on crm.templates for select to {view} using ({seen})",
        f'create policy write_sees on crm.templates for select to "{roles.write}" using (true)',
        f'create policy write_insert on crm.templates for insert to "{roles.write}" with check ({writing} and {before})',
        f'create policy write_update on crm.templates for update to "{roles.write}" using ({writing} and {before}) with check ({after})',
        f'grant select on crm.templates to {view}, "{roles.write}"',
        f'grant insert, update on crm.templates to "{roles.write}"',
        f"create policy view_with_template on crm.changes for select to {view}"
        " using (record_type = 'template' and exists (select from crm.templates as t where t.id = record_id))",
    ):
        op.execute(statement)


def downgrade() -> None:
    op.execute("delete from crm.grants where resource = 'template'")
    op.execute("drop policy view_with_template on crm.changes")
    op.drop_table("templates", schema="crm")
    for when in ("inserted", "updated"):
        op.execute(f"drop function crm.templates_{when}_history()")
    op.execute("delete from crm.changes where record_type = 'template'")
