"""Saved views, assignment rules, holidays: their tables, walls and history; history of settings and markets; the grants of the shipped roles."""

from importlib import import_module

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from crm.db.history import history_triggers

revision = "0019"
down_revision = "0015"

WALLS = import_module("crm.db.migrations.versions.0004_walls")
ME, SIGNED_IN = WALLS.ME, WALLS.SIGNED_IN
TABLES = ("views", "assignment_rules", "assignment_turns", "lead_assignments", "holidays")
RECORDS = {
    "view": (
        "views",
        ("owner_id", "audience", "for_team_id", "page", "name", "address", "position", "is_pinned", "default_for_role_id", "deleted_at"),
    ),
    "assignment_rule": ("assignment_rules", ("team_id", "name", "position", "is_active", "pipeline_id", "conditions", "method", "people", "deleted_at")),
    "setting": ("organisation_settings", ("key", "value")),
    "market": ("markets", ("code", "name", "currency", "team_id")),
    "holiday": ("holidays", ("day", "name", "market", "deleted_at")),
}
# Whose changes are seen: by who sees the record. Apart from the policy of the other records, which stays as it is.
HISTORY = {
    "view": "exists (select from crm.views as v where v.id = record_id)",
    "assignment_rule": "exists (select from crm.assignment_rules as a where a.id = record_id)",
    "setting": SIGNED_IN,
    "market": SIGNED_IN,
    "holiday": SIGNED_IN,
}


def policies() -> list[tuple[str, str, str, str, str | None, str | None]]:
    """As in migration 0004."""
    ids, on, writing = WALLS.ids, WALLS.on, WALLS.writing
    found: list[tuple[str, str, str, str, str | None, str | None]] = [(table, "owner_all", "all", "owner", "true", "true") for table in TABLES]
    add = found.append
    of_team = f"(audience = 'team' and (for_team_id = {ids('my_teams')} or {on('share_all')}))"
    add(("views", "view", "select", "view", f"owner_id = {ME} or {of_team} or (audience = 'everyone' and {SIGNED_IN})", None))
    add(("views", "write_sees", "select", "write", "true", None))
    # One's own, or one that is shared where the grant reaches; nobody writes what another person keeps private.
    reached = f"(({on('write_own')} or {on('write_all')}) and owner_id is not distinct from {ME})"
    reached = f"({reached} or (audience <> 'private' and {WALLS.reaches('write', team='for_team_id')}))"
    shared = f"({on('share_all')} or (audience = 'team' and for_team_id = {ids('share_teams')}))"
    stands = f"(deleted_at is not null or (audience = 'private' and owner_id is not distinct from {ME}) or (audience <> 'private' and {shared}))"
    add(("views", "write_insert", "insert", "write", None, f"{writing('view')} and {reached} and {stands}"))
    add(("views", "write_update", "update", "write", f"{writing('view')} and {reached}", f"{reached} and {stands}"))
    # Whoever sees a team's pipelines sees how its leads are given out; the machinery gives them.
    add(("assignment_rules", "view", "select", "view", WALLS.sees("pipeline", owner=None), None))
    add(("assignment_rules", "machinery_sees", "select", "write,system", "true", None))
    add(("assignment_rules", "write_insert", "insert", "write", None, f"{writing('pipeline')} and {WALLS.reaches('assign', owner='null')}"))
    before, after = (WALLS.reaches(kind, owner="null") for kind in ("write", "assign"))
    add(("assignment_rules", "write_update", "update", "write", f"{writing('pipeline')} and {before}", after))
    for table in ("assignment_turns", "lead_assignments", "holidays"):
        add((table, "system_all", "all", "system", "true", "true"))
    add(("lead_assignments", "view_with_lead", "select", "view", "exists (select from crm.leads as l where l.id = lead_id)", None))
    allowed = f"{writing('settings')} and {on('write_all')}"
    add(("holidays", "view_signed_in", "select", "view", SIGNED_IN, None))
    add(("holidays", "machinery_sees", "select", "write,system", "true", None))
    add(("holidays", "write_insert", "insert", "write", None, allowed))
    add(("holidays", "write_update", "update", "write", allowed, allowed))
    return found


def upgrade() -> None:
    _make_views()
    _make_assignment()
    _make_settings()
    for name, (table, columns) in RECORDS.items():
        for statement in history_triggers(table, name, columns, money=""):
            op.execute(statement)
    op.execute("revoke execute on all functions in schema crm from public")
    roles = context.config.attributes["roles"]
    _wall(roles)
    view_roles = ", ".join(f'"{name}"' for name in roles.view)
    for name, seen in HISTORY.items():
        op.execute(f"create policy view_with_{name} on crm.changes for select to {view_roles} using (record_type = '{name}' and {seen})")
    _grant()


def _make_views() -> None:
    op.create_table(
        "views",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False, comment="grows by one with each recorded change"),
        sa.Column("owner_id", sa.BigInteger(), nullable=True, comment="who made it; null: the command line"),
        sa.Column("audience", sa.String(), nullable=False, comment="who sees it: private (its owner), team or everyone"),
        sa.Column("for_team_id", sa.BigInteger(), nullable=True, comment="the team that sees it; null otherwise"),
        sa.Column("page", sa.String(), nullable=False, comment="the page it opens"),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column(
            "address", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False, comment="the page's URL parameters: {name: [value, ...]}"
        ),
        sa.Column("position", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_pinned", sa.Boolean(), server_default=sa.text("false"), nullable=False, comment="stands as a button above the list"),
        sa.Column("default_for_role_id", sa.BigInteger(), nullable=True, comment="the page opens with it for people of this role"),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("audience in ('private', 'team', 'everyone')", name=op.f("ck_views_audience")),
        sa.CheckConstraint("(audience = 'team') = (for_team_id is not null)", name=op.f("ck_views_team")),
        sa.CheckConstraint("default_for_role_id is null or audience <> 'private'", name=op.f("ck_views_default_is_shared")),
        sa.CheckConstraint("length(name) between 1 and 60", name=op.f("ck_views_name_length")),
        sa.ForeignKeyConstraint(["owner_id"], ["crm.people.id"], name=op.f("fk_views_owner_id")),
        sa.ForeignKeyConstraint(["for_team_id"], ["crm.teams.id"], name=op.f("fk_views_for_team_id")),
        sa.ForeignKeyConstraint(["default_for_role_id"], ["crm.roles.id"], name=op.f("fk_views_default_for_role_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_views")),
        schema="crm",
    )
    op.create_index("ix_views_page", "views", ["page", "position", "id"], schema="crm", postgresql_where=sa.text("deleted_at is null"))
    op.create_index(
        "uq_views_default", "views", ["default_for_role_id", "page", "for_team_id"], unique=True, schema="crm", postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("default_for_role_id is not null and deleted_at is null"),
    )  # fmt: skip


def _make_assignment() -> None:
    op.create_table(
        "assignment_rules",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False, comment="grows by one with each recorded change"),
        sa.Column("team_id", sa.BigInteger(), nullable=False, comment="whose new leads it is for, those of teams below included"),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="the first rule that fits and has somebody there decides"),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=True, comment="null: leads of every pipeline"),
        sa.Column(
            "conditions", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False,
            comment='{"markets": [...], "sources": [...], "field": name, "value": text}: all must hold; {} fits every lead',
        ),
        sa.Column("method", sa.String(), nullable=False, comment="round_robin, least_busy or person (the first of them who is there)"),
        sa.Column(
            "people", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False,
            comment='{"ids": [...]} in order; {} is everybody of the team who works leads',
        ),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("method in ('round_robin', 'least_busy', 'person')", name=op.f("ck_assignment_rules_method")),
        sa.ForeignKeyConstraint(["team_id"], ["crm.teams.id"], name=op.f("fk_assignment_rules_team_id")),
        sa.ForeignKeyConstraint(["pipeline_id"], ["crm.pipelines.id"], name=op.f("fk_assignment_rules_pipeline_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment_rules")),
        schema="crm",
    )  # fmt: skip
    op.create_index(
        "ix_assignment_rules_team_id", "assignment_rules", ["team_id", "position", "id"], schema="crm", postgresql_where=sa.text("deleted_at is null")
    )
    op.create_table(
        "assignment_turns",
        sa.Column("rule_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last_person_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["rule_id"], ["crm.assignment_rules.id"], name=op.f("fk_assignment_turns_rule_id")),
        sa.ForeignKeyConstraint(["last_person_id"], ["crm.people.id"], name=op.f("fk_assignment_turns_last_person_id")),
        sa.PrimaryKeyConstraint("rule_id", name=op.f("pk_assignment_turns")),
        schema="crm",
    )
    op.create_table(
        "lead_assignments",
        sa.Column("lead_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rule_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False, comment="to whom it went"),
        sa.Column("text", sa.String(), nullable=False, comment="the reason in words, as of that day"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["crm.leads.id"], name=op.f("fk_lead_assignments_lead_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["rule_id"], ["crm.assignment_rules.id"], name=op.f("fk_lead_assignments_rule_id")),
        sa.ForeignKeyConstraint(["person_id"], ["crm.people.id"], name=op.f("fk_lead_assignments_person_id")),
        sa.PrimaryKeyConstraint("lead_id", name=op.f("pk_lead_assignments")),
        schema="crm",
    )
    op.create_index("ix_lead_assignments_rule_id", "lead_assignments", ["rule_id"], schema="crm")
    op.create_index("ix_lead_assignments_person_id", "lead_assignments", ["person_id"], schema="crm")


def _make_settings() -> None:
    """What is versioned needs a number of its own, by which history knows it."""
    for table in ("organisation_settings", "markets"):
        op.add_column(table, sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="what history knows it by"), schema="crm")
        op.create_unique_constraint(op.f(f"uq_{table}_id"), table, ["id"], schema="crm")
    version = sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False, comment="grows by one with each recorded change")
    op.add_column("markets", version, schema="crm")
    op.add_column("markets", sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False), schema="crm")
    op.create_table(
        "holidays",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False, comment="grows by one with each recorded change"),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("market", sa.CHAR(length=2), nullable=True, comment="ISO 3166 country; null: everywhere"),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("length(name) between 1 and 300", name=op.f("ck_holidays_name_length")),
        sa.ForeignKeyConstraint(["market"], ["crm.markets.code"], name=op.f("fk_holidays_market")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holidays")),
        schema="crm",
    )
    op.create_index(
        "uq_holidays_day_market", "holidays", ["day", "market"], unique=True, schema="crm", postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("deleted_at is null"),
    )  # fmt: skip


def _wall(roles) -> None:  # type: ignore[no-untyped-def]
    words = {
        "owner": ("current_user",), "view": tuple(f'"{name}"' for name in roles.view),
        "write": (f'"{roles.write}"',), "system": (f'"{roles.system}"',),
    }  # fmt: skip
    commands: dict[tuple[str, str], set[str]] = {}
    for table in TABLES:
        op.execute(f"alter table crm.{table} enable row level security")
        op.execute(f"alter table crm.{table} force row level security")
    for table, name, command, who, using, check in policies():
        names = [role for word in who.split(",") for role in words[word]]
        clauses = (f" using ({using})" if using else "") + (f" with check ({check})" if check else "")
        op.execute(f"create policy {name} on crm.{table} for {command} to {', '.join(names)}{clauses}")
        for role in names:
            if role != "current_user":
                commands.setdefault((table, role), set()).update(("select", "insert", "update", "delete") if command == "all" else (command,))
    for (table, role), allowed in sorted(commands.items()):
        op.execute(f"grant {', '.join(sorted(allowed))} on crm.{table} to {role}")
    op.execute(f'revoke update, delete on crm.lead_assignments from "{roles.system}"')
    op.execute(f'revoke delete on crm.assignment_turns from "{roles.system}"')


def _grant() -> None:
    """Whoever sees leads keeps views of their own; who configures a team's pipelines shares with the team, or with everyone."""
    for action, like, scope in (
        ("create", ("lead", "view"), "'own'"), ("edit", ("lead", "view"), "'own'"), ("delete", ("lead", "view"), "'own'"),
        ("share", ("pipeline", "configure"), "scope"),
    ):  # fmt: skip
        op.execute(
            "insert into crm.grants (role_id, resource, action, scope)"
            f" select g.role_id, 'view', '{action}', case when r.is_organisation_wide and g.scope = 'all' then 'all' else {scope.replace('scope', 'g.scope')} end"
            " from crm.grants as g join crm.roles as r on r.id = g.role_id"
            f" where g.resource = '{like[0]}' and g.action = '{like[1]}' and g.scope <> 'none' on conflict (role_id, resource, action)"
            " do update set scope = excluded.scope where grants.scope = 'none'"
        )
        op.execute(f"insert into crm.grants (role_id, resource, action, scope) select id, 'view', '{action}', 'none' from crm.roles on conflict do nothing")


def downgrade() -> None:
    op.execute("delete from crm.grants where resource = 'view'")
    for name in HISTORY:
        op.execute(f"drop policy view_with_{name} on crm.changes")
    for table, name, *_ in policies():
        op.execute(f"drop policy {name} on crm.{table}")
    for table, _ in RECORDS.values():
        op.execute(f"drop function crm.{table}_inserted_history() cascade")
        op.execute(f"drop function crm.{table}_updated_history() cascade")
    op.execute("delete from crm.changes where record_type in (" + ", ".join(f"'{name}'" for name in RECORDS) + ")")
    for table in reversed(TABLES):
        op.drop_table(table, schema="crm")
    for table, columns in (("organisation_settings", ("id",)), ("markets", ("updated_at", "version", "id"))):
        op.drop_constraint(op.f(f"uq_{table}_id"), table, schema="crm", type_="unique")
        for column in columns:
            op.drop_column(table, column, schema="crm")
