"""The ledger: postings and stays by statement-level triggers. Old and new rows meet in full joins: crm.db.history says why."""

from alembic import op

revision = "0003"
down_revision = "0002"

# A lead's bucket: what postings and stays are kept by.
CHANGED = """(o.team_id, o.pipeline_id, o.stage_id, o.owner_id, o.source, o.market,
                date_trunc('month', o.expected_close_on), coalesce(o.value_usd, 0), o.deleted_at is null)
            is distinct from
            (n.team_id, n.pipeline_id, n.stage_id, n.owner_id, n.source, n.market,
                date_trunc('month', n.expected_close_on), coalesce(n.value_usd, 0), n.deleted_at is null)"""

LEDGER = f"""
create function crm.leads_inserted_ledger() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    in_change_set bigint := nullif(current_setting('crm.change_set', true), '')::bigint;
begin
    insert into postings (lead_id, kind, effective_at, team_id, pipeline_id, stage_id, owner_id, source, market, close_month, leads, value_usd, change_set_id)
    select n.id, 'created', n.effective_at, n.team_id, n.pipeline_id, n.stage_id, n.owner_id, n.source, n.market,
        date_trunc('month', n.expected_close_on)::date, 1, coalesce(n.value_usd, 0), in_change_set
    from new_rows as n
    where n.deleted_at is null;
    insert into stays (lead_id, team_id, pipeline_id, stage_id, owner_id, source, market, close_month, value_usd, entered_by, stage_entered_at, entered_at)
    select n.id, n.team_id, n.pipeline_id, n.stage_id, n.owner_id, n.source, n.market,
        date_trunc('month', n.expected_close_on)::date, coalesce(n.value_usd, 0), 'created', n.stage_entered_at, n.effective_at
    from new_rows as n
    where n.deleted_at is null;
    return null;
end $$;
create trigger leads_inserted_ledger after insert on crm.leads
    referencing new table as new_rows for each statement execute function crm.leads_inserted_ledger();

create function crm.leads_updated_ledger() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    in_change_set bigint := nullif(current_setting('crm.change_set', true), '')::bigint;
begin
    insert into postings (lead_id, kind, effective_at, team_id, pipeline_id, stage_id, owner_id, other_stage_id, source, market, close_month,
        leads, value_usd, change_set_id)
    select n.id,
        case
            when o.deleted_at is null and n.deleted_at is not null then 'deleted'
            when o.deleted_at is not null and n.deleted_at is null then 'restored'
            when o.stage_id <> n.stage_id then 'moved'
            when o.owner_id is distinct from n.owner_id then 'owner'
            else 'revalued'
        end,
        n.effective_at, side.team_id, side.pipeline_id, side.stage_id, side.owner_id,
        case when o.deleted_at is null and n.deleted_at is null then side.other_stage_id end,
        side.source, side.market, date_trunc('month', side.expected_close_on)::date,
        side.leads, side.leads * coalesce(side.value_usd, 0), in_change_set
    from old_rows as o
    full join new_rows as n using (id)
    cross join lateral (values
        (o.team_id, o.pipeline_id, o.stage_id, o.owner_id, n.stage_id, o.source, o.market, o.expected_close_on, -1, o.value_usd, o.deleted_at),
        (n.team_id, n.pipeline_id, n.stage_id, n.owner_id, o.stage_id, n.source, n.market, n.expected_close_on, 1, n.value_usd, n.deleted_at)
    ) as side (team_id, pipeline_id, stage_id, owner_id, other_stage_id, source, market, expected_close_on, leads, value_usd, deleted_at)
    where side.deleted_at is null
        and {CHANGED};

    with left_behind as materialized (
        select n.id, n.effective_at from old_rows as o full join new_rows as n using (id) where {CHANGED}
    )
    update stays as s
    set left_at = b.effective_at
    from left_behind as b
    where s.lead_id = b.id and s.left_at is null;

    insert into stays (lead_id, team_id, pipeline_id, stage_id, owner_id, source, market, close_month, value_usd, entered_by, stage_entered_at, entered_at)
    select n.id, n.team_id, n.pipeline_id, n.stage_id, n.owner_id, n.source, n.market,
        date_trunc('month', n.expected_close_on)::date, coalesce(n.value_usd, 0),
        case
            when o.deleted_at is not null then 'restored'
            when o.stage_id <> n.stage_id then 'moved'
            when o.owner_id is distinct from n.owner_id then 'owner'
            else 'revalued'
        end,
        n.stage_entered_at, n.effective_at
    from old_rows as o
    full join new_rows as n using (id)
    where n.deleted_at is null
        and {CHANGED};
    return null;
end $$;
create trigger leads_updated_ledger after update on crm.leads
    referencing old table as old_rows new table as new_rows for each statement execute function crm.leads_updated_ledger();
"""


def upgrade() -> None:
    op.execute(LEDGER)


def downgrade() -> None:
    op.execute("drop function crm.leads_inserted_ledger() cascade")
    op.execute("drop function crm.leads_updated_ledger() cascade")
