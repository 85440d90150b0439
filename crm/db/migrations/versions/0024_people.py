"""Nobody opens for others a field that is closed to themselves; invitations are links of their own; managers are told of their teams' roles."""

from importlib import import_module

from alembic import op

revision = "0024"
down_revision = "0023"

ROLES = import_module("crm.db.migrations.versions.0018_roles")
OPENING = f"""
create function crm.field_rank(rule text) returns integer language sql immutable parallel safe as $$
    select coalesce(array_position(array['open', 'read_only', 'hidden'], rule), 1)
$$;
create function crm.closed_to_me() returns table (record_type text, field text, rank integer)
language sql stable security definer set search_path = crm, pg_temp as $$
    -- What not one role of whoever acts opens, the most open rule of them; as Person.fields_not_open says it.
    with mine as (
        select distinct m.role_id from memberships as m join roles as r on r.id = m.role_id and r.deleted_at is null where m.person_id = me()
    ), showing as (
        select k.kind, mine.role_id, exists (
            select from grants as g
            where g.role_id = mine.role_id and g.action = 'view' and g.resource in (k.kind, 'lead') and g.scope <> 'none' and g.deleted_at is null
        ) as shows
        from mine cross join (values ('lead'), ('company'), ('contact')) as k (kind)
    ), counting as (
        select s.kind, s.role_id from showing as s where s.shows or not exists (select from showing as o where o.kind = s.kind and o.shows)
    )
    select f.record_type, f.field, min(field_rank(f.rule))
    from counting as c
    join field_rules as f on f.role_id = c.role_id and f.record_type = c.kind and f.deleted_at is null
    group by f.record_type, f.field
    having count(*) = (select count(*) from counting as o where o.kind = f.record_type)
$$;
create function crm.opened_too_far(by_role bigint, newly_showing text) returns text
language sql stable security definer set search_path = crm, pg_temp as $$
    -- The first field that the role shows further than whoever acts sees it, as the grant they miss. As crm.roles.rules.opened_too_far says it.
    -- `newly_showing`: the resource that the role is about to show; null for the role as it stands.
    select c.record_type || '.' || c.field || ': ' || case c.rank when 3 then 'view' else 'edit' end
    from closed_to_me() as c
    left join field_rules as f on f.role_id = by_role and f.record_type = c.record_type and f.field = c.field and f.deleted_at is null
    where field_rank(f.rule) < c.rank and (
        newly_showing in (c.record_type, 'lead') or exists (
            select from grants as g
            where g.role_id = by_role and g.action = 'view' and g.resource in (c.record_type, 'lead') and g.scope <> 'none' and g.deleted_at is null
        )
    )
    order by 1
    limit 1
$$;
create function crm.check_showing_is_held() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    missing text;
begin
    -- A role that begins to show records opens their fields to everybody who holds it.
    if not ({ROLES.ACTING}) or new.deleted_at is not null or new.scope = 'none' or new.action <> 'view'
        or new.resource not in ('lead', 'company', 'contact') or (tg_op = 'UPDATE' and old.deleted_at is null and old.scope <> 'none')
        or not exists (select from memberships as m where m.role_id = new.role_id) then
        return new;
    end if;
    missing := opened_too_far(new.role_id, new.resource);
    if missing is not null then
        raise exception '%', missing using errcode = 'TL004';
    end if;
    return new;
end $$;
create function crm.check_field_is_held() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    before integer := 1;
    becomes integer := case when new.deleted_at is null then field_rank(new.rule) else 1 end;
    mine integer := coalesce((select c.rank from closed_to_me() as c where c.record_type = new.record_type and c.field = new.field), 1);
begin
    if tg_op = 'UPDATE' and old.deleted_at is null then
        before := field_rank(old.rule);
    end if;
    if ({ROLES.ACTING}) and becomes < before and becomes < mine then
        raise exception '%.%: %', new.record_type, new.field, case mine when 3 then 'view' else 'edit' end using errcode = 'TL004';
    end if;
    return new;
end $$;
create function crm.check_place_opens_what_is_held() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    missing text;
begin
    if not ({ROLES.ACTING}) or (tg_op = 'UPDATE' and (old.person_id, old.role_id) is not distinct from (new.person_id, new.role_id)) then
        return new;
    end if;
    missing := opened_too_far(new.role_id, null);
    if missing is not null then
        raise exception '%', missing using errcode = 'TL004';
    end if;
    return new;
end $$;
comment on function crm.closed_to_me is 'fields that no role of whoever acts opens: 2 read only, 3 hidden';
comment on function crm.opened_too_far is 'the first field that a role shows further than whoever acts sees it; null for none';
create trigger check_showing_is_held before insert or update on crm.grants for each row execute function crm.check_showing_is_held();
create trigger check_field_is_held before insert or update on crm.field_rules for each row execute function crm.check_field_is_held();
create trigger check_place_opens_what_is_held before insert or update on crm.memberships
    for each row execute function crm.check_place_opens_what_is_held();
"""
TRIGGERS = (("check_showing_is_held", "grants"), ("check_field_is_held", "field_rules"), ("check_place_opens_what_is_held", "memberships"))
FUNCTIONS = (
    "check_place_opens_what_is_held()", "check_field_is_held()", "check_showing_is_held()", "opened_too_far(bigint, text)", "closed_to_me()", "field_rank(text)",
)  # fmt: skip
PURPOSES = "purpose in ('ticket', 'reset', 'setup'{})"


# The shipped manager, unless somebody has shaped that cell.
ROLES_OF_TEAMS = """
    from crm.roles as r
    where r.id = g.role_id and r.is_shipped and r.name = 'manager' and g.resource = 'role' and g.action = 'view' and g.deleted_at is null
"""


def upgrade() -> None:
    op.execute(OPENING)
    op.execute("revoke execute on all functions in schema crm from public")
    _take_purposes(", 'invitation'")
    op.execute(f"update crm.grants as g set scope = 'team', version = g.version + 1 {ROLES_OF_TEAMS} and g.scope = 'none'")


def downgrade() -> None:
    op.execute("update crm.grants set scope = 'none', version = version + 1 where resource = 'role' and action = 'view' and scope in ('own', 'team')")
    op.execute("delete from crm.one_time_links where purpose = 'invitation'")
    _take_purposes("")
    for trigger, table in TRIGGERS:
        op.execute(f"drop trigger {trigger} on crm.{table}")
    for function in FUNCTIONS:
        op.execute(f"drop function crm.{function}")


def _take_purposes(more: str) -> None:
    op.drop_constraint(op.f("ck_one_time_links_purpose"), "one_time_links", schema="crm", type_="check")
    op.create_check_constraint(op.f("ck_one_time_links_purpose"), "one_time_links", PURPOSES.format(more), schema="crm")
