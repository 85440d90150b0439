"""Migrations make what the models say, go down and up again, and stand two processes that start at once."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import make_url, text

from crm import settings
from crm.db import migrate, roles
from crm.tables import Base
from tests.conftest import SECRET


@pytest.fixture
def empty(server):
    """An empty database: (settings, owner's URL)."""
    import uuid

    name = f"tl_empty_{uuid.uuid4().hex[:10]}"
    server.run(f'create database "{name}"')
    url = server.url(name)
    yield settings.read({"CRM_SECRET_KEY": SECRET, "DATABASE_URL": url}), url
    server.drop(name)


def shape(url: str) -> dict[str, list]:
    """Everything a migration makes, as text, in order."""
    engine = migrate.owner_engine(url)
    questions = {
        "columns": "select table_schema, table_name, column_name, data_type, is_nullable, column_default, is_identity"
        " from information_schema.columns where table_schema in ('crm', 'jobs')",
        "constraints": "select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint where connamespace = 'crm'::regnamespace",
        "indexes": "select indexdef from pg_indexes where schemaname in ('crm', 'jobs')",
        "triggers": "select pg_get_triggerdef(oid) from pg_trigger where not tgisinternal",
        "functions": "select pg_get_functiondef(oid), proacl::text from pg_proc where pronamespace::regnamespace::text in ('crm', 'jobs') and prokind = 'f'",
        "policies": "select tablename, policyname, roles::text, cmd, qual, with_check from pg_policies",
        "walls": "select relname, relrowsecurity, relforcerowsecurity from pg_class"
        " where relnamespace = 'crm'::regnamespace and relkind = 'r'"
        " and relname <> 'alembic_version'",
        "privileges": "select relname, a.grantee::regrole::text, a.privilege_type from pg_class, aclexplode(relacl) as a"
        " where relnamespace = 'crm'::regnamespace and a.grantee <> relowner",
        "comments": "select c.relname, a.attname, d.description from pg_description d join pg_class c on c.oid = d.objoid"
        " left join pg_attribute a on a.attrelid = c.oid and a.attnum = d.objsubid where c.relnamespace = 'crm'::regnamespace",
        "grants": "select r.name, g.resource, g.action, g.scope from crm.grants g join crm.roles r on r.id = g.role_id",
        "settings": "select key, value from crm.organisation_settings",
        "stamp": "select id from crm.access_stamps",
    }
    tables = {"grants": "crm.grants", "settings": "crm.organisation_settings", "stamp": "crm.access_stamps"}  # the first migrations have none of them
    with engine.connect() as connection:
        there = [name for name in questions if name not in tables or connection.scalar(text("select to_regclass(:t)"), {"t": tables[name]})]
        return {name: sorted(map(str, connection.execute(text(questions[name])))) for name in there}


@contextmanager
def alembic_on(database):
    """Alembic's configuration for `empty`, as the migrations of its installation see it; for steps that `migrate` does not take."""
    chosen, url = database
    with migrate.owner_engine(url).begin() as connection:
        yield migrate.config(connection, roles.DbRoles(roles.installation_of(chosen, make_url(url))))


def test_models_and_migrations_agree(db):
    """Tables, columns, types, nullability, defaults, named constraints, indexes and comments."""
    with db.owner().connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True, "compare_type": True, "compare_server_default": True, "version_table_schema": "crm",
                "include_name": lambda name, kind, _parents: kind != "schema" or name == "crm",
                "include_object": lambda _object, name, kind, _reflected, _other: not (kind == "table" and name == "alembic_version"),
            },
        )  # fmt: skip
        assert compare_metadata(context, Base.metadata) == []


def test_check_constraints_of_models_and_migrations_agree(db):
    """What the comparison above does not look at."""
    from sqlalchemy import CheckConstraint

    wanted = {
        (table.name, constraint.name) for table in Base.metadata.tables.values() for constraint in table.constraints if isinstance(constraint, CheckConstraint)
    }
    made = db.rows("select conrelid::regclass::text as t, conname from pg_constraint where connamespace = 'crm'::regnamespace and contype = 'c'")
    assert {(row["t"].removeprefix("crm."), row["conname"]) for row in made} == wanted


def test_down_to_nothing_and_up_again_makes_the_same(empty):
    assert migrate.migrate(*empty)
    first = shape(empty[1])
    assert migrate.migrate(*empty, target="base")
    engine = migrate.owner_engine(empty[1])
    with engine.connect() as connection:
        left = connection.scalars(text("select relname from pg_class where relnamespace = 'crm'::regnamespace and relkind = 'r'")).all()
        functions = connection.scalars(text("select proname from pg_proc where pronamespace = 'crm'::regnamespace")).all()
    assert (left, functions) == (["alembic_version"], [])
    assert migrate.migrate(*empty)
    assert shape(empty[1]) == first


def test_each_migration_goes_down_and_up_by_itself(empty, monkeypatch):
    """From the newest to the first: made again on what taking it back has left, it ends where it stood. So all of them made again from
    there end as the newest stands, without that being done for each."""
    migrate.migrate(*empty)
    with alembic_on(empty) as config:
        scripts = ScriptDirectory.from_config(config)
    monkeypatch.setattr(ScriptDirectory, "from_config", lambda _: scripts)  # each of a hundred commands would read all of them anew
    steps = list(scripts.walk_revisions())
    newest = stood = shape(empty[1])
    for step in steps[:-1]:
        with alembic_on(empty) as config:
            command.downgrade(config, step.down_revision)
        below = shape(empty[1])
        with alembic_on(empty) as config:
            command.upgrade(config, step.revision)
        if shape(empty[1]) != stood:  # what a later one had granted and left behind is there again when that one is made again
            migrate.migrate(*empty)
            assert shape(empty[1]) == newest, step.revision
        stood = below


def test_a_second_run_changes_nothing(empty):
    assert migrate.migrate(*empty)
    before = shape(empty[1])
    assert migrate.migrate(*empty) is False
    assert shape(empty[1]) == before


def test_two_that_start_at_once_migrate_once(empty):
    with ThreadPoolExecutor(3) as pool:
        changed = list(pool.map(lambda _: migrate.migrate(*empty), range(3)))
    assert sorted(changed) == [False, False, True]


def test_a_migration_that_fails_leaves_nothing_behind_and_can_be_run_again(empty, monkeypatch):
    def fail(*_):
        raise RuntimeError("in the middle")

    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", fail)
        with pytest.raises(RuntimeError):
            migrate.migrate(*empty)
    with migrate.owner_engine(empty[1]).connect() as connection:
        assert migrate.current_revision(connection) is None
    assert migrate.migrate(*empty)


def test_a_database_with_people_and_leads_in_it_goes_down_only_as_far_as_its_data_allows(db):
    """Going down past the tables drops them; that is for developers. Going down past the walls keeps every row."""
    chosen = settings.read()
    leads = db.value("select count(*) from crm.leads")
    migrate.migrate(chosen, db.url, target="0003")
    assert db.value("select count(*) from crm.leads") == leads
    migrate.migrate(chosen, db.url)
    assert db.value("select count(*) from crm.leads") == leads


def test_the_newest_revision_is_what_a_migrated_database_has(db):
    with db.owner().connect() as connection:
        assert migrate.current_revision(connection) == migrate.head_revision()
