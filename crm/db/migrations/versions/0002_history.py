"""History: conversion to USD, the lead's settling trigger, change rows, search text, last contact, access stamp."""

from alembic import op

from crm.db.history import history_triggers

revision = "0002"
down_revision = "0001"

LEAD_FIELDS = (
    "name", "team_id", "pipeline_id", "stage_id", "owner_id", "company_id", "value", "expected_close_on", "next_step",
    "source", "market", "email", "phone", "lost_reason", "external_id", "custom", "came_from_lead_id", "merged_into_id", "deleted_at",
)  # fmt: skip
COMPANY_FIELDS = ("name", "team_id", "owner_id", "market", "website", "phone", "custom", "merged_into_id", "deleted_at")
CONTACT_FIELDS = ("company_id", "name", "email", "phone", "title", "team_id", "owner_id", "custom", "merged_into_id", "deleted_at")
PERSON_FIELDS = ("email", "name", "time_zone", "disabled_at")
TEAM_FIELDS = ("name", "parent_id", "deleted_at")
PIPELINE_FIELDS = ("team_id", "name", "position", "deleted_at")
STAGE_FIELDS = ("pipeline_id", "name", "kind", "position", "probability", "target_days", "requirements", "deleted_at")
ACTIVITY_FIELDS = ("lead_id", "person_id", "kind", "body", "happened_at", "duration_minutes", "deleted_at")

FUNCTIONS = """
create function crm.money_json(amount numeric, currency char) returns jsonb language sql immutable parallel safe as $$
    select case when amount is not null then jsonb_build_object('amount', amount::text, 'currency', currency) end
$$;

create function crm.custom_changes(old_custom jsonb, new_custom jsonb) returns jsonb language sql immutable parallel safe as $$
    select coalesce(jsonb_object_agg('custom.' || key, jsonb_build_array(old_custom -> key, new_custom -> key)), '{}'::jsonb)
    from (select jsonb_object_keys(old_custom) as key union select jsonb_object_keys(new_custom)) as keys
    where old_custom -> key is distinct from new_custom -> key
$$;

create function crm.to_usd(amount numeric, in_currency char, on_day date) returns numeric
language sql stable security definer set search_path = crm, pg_temp as $$
    select case
        when amount is null then null
        when in_currency = 'USD' then round(amount, 2)
        else round(amount * coalesce(
            (select usd_per_unit from exchange_rates where currency = in_currency and valid_from <= on_day order by valid_from desc limit 1),
            (select usd_per_unit from exchange_rates where currency = in_currency order by valid_from limit 1)
        ), 2)
    end
$$;
comment on function crm.to_usd is 'USD at the rate that held on the day; before the first known rate, that one; null where the currency has none';

create function crm.settle_lead() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    stated timestamptz := nullif(current_setting('crm.effective_at', true), '')::timestamptz;
begin
    if tg_op = 'INSERT' then
        new.effective_at := coalesce(new.effective_at, stated, clock_timestamp());
        new.stage_entered_at := coalesce(new.stage_entered_at, new.effective_at);
        if new.value_usd is null and new.value_amount is not null then
            new.value_usd := to_usd(new.value_amount, new.value_currency, new.effective_at::date);
        end if;
        return new;
    end if;
    if new.effective_at is not distinct from old.effective_at then
        new.effective_at := greatest(coalesce(stated, clock_timestamp()), old.effective_at);
    elsif new.effective_at < old.effective_at then
        raise exception 'a lead cannot change before its last recorded change' using errcode = 'TL002';
    end if;
    if new.stage_id <> old.stage_id then
        new.stage_entered_at := new.effective_at;
    end if;
    if (new.value_amount, new.value_currency) is distinct from (old.value_amount, old.value_currency)
        and new.value_usd is not distinct from old.value_usd then
        new.value_usd := to_usd(new.value_amount, new.value_currency, new.effective_at::date);
    end if;
    return new;
end $$;

create trigger settle_new_lead before insert on crm.leads for each row
    when (new.effective_at is null or new.stage_entered_at is null or (new.value_usd is null and new.value_amount is not null))
    execute function crm.settle_lead();
create trigger settle_changed_lead before update on crm.leads for each row
    when ((old.team_id, old.pipeline_id, old.stage_id, old.owner_id, old.source, old.market, old.expected_close_on, old.value_amount, old.value_currency,
           old.value_usd, old.deleted_at)
        is distinct from (new.team_id, new.pipeline_id, new.stage_id, new.owner_id, new.source, new.market, new.expected_close_on, new.value_amount,
           new.value_currency, new.value_usd, new.deleted_at))
    execute function crm.settle_lead();

create function crm.refresh_search_texts(lead_ids bigint[]) returns void language plpgsql security definer set search_path = crm, pg_temp as $$
begin
    -- The companies first, so that none is renamed meanwhile; then the texts, in id order, for two writers may share some of them.
    perform from companies where id in (select company_id from leads where id = any (lead_ids)) order by id for share;
    perform from lead_search_texts where lead_id = any (lead_ids) order by lead_id for update;
    update lead_search_texts as s
    set content = lower(concat_ws(' ', l.name, nullif(c.name, l.name), l.email, l.phone, l.external_id))
    from leads as l
    left join companies as c on c.id = l.company_id
    where s.lead_id = l.id and l.id = any (lead_ids);
end $$;

create function crm.leads_inserted_search() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
begin
    perform from companies where id in (select company_id from new_rows) order by id for share;
    insert into lead_search_texts (lead_id, content)
    select n.id, lower(concat_ws(' ', n.name, nullif(c.name, n.name), n.email, n.phone, n.external_id))
    from new_rows as n left join companies as c on c.id = n.company_id;
    return null;
end $$;
create trigger leads_inserted_search after insert on crm.leads
    referencing new table as new_rows for each statement execute function crm.leads_inserted_search();

create function crm.leads_updated_search() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    -- A full join, as in crm.db.history.
    lead_ids bigint[] := array(
        select n.id from old_rows as o full join new_rows as n using (id)
        where (o.name, o.company_id, o.email, o.phone, o.external_id) is distinct from (n.name, n.company_id, n.email, n.phone, n.external_id)
    );
begin
    if lead_ids <> '{}' then
        perform refresh_search_texts(lead_ids);
    end if;
    return null;
end $$;
create trigger leads_updated_search after update on crm.leads
    referencing old table as old_rows new table as new_rows for each statement execute function crm.leads_updated_search();

create function crm.companies_updated_search() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    company_ids bigint[] := array(select n.id from old_rows as o full join new_rows as n using (id) where o.name is distinct from n.name);
begin
    if company_ids <> '{}' then
        perform refresh_search_texts(array(select id from leads where company_id = any (company_ids)));
    end if;
    return null;
end $$;
create trigger companies_updated_search after update on crm.companies
    referencing old table as old_rows new table as new_rows for each statement execute function crm.companies_updated_search();

create function crm.refresh_last_contact(lead_ids bigint[]) returns void language plpgsql security definer set search_path = crm, pg_temp as $$
begin
    -- First the locks, in id order and no stronger than an update's: whoever adds an activity holds a key share already.
    -- Then, in a statement of its own, so that it sees what those it waited for have written, the newest contact afresh.
    perform from leads where id = any (lead_ids) order by id for no key update;
    update leads as l
    set last_contacted_at = n.at
    from (
        select t.id, (select max(a.happened_at) from activities as a where a.lead_id = t.id and a.deleted_at is null and a.kind <> 'note') as at
        from unnest(lead_ids) as t (id)
    ) as n
    where l.id = n.id and l.last_contacted_at is distinct from n.at;
end $$;

create function crm.activities_inserted_contacted() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    lead_ids bigint[] := array(select distinct lead_id from new_rows where kind <> 'note');
begin
    if lead_ids <> '{}' then
        perform refresh_last_contact(lead_ids);
    end if;
    return null;
end $$;
create trigger activities_inserted_contacted after insert on crm.activities
    referencing new table as new_rows for each statement execute function crm.activities_inserted_contacted();

create function crm.activities_updated_contacted() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    lead_ids bigint[] := array(
        select distinct unnest(array[o.lead_id, n.lead_id]) from old_rows as o full join new_rows as n using (id)
        where (o.lead_id, o.kind, o.happened_at, o.deleted_at) is distinct from (n.lead_id, n.kind, n.happened_at, n.deleted_at)
    );
begin
    if lead_ids <> '{}' then
        perform refresh_last_contact(lead_ids);
    end if;
    return null;
end $$;
create trigger activities_updated_contacted after update on crm.activities
    referencing old table as old_rows new table as new_rows for each statement execute function crm.activities_updated_contacted();

create function crm.access_changed() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
begin
    update access_stamps set version = version + 1 where id = 1;
    return null;
end $$;
insert into crm.access_stamps (id) values (1);
create trigger people_access_changed after insert or update or delete on crm.people for each statement execute function crm.access_changed();
create trigger teams_access_changed after insert or update or delete on crm.teams for each statement execute function crm.access_changed();
create trigger memberships_access_changed after insert or update or delete on crm.memberships for each statement execute function crm.access_changed();
create trigger roles_access_changed after insert or update or delete on crm.roles for each statement execute function crm.access_changed();
create trigger pipelines_access_changed after insert or update or delete on crm.pipelines for each statement execute function crm.access_changed();
create trigger stages_access_changed after insert or update or delete on crm.stages for each statement execute function crm.access_changed();
create trigger grants_access_changed after insert or update or delete on crm.grants for each statement execute function crm.access_changed();
"""

NAMES = (
    "money_json", "custom_changes", "to_usd", "settle_lead", "refresh_search_texts", "leads_inserted_search", "leads_updated_search",
    "companies_updated_search", "refresh_last_contact", "activities_inserted_contacted", "activities_updated_contacted", "access_changed",
)  # fmt: skip
TRACKED = {
    "leads": ("lead", LEAD_FIELDS), "companies": ("company", COMPANY_FIELDS), "contacts": ("contact", CONTACT_FIELDS),
    "activities": ("activity", ACTIVITY_FIELDS), "people": ("person", PERSON_FIELDS), "teams": ("team", TEAM_FIELDS),
    "pipelines": ("pipeline", PIPELINE_FIELDS), "stages": ("stage", STAGE_FIELDS),
}  # fmt: skip


def upgrade() -> None:
    op.execute(FUNCTIONS)
    for table, (kind, fields) in TRACKED.items():
        for statement in history_triggers(table, kind, fields, has_effective_at=table == "leads"):
            op.execute(statement)


def downgrade() -> None:
    for name in NAMES:
        op.execute(f"drop function crm.{name} cascade")
    for table in TRACKED:
        op.execute(f"drop function crm.{table}_inserted_history() cascade")
        op.execute(f"drop function crm.{table}_updated_history() cascade")
    op.execute("delete from crm.access_stamps")
