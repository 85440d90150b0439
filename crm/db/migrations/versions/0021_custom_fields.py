"""Custom fields: their table with walls and history, indexes over their values, and the keys that stand in records already."""

import re
from importlib import import_module

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from crm.db.history import history_triggers

revision = "0021"
down_revision = "0020"

WALLS = import_module("crm.db.migrations.versions.0004_walls")
RECORDED = (
    "team_id", "record_type", "key", "label", "kind", "options", "is_required", "is_unique", "default_value", "help", "position", "deleted_at",
)  # fmt: skip
HOLDERS = {"lead": "leads", "company": "companies", "contact": "contacts"}
FUNCTIONS = """
create function crm.custom_value_is_used(of_kind text, team bigint, field_key text, value jsonb, but bigint) returns boolean
language plpgsql volatile security definer set search_path = crm, pg_temp as $$
declare
    field bigint := (select f.id from custom_fields as f where f.record_type = of_kind and f.key = field_key and f.is_unique and f.deleted_at is null);
    wanted jsonb := jsonb_build_object(field_key, value);
begin
    -- Only unique fields can be asked about. Whoever asks holds the field until their transaction ends: the next one then sees what it wrote.
    if field is null then
        return false;
    end if;
    perform pg_advisory_xact_lock(hashtextextended(format('custom field %s of team %s', field, team), 0));
    if of_kind = 'lead' then
        return exists (select from leads as r where r.custom @> wanted and r.custom -> field_key = value and r.team_id is not distinct from team
            and r.deleted_at is null and r.merged_into_id is null and r.id is distinct from but);
    elsif of_kind = 'company' then
        return exists (select from companies as r where r.custom @> wanted and r.custom -> field_key = value and r.team_id is not distinct from team
            and r.deleted_at is null and r.merged_into_id is null and r.id is distinct from but);
    end if;
    return exists (select from contacts as r where r.custom @> wanted and r.custom -> field_key = value and r.team_id is not distinct from team
        and r.deleted_at is null and r.merged_into_id is null and r.id is distinct from but);
end $$;
comment on function crm.custom_value_is_used is 'whether a live record of the team holds this value of a unique field; serialises those who ask';

create function crm.custom_values_twice(of_kind text, field_key text) returns bigint
language plpgsql stable security definer set search_path = crm, pg_temp as $$
declare
    found bigint;
begin
    execute format('select count(*) from (select from %I where custom ? $1 and deleted_at is null and merged_into_id is null
        group by team_id, custom -> $1 having count(*) > 1) as twice', case of_kind when 'lead' then 'leads' when 'company' then 'companies' else 'contacts' end)
        into found using field_key;
    return found;
end $$;

create function crm.custom_is_common(wanted jsonb[]) returns boolean
language plpgsql stable security definer set search_path = crm, pg_temp as $$
begin
    -- Counted, up to a bound: behind a wall the planner may not use its samples, and so does not know. It is only a choice
    -- between two ways that find the same leads.
    return (select count(*) > 2000 from (select from leads as l where l.custom @> any (wanted) limit 2001) as found);
end $$;

create function crm.leads_with_custom(wanted jsonb[]) returns setof bigint
language plpgsql stable security definer rows 500 set search_path = crm, pg_temp as $$
declare
    scope text := current_setting('crm.view_scope', true);
    teams bigint[] := setting_ids('crm.teams');
    person bigint := me();
begin
    -- Containment is not leakproof, so under a wall it could not use the index. This function runs as the owner and applies
    -- the same scopes itself; tests compare it with the walls.
    if scope = 'all' then
        return query select l.id from leads as l where l.custom @> any (wanted) and l.deleted_at is null;
    elsif scope = 'team' then
        return query select l.id from leads as l where l.custom @> any (wanted) and l.deleted_at is null and l.team_id = any (teams);
    elsif scope = 'own' then
        return query select l.id from leads as l where l.custom @> any (wanted) and l.deleted_at is null and l.owner_id = person;
    elsif scope = 'mixed' then
        return query select l.id from leads as l where l.custom @> any (wanted) and l.deleted_at is null and (l.team_id = any (teams) or l.owner_id = person);
    end if;
end $$;
"""
SIGNATURES = (
    "custom_value_is_used(text, bigint, text, jsonb, bigint)", "custom_values_twice(text, text)", "custom_is_common(jsonb[])", "leads_with_custom(jsonb[])",
)  # fmt: skip
# What stands in records already becomes everybody's field: a number or yes or no where all of it is, else text.
DECLARE = """
insert into crm.custom_fields (record_type, key, label, kind, position)
select '{record_type}', key, left(upper(left(replace(key, '_', ' '), 1)) || substr(replace(key, '_', ' '), 2), 80),
    case when bool_and(jsonb_typeof(value) = 'number') then 'number' when bool_and(jsonb_typeof(value) = 'boolean') then 'flag' else 'text' end,
    row_number() over (order by key) - 1
from crm.{table} as r, jsonb_each(r.custom)
where length(key) between 1 and 63
group by key
"""


def upgrade() -> None:
    _table()
    for table in HOLDERS.values():
        op.execute(f"create index ix_{table}_custom on crm.{table} using gin (custom jsonb_path_ops)")
    op.execute(FUNCTIONS)
    for statement in history_triggers("custom_fields", "custom_field", RECORDED):
        op.execute(statement)
    op.execute(
        "create trigger custom_fields_access_changed after insert or update or delete on crm.custom_fields for each statement"
        " execute function crm.access_changed()"
    )
    _wall(context.config.attributes["roles"])
    _see_changes(f" when 'custom_field' then {WALLS.SIGNED_IN}")
    op.execute(
        "insert into crm.grants (role_id, resource, action, scope)"
        " select role_id, 'field', 'configure', scope from crm.grants where resource = 'pipeline' and action = 'configure' and deleted_at is null on conflict do nothing"
    )
    for record_type, table in HOLDERS.items():
        op.execute(DECLARE.format(record_type=record_type, table=table))


def _table() -> None:
    op.create_table(
        "custom_fields",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False, comment="grows by one with each recorded change"),
        sa.Column("team_id", sa.BigInteger(), nullable=True, comment="null: every team's; else this team's and those below it"),
        sa.Column("record_type", sa.String(), nullable=False),
        sa.Column(
            "key", sa.String(), nullable=False,
            comment="what the values are kept under; stays when the label changes, and when the field is removed",
        ),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("options", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False, comment="what a choice chooses from, in order"),
        sa.Column("is_required", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_unique", sa.Boolean(), server_default=sa.text("false"), nullable=False, comment="no two live records of a team have the same value"),
        sa.Column("default_value", postgresql.JSONB(), nullable=True, comment="what a new record begins with"),
        sa.Column("help", sa.String(), nullable=True),
        sa.Column("position", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("record_type in ('lead', 'company', 'contact')", name=op.f("ck_custom_fields_record_type")),
        sa.CheckConstraint(
            "kind in ('text', 'number', 'money', 'date', 'flag', 'choice', 'choices', 'link', 'person')", name=op.f("ck_custom_fields_kind")
        ),
        sa.CheckConstraint("length(label) between 1 and 80", name=op.f("ck_custom_fields_label_length")),
        sa.CheckConstraint("length(key) between 1 and 63", name=op.f("ck_custom_fields_key_length")),
        sa.ForeignKeyConstraint(["team_id"], ["crm.teams.id"], name=op.f("fk_custom_fields_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custom_fields")),
        schema="crm",
    )  # fmt: skip
    op.create_index("uq_custom_fields_record_type_key", "custom_fields", ["record_type", "key"], unique=True, schema="crm")
    op.create_index("ix_custom_fields_team_id", "custom_fields", ["team_id"], unique=False, schema="crm")


def _wall(roles) -> None:  # type: ignore[no-untyped-def]
    view = ", ".join(f'"{name}"' for name in roles.view)
    own = f"{WALLS.writing('field')} and ({WALLS.on('write_all')} or team_id = {WALLS.ids('write_teams')})"
    for statement in (
        "alter table crm.custom_fields enable row level security",
        "alter table crm.custom_fields force row level security",
        "create policy owner_all on crm.custom_fields to current_user using (true) with check (true)",
        f"create policy view_signed_in on crm.custom_fields for select to {view} using ({WALLS.SIGNED_IN})",
        f'create policy machinery_sees on crm.custom_fields for select to "{roles.write}", "{roles.system}" using (true)',
        f'create policy write_insert on crm.custom_fields for insert to "{roles.write}" with check ({own})',
        f'create policy write_update on crm.custom_fields for update to "{roles.write}" using ({own}) with check ({own})',
        f'grant select on crm.custom_fields to {view}, "{roles.write}", "{roles.system}"',
        f'grant insert, update on crm.custom_fields to "{roles.write}"',
    ):
        op.execute(statement)
    op.execute("revoke execute on all functions in schema crm from public")
    for signature in SIGNATURES:
        op.execute(f'grant execute on function crm.{signature} to {view}, "{roles.write}"')


def _changes_policy() -> str:
    found: str = op.get_bind().scalar(sa.text("select qual from pg_policies where schemaname = 'crm' and policyname = 'view_with_record'"))
    return found


def _see_changes(extra: str) -> None:
    """The policy as it stands, whichever migrations have been at it, with one case more."""
    before, last, after = _changes_policy().rpartition("ELSE false")
    assert last
    op.execute(f"alter policy view_with_record on crm.changes using ({before} {extra} {last}{after})")


def downgrade() -> None:
    roles = context.config.attributes["roles"]
    op.execute("delete from crm.grants where resource = 'field'")
    without = re.sub(r"WHEN 'custom_field'::text THEN .*?(?=WHEN '|ELSE)", "", _changes_policy(), flags=re.DOTALL)
    op.execute(f"alter policy view_with_record on crm.changes using ({without})")
    for name in (*roles.assumable,):
        op.execute(f'revoke all on crm.custom_fields from "{name}"')
    for signature in SIGNATURES:
        op.execute(f"drop function crm.{signature}")
    for table in HOLDERS.values():
        op.execute(f"drop index crm.ix_{table}_custom")
    op.execute("drop table crm.custom_fields")
    for when in ("inserted", "updated"):
        op.execute(f"drop function crm.custom_fields_{when}_history()")
    op.execute("delete from crm.changes where record_type = 'custom_field'")
