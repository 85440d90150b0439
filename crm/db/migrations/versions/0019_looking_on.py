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
WORK = "array['lead', 'company', 'contact', 'activity', 'alert', 'view']"
SHAPING = f"record_type <> all ({WORK})"
GRANTS = (("person", "view_as"), ("audit", "export"))
AUDIT_INDEXES = ("kind", "subject", "address")
SIGNATURE = "audited_changes(text[], timestamptz, bigint, timestamptz, bigint, bigint[], text[], bigint[], integer)"
AUDITED = f"""
create function crm.audited_changes(
    types text[], before_at timestamptz, before_id bigint, begins timestamptz, who bigint, any_of bigint[], named_types text[], named_ids bigint[], at_most integer
) returns table (id bigint, at timestamptz, person_id bigint, record_type text, record_id bigint, version integer, source text, fields jsonb)
language plpgsql stable security definer rows 50 set search_path = crm, pg_temp as $$
begin
    -- The policy of changes asks each record's own wall, row by row. The audit is for whoever may see all of it, along an index of its own.
    if setting_on('crm.audit_all') is not true then
        return;
    end if;
    return query select c.id, c.at, c.person_id, c.record_type::text, c.record_id, c.version, c.source::text, c.fields
        from changes as c
        where c.record_type <> all ({WORK})
            and c.record_type = any (types)
            and (c.at, c.id) < (before_at, before_id)
            and c.at >= begins
            and (who is null or c.person_id = who or (c.record_type = 'person' and c.record_id = who))
            and (any_of is null or c.person_id = any (any_of)
                or exists (select from unnest(named_types, named_ids) as n (kind, record) where n.kind = c.record_type and n.record = c.record_id))
        order by c.at desc, c.id desc
        limit at_most;
end $$;
"""


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
    op.execute(AUDITED)
    op.execute(f"revoke execute on function crm.{SIGNATURE} from public")
    op.execute(f"grant execute on function crm.{SIGNATURE} to " + ", ".join(f'"{name}"' for name in roles.view))
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
    op.execute(f"drop function crm.{SIGNATURE}")
    op.execute("drop index crm.ix_changes_shaping_at")
    for column in AUDIT_INDEXES:
        op.execute(f"drop index crm.ix_audit_events_{column}_at")
    op.drop_table("downloads", schema="crm")
    op.execute("drop index crm.ix_sessions_viewing_as_id")
    op.drop_column("sessions", "viewing_as_id", schema="crm")
