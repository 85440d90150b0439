"""The ledger writes what changed in one statement, and nothing at all where an edit is none of its business.

Most edits touch a note or a next step: one look at the rows ends them. The others compare old and new rows once instead of three times, and the
stay that is closed says where the lead stood before, so that only a lead that comes back is looked up.
"""

from importlib import import_module

from alembic import op

revision = "0036"
down_revision = "0034"

REPORTS = import_module("crm.db.migrations.versions.0025_reports")
FOLDS = import_module("crm.db.migrations.versions.0029_what_stands_by_month")
LISTED, GIVEN = FOLDS.LISTED, FOLDS.GIVEN

UPDATED = f"""
create or replace function crm.leads_updated_ledger() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    in_change_set bigint := nullif(current_setting('crm.change_set', true), '')::bigint;
    entered record;
begin
    if not exists (select from old_rows as o full join new_rows as n using (id) where {REPORTS.CHANGED}) then
        return null;
    end if;{REPORTS.stages_stand("leads_updated_ledger")}
    with changed as materialized (
        select n.id, n.effective_at, n.created_at, n.stage_entered_at, {REPORTS.KIND} as kind,
            o.deleted_at is null as stood, o.team_id as left_team_id, o.pipeline_id as left_pipeline_id, o.stage_id as left_stage_id, o.owner_id as left_owner_id,
            o.source as left_source, o.market as left_market, date_trunc('month', o.expected_close_on)::date as left_close_month,
            coalesce(o.value_usd, 0) as left_value_usd,
            n.deleted_at is null as stands, n.team_id, n.pipeline_id, n.stage_id, n.owner_id,
            n.source, n.market, date_trunc('month', n.expected_close_on)::date as close_month,
            coalesce(n.value_usd, 0) as value_usd
        from old_rows as o
        full join new_rows as n using (id)
        where {REPORTS.CHANGED}
    ), posted as (
        insert into postings (lead_id, kind, effective_at, team_id, pipeline_id, stage_id, owner_id, other_stage_id, source, market, close_month,
            leads, value_usd, change_set_id)
        select c.id, c.kind, c.effective_at, side.team_id, side.pipeline_id, side.stage_id, side.owner_id,
            case when c.stood and c.stands then side.other_stage_id end,
            side.source, side.market, side.close_month, side.leads, side.leads * side.value_usd, in_change_set
        from changed as c
        cross join lateral (values
            (c.stood, c.left_team_id, c.left_pipeline_id, c.left_stage_id, c.left_owner_id, c.stage_id, c.left_source, c.left_market, c.left_close_month,
                -1, c.left_value_usd),
            (c.stands, c.team_id, c.pipeline_id, c.stage_id, c.owner_id, c.left_stage_id, c.source, c.market, c.close_month, 1, c.value_usd)
        ) as side (counts, team_id, pipeline_id, stage_id, owner_id, other_stage_id, source, market, close_month, leads, value_usd)
        where side.counts
    ), closed as (
        update stays as s
        set left_at = c.effective_at, left_by = c.kind
        from changed as c
        where s.lead_id = c.id and s.left_at is null
        returning s.lead_id, {GIVEN}, s.value_usd
    ), opened as (
        insert into stays (lead_id, team_id, pipeline_id, stage_id, owner_id, source, market, close_month, value_usd, entered_by, stage_entered_at,
            entered_at, began_at, path)
        select c.id, c.team_id, c.pipeline_id, c.stage_id, c.owner_id, c.source, c.market, c.close_month, c.value_usd, c.kind, c.stage_entered_at,
            c.effective_at, c.created_at, case
                when before.pipeline_id is distinct from c.pipeline_id then array[c.stage_id]
                when c.stage_id = any (before.path) then before.path
                else before.path || c.stage_id
            end
        from changed as c
        left join closed on closed.lead_id = c.id
        left join lateral (
            select y.pipeline_id, y.path
            from stays as y
            where closed.lead_id is null and y.lead_id = c.id
            order by y.entered_at desc, y.id desc
            limit 1
        ) as earlier on true
        cross join lateral (values (coalesce(closed.pipeline_id, earlier.pipeline_id), coalesce(closed.path, earlier.path))) as before (pipeline_id, path)
        where c.stands
        returning {LISTED}, value_usd
    )
    insert into unfolded_stays (leads, {LISTED}, value_usd)
    select -1, {LISTED}, -value_usd from closed
    union all
    select 1, {LISTED}, value_usd from opened;
    return null;
end $$;
"""


def upgrade() -> None:
    op.execute(UPDATED)


def downgrade() -> None:
    op.execute(FOLDS.UPDATED)
