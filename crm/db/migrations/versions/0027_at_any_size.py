"""Which way a search goes, and which companies are looked at for new customers, at any size.

Revision ID: 0027
Revises: 0026
"""

from alembic import op

revision = "0027"
down_revision = "0026"

# The planner may not use its samples behind a wall: its guess went by the length of a word alone. A few blocks tell the share.
# Walking the list until a page is full asks about 100 / share leads, the index brings share x leads: they cost the same where
# the leads found are some twenty times the root of all leads. A bound of so many leads would be right for one size only.
BY_SAMPLE = """
create or replace function crm.search_is_common(wanted text) returns boolean
language plpgsql security definer set search_path = crm, public, pg_temp as $$
declare
    leads float := (select greatest(reltuples, 0) from pg_class where oid = 'crm.lead_search_texts'::regclass);
    percent float := least(100, 200000 / greatest(leads, 1));
begin
    -- Only a choice between two ways that find the same leads.
    return (
        select count(*) filter (where content like search_pattern(wanted)) * leads > count(*) * greatest(5000, 20 * sqrt(leads))
        from lead_search_texts tablesample system (percent) repeatable (1)
    );
end $$
"""
BY_GUESS = """
create or replace function crm.search_is_common(wanted text) returns boolean
language plpgsql security definer set search_path = crm, public, pg_temp as $$
declare
    plan json;
begin
    -- The planner's own guess, from samples: cheap, and only a choice between two ways that find the same leads.
    execute format('explain (format json) select from lead_search_texts where content like %L', search_pattern(wanted)) into plan;
    return (plan -> 0 -> 'Plan' ->> 'Plan Rows')::numeric > 5000;
end $$
"""

# Only companies that have the name of a customer without one: counting all of them was most of the work of a reading that changed little.
LINK = """
create or replace function crm.link_customers() returns bigint[] language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    linked bigint[];
begin
    -- The customer whose name and market are those of exactly one company is that company. What is linked stays so.
    with {known} as (
        select lower(c.name) as name, c.market, min(c.id) as id from companies as c
        where c.deleted_at is null and c.merged_into_id is null{wanted} group by 1, 2 having count(*) = 1
    ), done as (
        update customers as c
        set company_id = k.id,
            last_contacted_at = (select max(l.last_contacted_at) from leads as l where l.company_id = k.id and l.deleted_at is null)
        from known as k
        where c.company_id is null and c.gone_at is null and lower(c.name) = k.name and c.market is not distinct from k.market
        returning c.id
    )
    select coalesce(array_agg(id order by id), '{{}}') into linked from done;
    return linked;
end $$
"""
OF_CUSTOMERS = {
    "known": "wanted as (\n        select distinct lower(name) as name from customers where company_id is null and gone_at is null\n    ), known",
    "wanted": " and lower(c.name) in (select w.name from wanted as w)",
}


def upgrade() -> None:
    op.execute(LINK.format(**OF_CUSTOMERS))
    op.execute(BY_SAMPLE)


def downgrade() -> None:
    op.execute(LINK.format(known="known", wanted=""))
    op.execute(BY_GUESS)
