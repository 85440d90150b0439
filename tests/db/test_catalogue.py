"""What the database itself says about its walls. A new table without a policy, a careless function or view fails here."""

import pytest
from sqlalchemy import text

from crm.db import roles
from tests.conftest import INSTALLATION

NAMES = roles.DbRoles(INSTALLATION)
# Alembic's own: one word that says the release; the machinery may read it.
WITHOUT_ROW_SECURITY = {"alembic_version": {(NAMES.system, "SELECT")}}
# Foreign keys on big tables that need no index: (table, columns) -> why.
WITHOUT_INDEX = {
    ("leads", ("created_by_id",)): "people are disabled, not deleted, and nobody lists leads by who typed them in",
    ("leads", ("pipeline_id",)): "covered by the index that begins with pipeline_id and stage_id",
    ("conflicts", ("change_set_id",)): "change sets are not deleted, and conflicts are few",
    ("companies", ("merged_into_id",)): "companies are not deleted, and a merge names its own",
    ("contacts", ("merged_into_id",)): "contacts are not deleted, and a merge names its own",
}
MADE = "create table crm.forgotten (id bigint primary key)"
ENABLED = "alter table crm.forgotten enable row level security"
FORCED = "alter table crm.forgotten force row level security"
BIG = (
    "leads",
    "companies",
    "contacts",
    "activities",
    "changes",
    "change_sets",
    "postings",
    "stays",
    "lead_contacts",
    "lead_search_texts",
    "lead_custom_values",
    "conflicts",
    "sessions",
    "customers",
    "orders",
    "alerts",
    "lead_assignments",
)


def uncovered(db) -> list[str]:
    """What a catalogue must not hold: tables of schema crm that are not walled, or open to a role without a policy for it."""
    found = []
    tables = db.rows(
        "select oid, relname, relrowsecurity, relforcerowsecurity from pg_class where relnamespace = 'crm'::regnamespace and relkind in ('r', 'p', 'f')"
    )
    policies = db.rows("select tablename, cmd, unnest(roles)::text as role from pg_policies where schemaname = 'crm'")
    privileges = db.rows(
        "select table_name, grantee, privilege_type from information_schema.role_table_grants where table_schema = 'crm'"
        " union select table_name, grantee, privilege_type from information_schema.role_column_grants where table_schema = 'crm'"
    )
    owner = db.value("select current_user")
    for table in tables:
        name = table["relname"]
        if name in WITHOUT_ROW_SECURITY:
            continue
        if not (table["relrowsecurity"] and table["relforcerowsecurity"]):
            found.append(f"{name}: no forced row security")
        if not any(p["tablename"] == name and p["role"] == owner for p in policies):
            found.append(f"{name}: no policy for the owner, whose triggers then see nothing")
    for held in privileges:
        if held["grantee"] == owner:
            continue
        if (held["grantee"], held["privilege_type"]) in WITHOUT_ROW_SECURITY.get(held["table_name"], ()):
            continue
        covering = {p["cmd"] for p in policies if p["tablename"] == held["table_name"] and p["role"] == held["grantee"]}
        if not covering & {"ALL", held["privilege_type"]}:
            found.append(f"{held['table_name']}: {held['grantee']} may {held['privilege_type']} without a policy")
    return found


def test_every_table_has_forced_row_security_and_a_policy_for_whoever_may_touch_it(db):
    assert uncovered(db) == []


@pytest.mark.parametrize(
    "statements",
    [
        [MADE],
        [MADE, ENABLED],
        [MADE, ENABLED, FORCED],
        [
            MADE, ENABLED, FORCED,
            "create policy owner_all on crm.forgotten to current_user using (true) with check (true)", f'grant select on crm.forgotten to "{NAMES.team}"',
        ],
        [f'grant delete on crm.leads to "{NAMES.write}"'],
        [f'grant select on crm.alembic_version to "{NAMES.all}"'],
        ["alter table crm.leads no force row level security"],
    ],
)  # fmt: skip
def test_a_table_or_grant_without_its_policy_is_found(db, statements):
    with db.owner().begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    assert uncovered(db)


def test_every_table_of_the_models_is_in_the_walls(db):
    from crm.tables import Base

    walled = {row["relname"] for row in db.rows("select relname from pg_class where relnamespace = 'crm'::regnamespace and relrowsecurity")}
    assert walled == {table.name for table in Base.metadata.tables.values()}


def test_no_policy_is_for_everybody(db):
    """A policy for PUBLIC would hold for roles nobody thought of."""
    assert db.rows("select tablename, policyname from pg_policies where schemaname = 'crm' and 'public' = any(roles)") == []


def test_every_policy_is_permissive_and_view_roles_have_only_select_policies(db):
    found = db.rows("select tablename, policyname, permissive, cmd, unnest(roles)::text as role from pg_policies where schemaname = 'crm'")
    assert {p["permissive"] for p in found} == {"PERMISSIVE"}
    assert {p["cmd"] for p in found if p["role"] in NAMES.view} == {"SELECT"}


def test_the_runtime_login_has_no_privilege_on_any_table_of_the_crm(db):
    held = db.rows("select table_schema, table_name, privilege_type from information_schema.role_table_grants where grantee in (:login, 'PUBLIC')"
                   " and table_schema = 'crm'", login=NAMES.login)  # fmt: skip
    assert held == []


def test_no_view_and_no_materialized_view_is_readable_by_the_app(db):
    views = db.rows("select c.oid, n.nspname, relname from pg_class c join pg_namespace n on n.oid = relnamespace where relkind in ('v', 'm')"
                    " and nspname not in ('pg_catalog', 'information_schema')")  # fmt: skip
    for role in (*NAMES.assumable, NAMES.login):
        readable = [v["relname"] for v in views if db.value("select has_table_privilege(:r, cast(:v as oid), 'select')", r=role, v=v["oid"])]
        assert readable == []


def test_functions_that_run_as_the_owner_have_a_fixed_search_path_and_only_wanted_callers(db):
    """Triggers need no caller at all. What the roles may call checks the scope itself, or reads nothing of anybody's."""
    callable_by_roles = {
        "search_leads",
        "lead_matches",
        "companies_of_leads",
        "search_is_common",
        "to_usd",
        "sees_contact",
        "my_companies",
        "customers_with_leads",
        "my_customers",
        "customers_of_lead",
        "orders_of_lead",
        "refresh_leads_of_customers",
        "refresh_customer_totals",
        "link_customers",
        "fold_standing_anew",
        "fold_targets_anew",
        "fold_passages_anew",
        "fold_arrivals_anew",
        "fold_activities_anew",
        "fold_activities",
        "activities_follow_leads",
        "audited_changes",
        "custom_value_is_used",
        "custom_values_twice",
        "custom_is_common",
        "leads_with_custom",
        "pipeline_stands",
        "data_stamp",
    }
    functions = db.rows("select oid, proname, prosecdef, proconfig::text as config, prorettype::regtype::text as returns from pg_proc"
                        " where pronamespace = 'crm'::regnamespace")  # fmt: skip
    for function in functions:
        assert not db.value("select has_function_privilege('public', cast(:f as oid), 'execute')", f=function["oid"]), function["proname"]
        if not function["prosecdef"]:
            continue
        assert "search_path=crm" in (function["config"] or ""), function["proname"]
        assert "pg_temp" in function["config"], function["proname"]
        for role in (*NAMES.assumable, NAMES.login):
            if db.value("select has_function_privilege(:r, cast(:f as oid), 'execute')", r=role, f=function["oid"]):
                assert function["proname"] in callable_by_roles and role != NAMES.login, (function["proname"], role)


def test_trigger_functions_run_as_the_owner_so_that_no_writer_needs_rights_on_history_or_ledger(db):
    found = db.rows("select proname from pg_proc where pronamespace = 'crm'::regnamespace and prorettype = 'trigger'::regtype and not prosecdef")
    assert found == []


def test_nobody_of_the_app_may_write_history_or_ledger(db):
    """Triggers do, as the owner."""
    for table in ("changes", "postings", "stays", "lead_search_texts", "lead_custom_values"):
        for role in (*NAMES.assumable, NAMES.login):
            for power in ("insert", "update", "delete", "truncate"):
                assert not db.value("select has_table_privilege(:r, :t, :p)", r=role, t=f"crm.{table}", p=power), (table, role, power)
                if power != "delete" and power != "truncate":
                    assert not db.value("select has_any_column_privilege(:r, :t, :p)", r=role, t=f"crm.{table}", p=power), (table, role, power)


def test_records_are_never_removed_by_the_app(db):
    kinds = (
        "leads",
        "companies",
        "contacts",
        "activities",
        "people",
        "teams",
        "pipelines",
        "stages",
        "change_sets",
        "conflicts",
        "postings",
        "audit_events",
        "roles",
        "grants",
        "field_rules",
    )
    for table in kinds:
        for role in (*NAMES.assumable, NAMES.login):
            assert not db.value("select has_table_privilege(:r, :t, 'delete')", r=role, t=f"crm.{table}"), (table, role)


def test_foreign_keys_of_big_tables_have_an_index_or_a_reason(db):
    keys = db.rows("""
        select c.conrelid::regclass::text as "table", array_agg(a.attname::text order by k.n) as columns
        from pg_constraint as c
        cross join unnest(c.conkey) with ordinality as k (attnum, n)
        join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = k.attnum
        where c.contype = 'f' and c.connamespace = 'crm'::regnamespace
        group by c.oid, c.conrelid
    """)
    indexes = db.rows("""
        select i.indrelid::regclass::text as "table",
            array(select a.attname::text from unnest(i.indkey::int[]) with ordinality as k (attnum, n)
                left join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum order by k.n) as columns
        from pg_index as i join pg_class as t on t.oid = i.indrelid where t.relnamespace = 'crm'::regnamespace
    """)
    missing = []
    for key in keys:
        table, columns = key["table"].removeprefix("crm."), tuple(key["columns"])
        begins = any(i["table"] == key["table"] and tuple(i["columns"][: len(columns)]) == columns for i in indexes)
        if table in BIG and not begins and (table, columns) not in WITHOUT_INDEX:
            missing.append((table, columns))
    assert missing == []


def test_columns_with_units_say_so(db):
    """Amounts, rates, shares and durations carry a comment; names ending in a unit say it themselves."""
    silent = db.rows("""
        select c.relname, a.attname
        from pg_attribute as a join pg_class as c on c.oid = a.attrelid
        where c.relnamespace = 'crm'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
            and a.atttypid in ('numeric'::regtype, 'double precision'::regtype, 'real'::regtype)
            and a.attname !~ '(_usd|_minutes|_days|_seconds)$' and col_description(c.oid, a.attnum) is null
    """)
    assert silent == []


def test_every_moment_carries_its_time_zone(db):
    assert (
        db.rows("select table_name, column_name from information_schema.columns where table_schema = 'crm' and data_type = 'timestamp without time zone'") == []
    )


def test_every_constraint_and_index_has_a_name_of_ours(db):
    names = db.rows("select conname as name from pg_constraint where connamespace = 'crm'::regnamespace and contype in ('p', 'u', 'f', 'c')"
                    " union select indexrelid::regclass::text from pg_index i join pg_class c on c.oid = i.indrelid"
                    " where c.relnamespace = 'crm'::regnamespace")  # fmt: skip
    odd = [row["name"] for row in names if row["name"].removeprefix("crm.").split("_")[0] not in ("pk", "uq", "fk", "ck", "ix", "alembic")]
    assert odd == []
