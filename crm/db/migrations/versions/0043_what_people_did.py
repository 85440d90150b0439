"""What people did is kept once more, beside whose the lead is and since when they had not been in touch with it: reports looked up each activity's lead.

A lead whose activities change is listed by trigger; a lead that goes to somebody else is in the list of postings anyway.
"""

from importlib import import_module

import sqlalchemy as sa
from alembic import context, op

revision = "0043"
down_revision = "0042"

FOLDS = import_module("crm.db.migrations.versions.0029_what_stands_by_month")

COPIED = "activity_id, lead_id, person_id, kind, happened_at, duration_minutes, team_id, pipeline_id, owner_id, before_at"
DONE = """
    select a.id, a.lead_id, a.person_id, a.kind, a.happened_at, a.duration_minutes, l.team_id, l.pipeline_id, l.owner_id,
        lag(a.happened_at) over (partition by a.lead_id, a.person_id order by a.happened_at, a.id)
    from activities as a
    join leads as l on l.id = a.lead_id
    where a.deleted_at is null"""

INSERTED = """
create function crm.activities_inserted_listed() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
begin
    insert into unfolded_activities (lead_id) select distinct lead_id from new_rows;
    return null;
end $$
"""
UPDATED = """
create function crm.activities_updated_listed() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
begin
    insert into unfolded_activities (lead_id)
    select distinct side.lead_id
    from old_rows as o
    full join new_rows as n using (id)
    cross join lateral (values (o.lead_id), (n.lead_id)) as side (lead_id)
    where side.lead_id is not null
        and (o.lead_id, o.person_id, o.kind, o.happened_at, o.duration_minutes, o.deleted_at)
            is distinct from (n.lead_id, n.person_id, n.kind, n.happened_at, n.duration_minutes, n.deleted_at);
    return null;
end $$
"""
DELETED = """
create function crm.activities_deleted_listed() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
begin
    delete from folded_activities as f using old_rows as o where f.lead_id = o.lead_id and f.activity_id = o.id;
    insert into unfolded_activities (lead_id) select distinct lead_id from old_rows;
    return null;
end $$
"""
# A deleted lead is in no bucket, so that giving it away posts nothing. That is as good as never done.
GIVEN_AWAY = """
create function crm.leads_deleted_given_away() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
begin
    update folded_activities set team_id = new.team_id, pipeline_id = new.pipeline_id, owner_id = new.owner_id where lead_id = new.id;
    insert into unfolded_activities (lead_id) values (new.id);
    return null;
end $$
"""
WHEN_GIVEN_AWAY = """
create trigger leads_deleted_given_away after update of team_id, pipeline_id, owner_id on crm.leads for each row
when (old.deleted_at is not null and new.deleted_at is not null
    and (old.team_id, old.pipeline_id, old.owner_id) is distinct from (new.team_id, new.pipeline_id, new.owner_id))
execute function crm.leads_deleted_given_away()
"""
TRIGGERS = {
    "inserted": ("insert", "new table as new_rows"),
    "updated": ("update", "old table as old_rows new table as new_rows"),
    "deleted": ("delete", "old table as old_rows"),
}

# The machinery folds, but reads no activity and no lead itself.
FOLD = f"""
create function crm.fold_activities(lead_ids bigint[]) returns void language plpgsql security definer set search_path = crm, pg_temp set work_mem = '64MB' as $$
begin
    delete from folded_activities where lead_id = any (lead_ids);
    insert into folded_activities ({COPIED}){DONE}
        and a.lead_id = any (lead_ids);
end $$
"""
# Most postings are of leads that stay whose they were: those are not written anew.
FOLLOW = """
create function crm.activities_follow_leads(posting_ids bigint[]) returns void language plpgsql security definer set search_path = crm, pg_temp as $$
begin
    update folded_activities as f
    set team_id = l.team_id, pipeline_id = l.pipeline_id, owner_id = l.owner_id
    from leads as l
    where l.id in (select lead_id from postings where id = any (posting_ids))
        and f.lead_id = l.id
        and (f.team_id, f.pipeline_id, f.owner_id) is distinct from (l.team_id, l.pipeline_id, l.owner_id);
end $$
"""
ANEW = f"""
create function crm.fold_activities_anew() returns void language plpgsql security definer set search_path = crm, pg_temp set work_mem = '64MB' as $$
begin
    delete from folded_activities;
    insert into folded_activities ({COPIED}){DONE}
    order by a.happened_at;
end $$
"""
CALLED = {"fold_activities": "bigint[]", "activities_follow_leads": "bigint[]", "fold_activities_anew": ""}


def upgrade() -> None:
    roles = context.config.attributes["roles"]
    _make_folded()
    _make_list(roles)
    for function in (INSERTED, UPDATED, DELETED, GIVEN_AWAY, FOLD, FOLLOW, ANEW, WHEN_GIVEN_AWAY):
        op.execute(function)
    for name, (event, tables) in TRIGGERS.items():
        op.execute(
            f"create trigger activities_{name}_listed after {event} on crm.activities referencing {tables}"
            f" for each statement execute function crm.activities_{name}_listed()"
        )
        op.execute(f"revoke execute on function crm.activities_{name}_listed() from public")
    op.execute("revoke execute on function crm.leads_deleted_given_away() from public")
    for name, argument in CALLED.items():
        op.execute(f"revoke execute on function crm.{name}({argument}) from public")
        op.execute(f'grant execute on function crm.{name}({argument}) to "{roles.system}"')
    op.execute("select crm.fold_activities_anew()")


def _make_folded() -> None:
    op.create_table(
        "folded_activities",
        sa.Column("activity_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lead_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True, comment="who did it"),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_minutes", sa.Integer(), nullable=True),
        sa.Column("team_id", sa.BigInteger(), nullable=False, comment="the lead's, as are the next two"),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("before_at", sa.DateTime(timezone=True), nullable=True, comment="when the same person had last done something with this lead; null: never"),
        sa.PrimaryKeyConstraint("lead_id", "activity_id", name=op.f("pk_folded_activities")),
        schema="crm",
    )
    op.execute(
        "create index ix_folded_activities_happened_at on crm.folded_activities (happened_at)"
        " include (lead_id, person_id, kind, duration_minutes, team_id, pipeline_id, owner_id, before_at)"
    )
    op.execute("alter table crm.folded_activities set (autovacuum_vacuum_insert_scale_factor = 0.01)")  # read from the index alone once it is vacuumed
    FOLDS._wall("folded_activities")


def _make_list(roles) -> None:  # type: ignore[no-untyped-def]
    op.create_table(
        "unfolded_activities",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("lead_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unfolded_activities")),
        schema="crm",
    )
    everyone = ", ".join(f'"{name}"' for name in (roles.team, roles.own, roles.mixed))
    op.execute("alter table crm.unfolded_activities enable row level security")
    op.execute("alter table crm.unfolded_activities force row level security")
    op.execute("create policy owner_all on crm.unfolded_activities for all to current_user using (true) with check (true)")
    op.execute(f'create policy system_all on crm.unfolded_activities for all to "{roles.system}" using (true) with check (true)')
    op.execute(f'grant select, insert, update, delete on crm.unfolded_activities to "{roles.system}"')
    op.execute(f'create policy view_all on crm.unfolded_activities for select to "{roles.all}" using (true)')
    op.execute(
        f"create policy view_with_lead on crm.unfolded_activities for select to {everyone} using (exists (select from crm.leads as l where l.id = lead_id))"
    )
    op.execute(f'grant select on crm.unfolded_activities to "{roles.all}", {everyone}')


def downgrade() -> None:
    for name in TRIGGERS:
        op.execute(f"drop trigger activities_{name}_listed on crm.activities")
        op.execute(f"drop function crm.activities_{name}_listed()")
    op.execute("drop trigger leads_deleted_given_away on crm.leads")
    op.execute("drop function crm.leads_deleted_given_away()")
    for name, argument in CALLED.items():
        op.execute(f"drop function crm.{name}({argument})")
    op.drop_table("unfolded_activities", schema="crm")
    op.drop_table("folded_activities", schema="crm")
