"""Configuration as a reviewed change: drafts of one's own, leads of removed stages on their way, and colours of stages."""

from importlib import import_module

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from crm.db.history import history_triggers

revision = "0017"
down_revision = "0016"

WALLS, HISTORY = (import_module(f"crm.db.migrations.versions.{name}") for name in ("0004_walls", "0002_history"))
TABLES = ("configuration_drafts", "stage_moves")
COLOURS = "colour in ('pale', 'light', 'medium', 'strong', 'deep')"
NAMES = (("pipelines", "team_id"), ("stages", "pipeline_id"))
REQUIREMENTS = (
    '{"fields": [...]}: must be filled on entry',
    '{"fields": [...], "activity": "call", "lost_reasons": [...]}: what a lead needs on entry',
)


def policies() -> list[tuple[str, str, str, str, str | None, str | None]]:
    """As in migration 0004."""
    mine = f"person_id = {WALLS.ME}"
    by_me = f"person_id is not distinct from {WALLS.ME}"
    found: list[tuple[str, str, str, str, str | None, str | None]] = [(table, "owner_all", "all", "owner", "true", "true") for table in TABLES]
    add = found.append
    # What waits for somebody themselves is not for those who look as them.
    add(("configuration_drafts", "view_own", "select", "view,write", f"{mine} and {WALLS.on('is_viewed')} is not true", None))
    add(("configuration_drafts", "write_insert", "insert", "write", None, mine))
    add(("configuration_drafts", "write_update", "update", "write", mine, mine))
    add(("configuration_drafts", "write_delete", "delete", "write", mine, None))
    add(("stage_moves", "view_with_stage", "select", "view", "exists (select from crm.stages as s where s.id = from_stage_id)", None))
    add(("stage_moves", "write_sees", "select", "write", "true", None))
    add(("stage_moves", "write_insert", "insert", "write", None, by_me))
    add(("stage_moves", "write_update", "update", "write", by_me, by_me))
    add(("stage_moves", "system_sees", "select", "system", "true", None))
    add(("stage_moves", "system_update", "update", "system", "true", "true"))
    return found


def upgrade() -> None:
    op.add_column("stages", sa.Column("colour", sa.String(), nullable=True, comment="how deep a shade on the board; null: by its place"), schema="crm")
    op.create_check_constraint(op.f("ck_stages_colour"), "stages", COLOURS, schema="crm")
    _comment(REQUIREMENTS[1])
    for statement in history_triggers("stages", "stage", (*HISTORY.STAGE_FIELDS, "colour")):
        op.execute(statement)
    for table, parent in NAMES:  # a name is free again when what bore it was removed
        op.execute(f"drop index crm.uq_{table}_{parent}_name")
        op.execute(f"create unique index uq_{table}_{parent}_name on crm.{table} ({parent}, lower(name)) where deleted_at is null")
    _tables()
    op.execute("revoke execute on all functions in schema crm from public")
    _wall(context.config.attributes["roles"])


def _comment(words: str) -> None:
    op.execute("comment on column crm.stages.requirements is '" + words + "'")


def _tables() -> None:
    op.create_table(
        "configuration_drafts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False, comment="what it is about: pipeline:12, role:3, fields:team:4, file"),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column(
            "edits", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False,
            comment="[{record_type, record_id, seen_version, ref, wanted}]",
        ),
        sa.Column(
            "places", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False,
            comment="removed stage -> where its leads go: the id of a stage, or the ref of a new one",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["crm.people.id"], name=op.f("fk_configuration_drafts_person_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_configuration_drafts")),
        sa.UniqueConstraint("person_id", "subject", name=op.f("uq_configuration_drafts_person_id_subject")),
        schema="crm",
    )  # fmt: skip
    op.create_table(
        "stage_moves",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("change_set_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True, comment="in whose name leads move; null: the command line's"),
        sa.Column("from_stage_id", sa.BigInteger(), nullable=False),
        sa.Column("to_stage_id", sa.BigInteger(), nullable=False),
        sa.Column("leads", sa.Integer(), nullable=False, comment="how many there were to move"),
        sa.Column("moved", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("state", sa.String(), server_default="running", nullable=False),
        sa.Column("problem", sa.String(), nullable=True, comment="why some stayed, in words for people"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('running', 'done', 'stopped', 'failed')", name=op.f("ck_stage_moves_state")),
        sa.ForeignKeyConstraint(["change_set_id"], ["crm.change_sets.id"], name=op.f("fk_stage_moves_change_set_id")),
        sa.ForeignKeyConstraint(["from_stage_id"], ["crm.stages.id"], name=op.f("fk_stage_moves_from_stage_id")),
        sa.ForeignKeyConstraint(["person_id"], ["crm.people.id"], name=op.f("fk_stage_moves_person_id")),
        sa.ForeignKeyConstraint(["to_stage_id"], ["crm.stages.id"], name=op.f("fk_stage_moves_to_stage_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage_moves")),
        schema="crm",
    )
    op.create_index("ix_stage_moves_from_stage_id", "stage_moves", ["from_stage_id"], unique=False, schema="crm")


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
                commands.setdefault((table, role), set()).add(command)
    for (table, role), allowed in sorted(commands.items()):
        op.execute(f"grant {', '.join(sorted(allowed))} on crm.{table} to {role}")


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"drop table crm.{table}")
    for table, parent in NAMES:
        op.execute(f"drop index crm.uq_{table}_{parent}_name")
        op.execute(f"create unique index uq_{table}_{parent}_name on crm.{table} ({parent}, lower(name))")
    for statement in history_triggers("stages", "stage", HISTORY.STAGE_FIELDS):
        op.execute(statement)
    _comment(REQUIREMENTS[0])
    op.drop_constraint(op.f("ck_stages_colour"), "stages", schema="crm")
    op.drop_column("stages", "colour", schema="crm")
