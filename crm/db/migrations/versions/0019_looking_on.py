"""Looking at the app as somebody else, files fetched once, and an audit that is quick to search at a million rows."""

from importlib import import_module

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"

WALLS = import_module("crm.db.migrations.versions.0004_walls")
ME = WALLS.ME
# What teams work with; every other kind of record shapes the work, and its changes belong to the audit.
WORK = "array['lead', 'company', 'contact', 'activity', 'alert']"
SHAPING = f"record_type <> all ({WORK})"
GRANTS = (("person", "view_as"), ("audit", "export"))
AUDIT_INDEXES = ("kind", "subject", "address")


def upgrade() -> None:
    roles = context.config.attributes["roles"]
    op.add_column(
        "sessions",
        sa.Column("viewing_as_id", sa.BigInteger(), nullable=True, comment="whom this session looks at the app as, only looking; null for oneself"),
        schema="crm",
    )
    op.execute(
        "alter table crm.sessions add constraint fk_sessions_viewing_as_id foreign key (viewing_as_id) references crm.people (id) on delete set null,"
        " add constraint ck_sessions_views_another check (viewing_as_id <> person_id)"
    )
    op.execute("create index ix_sessions_viewing_as_id on crm.sessions (viewing_as_id) where viewing_as_id is not null")
    _make_downloads(roles)
    for column in AUDIT_INDEXES:
        op.execute(f"create index ix_audit_events_{column}_at on crm.audit_events ({column}, at)")
    op.execute(f"create index ix_changes_shaping_at on crm.changes (at, id) where {SHAPING}")
    views = ", ".join(f'"{name}"' for name in roles.view)
    op.execute(f"create policy view_audited on crm.changes for select to {views} using ({WALLS.on('audit_all')} and {SHAPING})")
    # What waits for somebody themselves is not for those who look as them.
    op.execute(f"alter policy view_own on crm.conflicts using (person_id = {ME} and {WALLS.on('is_viewed')} is not true)")
    for resource, action in GRANTS:
        op.execute(
            f"insert into crm.grants (role_id, resource, action, scope)"
            f" select id, '{resource}', '{action}', case when name = 'admin' then 'all' else 'none' end from crm.roles on conflict do nothing"
        )


def _make_downloads(roles) -> None:  # type: ignore[no-untyped-def]
    op.create_table(
        "downloads",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="what makes the file, such as audit"),
        sa.Column("wanted", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False, comment="the filters it is made by"),
        sa.Column("token_hash", sa.String(), nullable=False, comment="SHA-256 of the address's 256-bit token"),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["crm.people.id"], name="fk_downloads_person_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_downloads"),
        sa.UniqueConstraint("token_hash", name="uq_downloads_token_hash"),
        schema="crm",
    )
    op.execute("create index ix_downloads_person_id on crm.downloads (person_id)")
    op.execute("create index ix_downloads_expires_at on crm.downloads (expires_at)")
    op.execute("alter table crm.downloads enable row level security")
    op.execute("alter table crm.downloads force row level security")
    op.execute("create policy owner_all on crm.downloads for all to current_user using (true) with check (true)")
    op.execute(f'create policy system_all on crm.downloads for all to "{roles.system}" using (true) with check (true)')
    op.execute(f'grant select, insert, update, delete on crm.downloads to "{roles.system}"')


def downgrade() -> None:
    for resource, action in GRANTS:
        op.execute(f"delete from crm.grants where resource = '{resource}' and action = '{action}'")
    op.execute(f"alter policy view_own on crm.conflicts using (person_id = {ME})")
    op.execute("drop policy view_audited on crm.changes")
    op.execute("drop index crm.ix_changes_shaping_at")
    for column in AUDIT_INDEXES:
        op.execute(f"drop index crm.ix_audit_events_{column}_at")
    op.drop_table("downloads", schema="crm")
    op.execute("drop index crm.ix_sessions_viewing_as_id")
    op.drop_column("sessions", "viewing_as_id", schema="crm")
