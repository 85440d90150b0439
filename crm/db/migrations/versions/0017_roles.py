"""Roles, their grants and what their fields show become records; nobody grants what they do not hold; absence."""

from importlib import import_module

import sqlalchemy as sa
from alembic import context, op

from crm.db.history import history_triggers

revision = "0017"
down_revision = "0016"

WALLS, HISTORY = (import_module(f"crm.db.migrations.versions.{name}") for name in ("0004_walls", "0002_history"))
RECORDS = {
    "role": ("roles", ("name", "description", "is_organisation_wide", "deleted_at")),
    "grant": ("grants", ("role_id", "resource", "action", "scope", "deleted_at")),
    "field_rule": ("field_rules", ("role_id", "record_type", "field", "rule", "deleted_at")),
}
CELLS = {
    "lead": ("view", "create", "edit", "delete", "assign", "bulk", "import", "export"),
    "company": ("view", "create", "edit", "delete", "assign"), "contact": ("view", "create", "edit", "delete", "assign"),
    "activity": ("create", "edit", "delete"), "customer": ("view", "export"), "alert": ("create", "edit", "delete", "assign"),
    "pipeline": ("view", "configure"), "person": ("view", "configure"), "team": ("view", "configure"), "role": ("view", "configure"),
    "report": ("view", "export"), "settings": ("configure",), "audit": ("view",),
}  # fmt: skip
ACTING = "coalesce(current_setting('crm.write_resource', true), '') <> ''"
HOLDING = f"""
create function crm.scope_rank(scope text) returns integer language sql immutable parallel safe as $$
    select array_position(array['none', 'own', 'team', 'all'], scope)
$$;
create function crm.holds_grant(wanted_resource text, wanted_action text, wanted_scope text, over bigint[], is_mine boolean) returns boolean
language sql stable security definer set search_path = crm, pg_temp as $$
    -- Whether whoever acts reaches so far themselves: `over` are the teams in which the grant would be held. As crm.roles.rules says it.
    with recursive mine as (
        select m.team_id, g.scope
        from memberships as m
        join roles as r on r.id = m.role_id and r.deleted_at is null
        join grants as g on g.role_id = m.role_id and g.deleted_at is null
        where m.person_id = me() and g.resource = wanted_resource and g.action = wanted_action and g.scope <> 'none'
    ), reached (id) as (
        select team_id from mine where scope = 'team' and team_id is not null
        union
        select t.id from teams as t join reached on t.parent_id = reached.id
    )
    select wanted_scope = 'none' or me() is null
        or exists (select from mine where scope = 'all')
        or (wanted_scope = 'own' and (exists (select from mine where scope = 'own') or (not is_mine and exists (select from reached))))
        or (wanted_scope = 'team' and exists (select from reached) and over <@ array(select id from reached))
$$;
create function crm.check_grant_is_held() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    before text := 'none';
begin
    if not ({ACTING}) or new.deleted_at is not null then
        return new;
    end if;
    if tg_op = 'UPDATE' and old.deleted_at is null and (old.role_id, old.resource, old.action) = (new.role_id, new.resource, new.action) then
        before := old.scope;
    end if;
    if scope_rank(new.scope) > scope_rank(before) and not holds_grant(
        new.resource, new.action, new.scope,
        array(select m.team_id from memberships as m where m.role_id = new.role_id and m.team_id is not null),
        exists (select from memberships as m where m.role_id = new.role_id and m.person_id = me())
    ) then
        raise exception '%: %', new.resource, new.action using errcode = 'TL004';
    end if;
    return new;
end $$;
create function crm.check_place_is_held() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    missing text;
begin
    if not ({ACTING}) or (tg_op = 'UPDATE' and (old.person_id, old.team_id, old.role_id) is not distinct from (new.person_id, new.team_id, new.role_id)) then
        return new;
    end if;
    select g.resource || ': ' || g.action into missing
    from grants as g
    where g.role_id = new.role_id and g.deleted_at is null and not (g.scope = 'team' and new.team_id is null)
        and not holds_grant(g.resource, g.action, g.scope, array_remove(array[new.team_id], null), new.person_id is not distinct from me())
    order by 1
    limit 1;
    if missing is not null then
        raise exception '%', missing using errcode = 'TL004';
    end if;
    return new;
end $$;
create function crm.is_admin_role(wanted bigint) returns boolean language sql stable security definer set search_path = crm, pg_temp as $$
    select exists (
        select from grants as g
        where g.role_id = wanted and g.resource in ('person', 'role') and g.action = 'configure' and g.scope = 'all' and g.deleted_at is null
    )
$$;
create function crm.check_an_admin_is_left() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    may_be_lost boolean;
begin
    -- Runs behind the trigger that raises the access stamp, whose lock makes two who take from each other wait for one another.
    if not ({ACTING}) then
        return null;
    end if;
    case tg_table_name
        when 'people' then
            may_be_lost := exists (
                select from old_rows as o full join new_rows as n using (id)
                join memberships as m on m.person_id = n.id
                where o.disabled_at is null and n.disabled_at is not null and is_admin_role(m.role_id)
            );
        when 'memberships' then
            may_be_lost := exists (select from old_rows as o where is_admin_role(o.role_id));
        when 'grants' then
            may_be_lost := exists (select from old_rows as o where o.resource in ('person', 'role') and o.action = 'configure' and o.scope = 'all');
        else
            may_be_lost := exists (select from old_rows as o where is_admin_role(o.id));
    end case;
    if may_be_lost and not exists (
        select from people as p
        where p.disabled_at is null and 2 = (
            select count(distinct g.resource)
            from memberships as m
            join roles as r on r.id = m.role_id and r.deleted_at is null
            join grants as g on g.role_id = r.id and g.deleted_at is null
            where m.person_id = p.id and g.resource in ('person', 'role') and g.action = 'configure' and g.scope = 'all'
        )
    ) then
        raise exception 'nobody would be left who looks after people and roles' using errcode = 'TL003';
    end if;
    return null;
end $$;
create trigger check_grant_is_held before insert or update on crm.grants for each row execute function crm.check_grant_is_held();
create trigger check_place_is_held before insert or update on crm.memberships for each row execute function crm.check_place_is_held();
create trigger people_keep_an_admin after update on crm.people
    referencing old table as old_rows new table as new_rows for each statement execute function crm.check_an_admin_is_left();
create trigger roles_keep_an_admin after update on crm.roles
    referencing old table as old_rows for each statement execute function crm.check_an_admin_is_left();
create trigger grants_keep_an_admin after update on crm.grants
    referencing old table as old_rows for each statement execute function crm.check_an_admin_is_left();
create trigger memberships_keep_an_admin after update on crm.memberships
    referencing old table as old_rows for each statement execute function crm.check_an_admin_is_left();
create trigger memberships_removed_keep_an_admin after delete on crm.memberships
    referencing old table as old_rows for each statement execute function crm.check_an_admin_is_left();
create trigger field_rules_access_changed after insert or update or delete on crm.field_rules for each statement execute function crm.access_changed();
"""
FUNCTIONS = (
    "check_an_admin_is_left()", "is_admin_role(bigint)", "check_place_is_held()", "check_grant_is_held()", "holds_grant(text, text, text, bigint[], boolean)",
    "scope_rank(text)",
)  # fmt: skip
MOMENT, NOW = sa.DateTime(timezone=True), sa.text("now()")
VERSION = {"server_default": sa.text("1"), "nullable": False, "comment": "grows by one with each recorded change"}
LIVE = sa.text("deleted_at is null")


def upgrade() -> None:
    _columns()
    _field_rules()
    for resource, actions in CELLS.items():
        for action in actions:
            op.execute(
                f"insert into crm.grants (role_id, resource, action, scope) select id, '{resource}', '{action}', 'none' from crm.roles on conflict do nothing"
            )
    op.execute(HOLDING)
    for name, (table, columns) in RECORDS.items():
        for statement in history_triggers(table, name, columns):
            op.execute(statement)
    for statement in history_triggers("people", "person", (*HISTORY.PERSON_FIELDS, "absent_from", "absent_until")):
        op.execute(statement)
    op.execute("revoke execute on all functions in schema crm from public")
    _wall()


def _columns() -> None:
    op.add_column("grants", sa.Column("version", sa.Integer(), **VERSION), schema="crm")
    for table, columns in (("roles", ("deleted_at", "updated_at")), ("grants", ("deleted_at", "created_at", "updated_at"))):
        for name in columns:
            is_set = name != "deleted_at"
            op.add_column(table, sa.Column(name, MOMENT, server_default=NOW if is_set else None, nullable=not is_set), schema="crm")
    op.add_column("people", sa.Column("absent_from", sa.Date(), nullable=True, comment="first day away"), schema="crm")
    op.add_column("people", sa.Column("absent_until", sa.Date(), nullable=True, comment="last day away; null while nobody knows"), schema="crm")
    op.create_check_constraint(op.f("ck_people_absence"), "people", "absent_until is null or absent_from <= absent_until", schema="crm")
    op.drop_constraint(op.f("uq_roles_name"), "roles", schema="crm", type_="unique")
    op.create_index("uq_roles_name", "roles", [sa.text("lower(name)")], unique=True, schema="crm", postgresql_where=LIVE)
    op.drop_constraint(op.f("uq_grants_role_id_resource_action"), "grants", schema="crm", type_="unique")
    op.create_index("uq_grants_role_id_resource_action", "grants", ["role_id", "resource", "action"], unique=True, schema="crm", postgresql_where=LIVE)
    op.drop_index("uq_teams_name", table_name="teams", schema="crm")
    op.create_index("uq_teams_name", "teams", [sa.text("lower(name)")], unique=True, schema="crm", postgresql_where=LIVE)


def _field_rules() -> None:
    op.create_table(
        "field_rules",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Integer(), **VERSION),
        sa.Column("role_id", sa.BigInteger(), nullable=False),
        sa.Column("record_type", sa.String(), nullable=False, comment="lead, company or contact"),
        sa.Column("field", sa.String(), nullable=False, comment="the field's name; custom fields as custom.key"),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("updated_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint("rule in ('hidden', 'read_only')", name=op.f("ck_field_rules_rule")),
        sa.ForeignKeyConstraint(["role_id"], ["crm.roles.id"], name=op.f("fk_field_rules_role_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_field_rules")),
        schema="crm",
    )
    op.create_index(
        "uq_field_rules_role_id_record_type_field", "field_rules", ["role_id", "record_type", "field"], unique=True, schema="crm", postgresql_where=LIVE
    )


def _wall() -> None:
    roles = context.config.attributes["roles"]
    view, write, system = ", ".join(f'"{name}"' for name in roles.view), f'"{roles.write}"', f'"{roles.system}"'
    may_see = WALLS.on("role_all")
    allowed = f"{WALLS.writing('role')} and {WALLS.on('write_all')}"
    op.execute("alter table crm.field_rules enable row level security")
    op.execute("alter table crm.field_rules force row level security")
    op.execute("create policy owner_all on crm.field_rules for all to current_user using (true) with check (true)")
    op.execute(f"create policy view on crm.field_rules for select to {view} using ({may_see})")
    op.execute(f"create policy write_sees on crm.field_rules for select to {write}, {system} using (true)")
    op.execute(f"create policy write_insert on crm.field_rules for insert to {write} with check ({allowed})")
    op.execute(f"create policy write_update on crm.field_rules for update to {write} using ({allowed}) with check ({allowed})")
    op.execute(f"grant select on crm.field_rules to {view}, {system}")
    op.execute(f"grant select, insert, update on crm.field_rules to {write}")
    op.execute("drop policy write_delete on crm.grants")
    op.execute(f"revoke delete on crm.grants from {write}")
    kinds = ", ".join(f"'{name}'" for name in RECORDS)
    op.execute(f"create policy view_roles on crm.changes for select to {view} using (record_type in ({kinds}) and {may_see})")


def downgrade() -> None:
    roles = context.config.attributes["roles"]
    op.execute("drop policy view_roles on crm.changes")
    op.execute(f'create policy write_delete on crm.grants for delete to "{roles.write}" using ({WALLS.writing("role")} and {WALLS.on("write_all")})')
    op.execute(f'grant delete on crm.grants to "{roles.write}"')
    op.drop_table("field_rules", schema="crm")
    for trigger, table in (
        ("check_grant_is_held", "grants"), ("check_place_is_held", "memberships"), ("people_keep_an_admin", "people"), ("roles_keep_an_admin", "roles"),
        ("grants_keep_an_admin", "grants"), ("memberships_keep_an_admin", "memberships"), ("memberships_removed_keep_an_admin", "memberships"),
    ):  # fmt: skip
        op.execute(f"drop trigger {trigger} on crm.{table}")
    for function in FUNCTIONS:
        op.execute(f"drop function crm.{function}")
    for table, _ in RECORDS.values():
        op.execute(f"drop function crm.{table}_inserted_history() cascade")
        op.execute(f"drop function crm.{table}_updated_history() cascade")
    for statement in history_triggers("people", "person", HISTORY.PERSON_FIELDS):
        op.execute(statement)
    op.execute("delete from crm.changes where record_type in ('role', 'grant', 'field_rule')")
    op.execute("delete from crm.grants where scope = 'none' or deleted_at is not null")
    # Names that are free again while a removed role or team bears them too are told apart.
    for table in ("roles", "teams"):
        op.execute(f"alter table crm.{table} disable trigger user")
        op.execute(f"update crm.{table} set name = name || ' (removed ' || id || ')' where deleted_at is not null")
        op.execute(f"alter table crm.{table} enable trigger user")
    op.drop_index("uq_teams_name", table_name="teams", schema="crm")
    op.create_index("uq_teams_name", "teams", [sa.text("lower(name)")], unique=True, schema="crm")
    op.drop_index("uq_grants_role_id_resource_action", table_name="grants", schema="crm")
    op.create_unique_constraint(op.f("uq_grants_role_id_resource_action"), "grants", ["role_id", "resource", "action"], schema="crm")
    op.drop_index("uq_roles_name", table_name="roles", schema="crm")
    op.create_unique_constraint(op.f("uq_roles_name"), "roles", ["name"], schema="crm")
    op.drop_constraint(op.f("ck_people_absence"), "people", schema="crm", type_="check")
    for table, columns in (
        ("people", ("absent_until", "absent_from")), ("grants", ("updated_at", "created_at", "deleted_at", "version")), ("roles", ("updated_at", "deleted_at")),
    ):  # fmt: skip
        for name in columns:
            op.drop_column(table, name, schema="crm")
