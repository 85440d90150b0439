"""Search decides who sees a lead by what stands beside its text, without a look at each lead; a stage's list by turnover has its index."""

import re
from importlib import import_module

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

HISTORY, WALLS = (import_module(f"crm.db.migrations.versions.{name}") for name in ("0002_history", "0004_walls"))

SEEN = """(scope = 'all'
            or (scope in ('team', 'mixed') and s.team_id = any (teams))
            or (scope in ('own', 'mixed') and s.owner_id = person))"""
SETTINGS = """
    scope text := current_setting('crm.view_scope', true);
    teams bigint[] := setting_ids('crm.teams');
    person bigint := me();"""
CONTENT = "lower(concat_ws(' ', {lead}.name, nullif(c.name, {lead}.name), {lead}.email, {lead}.phone, {lead}.external_id))"

SEARCH = f"""
create or replace function crm.search_leads(wanted text, at_most integer) returns setof bigint
language plpgsql stable security definer rows 200 set search_path = crm, public, pg_temp as $$
declare{SETTINGS}
begin
    -- ILIKE is not leakproof, so under a wall it could not use the trigram index. This function runs as the owner and
    -- applies the same scopes itself; tests compare it with the walls.
    return query select s.lead_id from lead_search_texts as s
        where s.content like search_pattern(wanted)
            and s.is_live
            and {SEEN}
        limit at_most;
end $$;
create or replace function crm.lead_matches(lead bigint, wanted text) returns boolean
language plpgsql stable security definer set search_path = crm, public, pg_temp as $$
declare{SETTINGS}
begin
    -- For words so common that the list is walked in its own order and each lead is asked.
    perform from lead_search_texts as s
    where s.lead_id = lead
        and s.content like search_pattern(wanted)
        and {SEEN};
    return found;
end $$;
"""
KEEPING = f"""
create or replace function crm.refresh_search_texts(lead_ids bigint[]) returns void
language plpgsql security definer set search_path = crm, pg_temp as $$
begin
    -- The companies first, so that none is renamed meanwhile; then the texts, in id order, for two writers may share some of them.
    perform from companies where id in (select company_id from leads where id = any (lead_ids)) order by id for share;
    perform from lead_search_texts where lead_id = any (lead_ids) order by lead_id for update;
    update lead_search_texts as s
    set content = {CONTENT.format(lead="l")}, team_id = l.team_id, owner_id = l.owner_id, is_live = l.deleted_at is null
    from leads as l
    left join companies as c on c.id = l.company_id
    where s.lead_id = l.id and l.id = any (lead_ids);
end $$;
create or replace function crm.leads_inserted_search() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
begin
    perform from companies where id in (select company_id from new_rows) order by id for share;
    insert into lead_search_texts (lead_id, content, team_id, owner_id, is_live)
    select n.id, {CONTENT.format(lead="n")}, n.team_id, n.owner_id, n.deleted_at is null
    from new_rows as n left join companies as c on c.id = n.company_id;
    return null;
end $$;
create or replace function crm.leads_updated_search() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    -- A full join, as in crm.db.history.
    lead_ids bigint[] := array(
        select n.id from old_rows as o full join new_rows as n using (id)
        where (o.name, o.company_id, o.email, o.phone, o.external_id, o.team_id, o.owner_id, o.deleted_at is null)
            is distinct from (n.name, n.company_id, n.email, n.phone, n.external_id, n.team_id, n.owner_id, n.deleted_at is null)
    );
begin
    if lead_ids <> '{{}}' then
        perform refresh_search_texts(lead_ids);
    end if;
    return null;
end $$;
"""


def upgrade() -> None:
    op.add_column("lead_search_texts", sa.Column("team_id", sa.BigInteger(), nullable=True), schema="crm")
    op.add_column("lead_search_texts", sa.Column("owner_id", sa.BigInteger(), nullable=True), schema="crm")
    op.add_column("lead_search_texts", sa.Column("is_live", sa.Boolean(), nullable=True), schema="crm")
    op.execute("drop index crm.ix_lead_search_texts_content")
    op.execute("""
        update crm.lead_search_texts as s set team_id = l.team_id, owner_id = l.owner_id, is_live = l.deleted_at is null
        from crm.leads as l where l.id = s.lead_id
    """)
    op.execute("create index ix_lead_search_texts_content on crm.lead_search_texts using gin (content gin_trgm_ops)")
    op.alter_column("lead_search_texts", "team_id", nullable=False, schema="crm")
    op.alter_column("lead_search_texts", "is_live", nullable=False, schema="crm")
    op.execute(SEARCH)
    op.execute(KEEPING)
    op.execute("create index ix_leads_stage_id_lifetime_usd on crm.leads (stage_id, lifetime_usd desc, id desc) where deleted_at is null")


def downgrade() -> None:
    op.execute("drop index crm.ix_leads_stage_id_lifetime_usd")
    for module, name in (
        (WALLS, "search_leads"), (WALLS, "lead_matches"),
        (HISTORY, "refresh_search_texts"), (HISTORY, "leads_inserted_search"), (HISTORY, "leads_updated_search"),
    ):  # fmt: skip
        op.execute(_as_it_was(module, name))
    for column in ("is_live", "owner_id", "team_id"):
        op.drop_column("lead_search_texts", column, schema="crm")


def _as_it_was(module: object, name: str) -> str:
    """The statement of an earlier migration that made the function."""
    texts = [value for value in vars(module).values() if isinstance(value, str)]
    found = re.search(rf"create function crm\.{name}\(.*?end \$\$;", "\n".join(texts), re.DOTALL)
    assert found, name
    return found[0].replace("create function", "create or replace function", 1)
