"""Files that leave the app are made in the background: what was asked for, and the files that wait to be fetched."""

from importlib import import_module

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

revision = "0032"
down_revision = "0031"

WALLS = import_module("crm.db.migrations.versions.0004_walls")
TABLES = ("exports", "export_parts")
STATES = "state in ('waiting', 'making', 'ready', 'fetched', 'failed')"


def upgrade() -> None:
    _tables()
    _wall(context.config.attributes["roles"])


def _tables() -> None:
    op.create_table(
        "exports",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="what makes the file, such as report.xlsx"),
        sa.Column(
            "wanted", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False,
            comment="the question that it answers; of a picture, the figure that its person looked at",
        ),
        sa.Column("name", sa.String(), nullable=False, comment="what the file is called"),
        sa.Column("state", sa.String(), server_default="waiting", nullable=False),
        sa.Column("problem", sa.String(), nullable=True, comment="why it could not be made, in words for people"),
        sa.Column("rows", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="in the file; while it is made, so far"),
        sa.Column("size_bytes", sa.Integer(), nullable=True, comment="null until it is made"),
        sa.Column("standing", sa.String(), nullable=False, comment="SHA-256 of the person's roles when it was asked for: the file is for who holds just these"),
        sa.Column("facts", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False, comment="what the audit says when it leaves"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False, comment="nobody fetches it after that"),
        sa.CheckConstraint(STATES, name=op.f("ck_exports_state")),
        sa.ForeignKeyConstraint(["person_id"], ["crm.people.id"], name=op.f("fk_exports_person_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exports")),
        schema="crm",
    )  # fmt: skip
    op.execute("create index ix_exports_person_id_expires_at on crm.exports (person_id, expires_at)")
    op.execute("create index ix_exports_expires_at on crm.exports (expires_at)")
    op.create_table(
        "export_parts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("export_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["export_id"], ["crm.exports.id"], name=op.f("fk_export_parts_export_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_parts")),
        sa.UniqueConstraint("export_id", "number", name=op.f("uq_export_parts_export_id_number")),
        schema="crm",
    )
    op.execute("alter table crm.export_parts alter column content set storage external")  # spreadsheets and pictures are packed already


def _wall(roles) -> None:  # type: ignore[no-untyped-def]
    """One's own are seen by oneself, never by whoever looks as one; a new one waits, and only the machinery makes more of it. Parts are the machinery's."""
    views, write, system = ", ".join(f'"{name}"' for name in roles.view), f'"{roles.write}"', f'"{roles.system}"'
    for table in TABLES:
        op.execute(f"alter table crm.{table} enable row level security")
        op.execute(f"alter table crm.{table} force row level security")
        op.execute(f"create policy owner_all on crm.{table} for all to current_user using (true) with check (true)")
        op.execute(f"create policy system_all on crm.{table} for all to {system} using (true) with check (true)")
        op.execute(f"grant select, insert, update, delete on crm.{table} to {system}")
    mine = f"person_id = {WALLS.ME} and {WALLS.on('is_viewed')} is not true"
    op.execute(f"create policy view_own on crm.exports for select to {views}, {write} using ({mine})")
    op.execute(f"create policy write_insert on crm.exports for insert to {write} with check ({mine} and state = 'waiting' and fetched_at is null)")
    op.execute(f"grant select on crm.exports to {views}, {write}")
    op.execute(f"grant insert (person_id, kind, wanted, name, standing, expires_at) on crm.exports to {write}")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table, schema="crm")
