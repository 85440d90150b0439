"""The runtime login can do nothing by itself, and two installations on one server cannot reach each other."""

import os
import subprocess
import sys
import threading
import time
import uuid

import psycopg
import pytest
from sqlalchemy import create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from crm import settings
from crm.access import acting_as
from crm.db import migrate, roles
from tests.conftest import INSTALLATION

SECRETS = {"one": "the-first-installations-secret-key-0123456789", "two": "the-second-installations-secret-key-987654321"}


@pytest.fixture(scope="module")
def installations(server):
    """Two migrated databases with keys and roles of their own: name -> (settings, owner's URL)."""
    found = {}
    for name, secret in SECRETS.items():
        database = f"tl_{name}_{uuid.uuid4().hex[:12]}"  # two workers may run these tests at once
        server.run(f'create database "{database}"')
        chosen = settings.read({"CRM_SECRET_KEY": secret, "DATABASE_URL": server.url(database)})
        assert migrate.migrate(chosen, server.url(database))
        found[name] = (chosen, server.url(database))
    yield found
    for _, url in found.values():
        server.drop(make_url(url).database)


def login(installations, name, *, database=None):
    chosen, url = installations[name]
    found = roles.login_url(chosen, url)
    return create_engine(found.set(database=make_url(installations[database][1]).database) if database else found, poolclass=NullPool)


def db_roles(installations, name):
    chosen, url = installations[name]
    return roles.DbRoles(roles.installation_of(chosen, make_url(url)))


def test_each_login_opens_its_own_database_and_not_the_other(installations):
    for name, other in (("one", "two"), ("two", "one")):
        with login(installations, name).connect() as connection:
            assert connection.scalar(text("select current_user")) == db_roles(installations, name).login
        with pytest.raises(OperationalError, match="permission denied for database"):
            login(installations, name, database=other).connect()


def test_no_login_takes_on_a_role_of_the_other_installation(installations):
    with login(installations, "one").connect() as connection:
        for role in (*db_roles(installations, "two").assumable, db_roles(installations, "two").login):
            with pytest.raises(DBAPIError, match="permission denied to set role"):
                connection.execute(text(f'set role "{role}"'))
            connection.rollback()


def test_the_passwords_differ(installations):
    one, two = (roles.login_url(*installations[name]).password for name in SECRETS)
    assert one != two


def test_the_login_owns_nothing_and_may_nothing(db):
    login_name = roles.DbRoles(INSTALLATION).login
    (found,) = db.rows("select * from pg_roles where rolname = :n", n=login_name)
    for power in ("rolsuper", "rolbypassrls", "rolcreaterole", "rolcreatedb", "rolreplication", "rolinherit"):
        assert not found[power], power
    assert not db.value("select count(*) from pg_shdepend where refobjid = cast(:oid as oid) and deptype = 'o'", oid=found["oid"])
    assert not db.value("select exists (select from pg_class where relowner = cast(:oid as oid))", oid=found["oid"])


def test_the_login_does_not_hold_what_its_roles_may_until_it_takes_one_on(db):
    with db.engine.connect() as connection:
        held = connection.scalars(text("select rolname from pg_roles where rolname <> current_user and pg_has_role(current_user, oid, 'usage')")).all()
    assert held == []


def test_no_role_of_the_app_is_a_member_of_another_or_may_log_in(db):
    names = list(roles.DbRoles(INSTALLATION).assumable)
    powerless = "not (rolcanlogin or rolsuper or rolbypassrls or rolinherit or rolcreaterole)"
    assert db.value(f"select count(*) from pg_roles where rolname = any(:n) and {powerless}", n=names) == len(names)
    members = db.rows(
        "select r.rolname as role, m.rolname as member from pg_auth_members a join pg_roles r on r.oid = a.roleid join pg_roles m on m.oid = a.member"
        " where m.rolname = any(:n)", n=names,
    )  # fmt: skip
    assert members == []


def test_the_login_is_admin_of_no_role(db):
    login_name = roles.DbRoles(INSTALLATION).login
    assert db.value("select count(*) from pg_auth_members a join pg_roles m on m.oid = a.member where m.rolname = :n and a.admin_option", n=login_name) == 0


def test_only_the_machinery_lays_out_temporary_tables(db):
    names = roles.DbRoles(INSTALLATION)
    for role in (None, *names.assumable):
        with db.engine.connect() as connection:
            if role:
                connection.execute(text(f'set local role "{role}"'))
            if role == names.system:
                connection.execute(text("create temporary table mine (id int)"))
                continue
            with pytest.raises(DBAPIError):
                connection.execute(text("create temporary table mine (id int)"))


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(
    "statement",
    [
        "create table crm.mine (id int)", "create table public.mine (id int)", "create schema mine",
        "create function crm.f() returns int language sql as 'select 1'",
        "alter table crm.leads disable row level security", "drop policy view_team on crm.leads", "create role mine", "set role postgres",
        "set session authorization throughline", "select * from pg_authid", "truncate crm.leads",
        "alter role current_user with superuser", "set row_security = off; select * from crm.leads", "create extension citext",
        "listen x; vacuum crm.leads", "select pg_read_file('/etc/passwd')", "copy (select 1) to program 'true'", "drop table crm.leads",
        "create trigger t after insert on crm.leads for each row execute function crm.settle_lead()", "select crm.leads_inserted_history()",
        "select crm.refresh_last_contact('{1}')", "select crm.refresh_search_texts('{1}')", "select crm.sees_company(1)",
    ],
)  # fmt: skip
def test_neither_the_login_nor_any_of_its_roles_may(db, cast, statement):
    names = roles.DbRoles(INSTALLATION)
    for role in (None, *names.assumable):
        with db.engine.connect() as connection:
            if role:
                connection.execute(text(f'set local role "{role}"'))
            *before, last = statement.split(";")
            for part in before:
                connection.execute(text(part))
            with pytest.raises((DBAPIError, psycopg.Error)):
                connection.execute(text(last))


def test_the_view_roles_write_nothing(db, cast):
    tables = db.rows("select table_name from information_schema.tables where table_schema = 'crm' and table_name <> 'alembic_version'")
    for who in ("alma", "ana"):
        for table in tables:
            for statement in (f"delete from crm.{table['table_name']}", f"insert into crm.{table['table_name']} default values"):
                with pytest.raises(DBAPIError, match="permission denied"), acting_as(cast.who(who)) as session:
                    session.execute(text(statement))


def test_databases_whose_names_become_alike_do_not_share_roles():
    chosen = settings.read({"CRM_SECRET_KEY": SECRETS["one"]})
    names = ["my-crm", "my_crm", "My_crm", "my.crm", "m" * 40, "m" * 41, "m" * 30, "crm", "ünlü", "a" * 63, "5", "-", "_"]
    found = [roles.installation_of(chosen, make_url("postgresql://o@h/").set(database=name)) for name in names]
    assert len(set(found)) == len(names)
    assert found[names.index("crm")] == "crm" and found[names.index("my_crm")] == "my_crm"
    for each in found:
        assert len(roles.DbRoles(each).system) <= 63 and settings.read({"CRM_INSTALLATION": each}).installation == each


def test_a_login_whose_password_no_longer_fits_gets_the_one_of_the_new_key(installations, monkeypatch):
    """The embedded server asks nobody for a password, so the refusal is played here."""
    _, url = installations["one"]
    renewed = settings.read({"CRM_SECRET_KEY": "a-key-that-was-changed-after-an-incident-1234", "DATABASE_URL": url})
    given, ensure = [], roles.ensure
    monkeypatch.setattr(roles, "can_sign_in", lambda _url: False)
    monkeypatch.setattr(roles, "ensure", lambda connection, names, password: given.append(password) or ensure(connection, names, password))
    assert migrate.migrate(renewed, url) is False
    assert given == [roles.login_url(renewed, url).password]


def test_a_login_that_signs_in_is_left_as_it_is(installations, monkeypatch):
    monkeypatch.setattr(roles, "ensure", lambda *_: pytest.fail("nothing had to change"))
    assert migrate.migrate(*installations["two"]) is False


def statements_of(url, names, password):
    """What making the roles sends to the server."""
    engine, sent = create_engine(url, poolclass=NullPool), []
    event.listen(engine, "before_cursor_execute", lambda _c, _cursor, statement, *_: sent.append(statement))
    with engine.begin() as connection:
        roles.ensure(connection, names, password)
    return sent


def test_roles_that_are_in_order_are_not_written_again(installations):
    chosen, url = installations["two"]
    sent = statements_of(url, db_roles(installations, "two"), roles.login_password(chosen, "two"))
    assert not [statement for statement in sent if " role " in statement.lower()]


def test_a_login_that_was_given_more_than_it_needs_loses_it(installations):
    _, url = installations["two"]
    names = db_roles(installations, "two")
    with create_engine(url, poolclass=NullPool).begin() as connection:
        connection.execute(text(f'alter role "{names.login}" inherit'))
    assert len([statement for statement in statements_of(url, names, "p" * 40) if statement.startswith("alter role")]) == 1
    assert not server_row(url, names.login)["rolinherit"]


def server_row(url, role):
    with create_engine(url, poolclass=NullPool).connect() as connection:
        return connection.execute(text("select * from pg_roles where rolname = :n"), {"n": role}).mappings().one()


def test_the_password_itself_stands_in_no_statement(installations, monkeypatch):
    _, url = installations["two"]
    names = roles.DbRoles(f"new_{uuid.uuid4().hex[:8]}")
    made = statements_of(url, names, "a-password-to-keep-out-of-logs")
    monkeypatch.setattr(roles, "can_sign_in", lambda _url: False)
    altered = statements_of(url, names, "another-password-to-keep-out-of-logs")
    assert [s.split()[0] for s in (*made, *altered) if "SCRAM-SHA-256$" in s] == ["create", "alter"]
    assert not [s for s in (*made, *altered) if "to-keep-out-of-logs" in s]


MEANWHILE = {
    "a role is being made": 'create role "{n.mixed}" nologin noinherit',
    "the login is being made": 'create role "{n.login}" login noinherit',
    "the login is being altered": "alter role \"{n.login}\" with password 'x'",
    "a role is being granted": 'grant "{n.own}" to "{n.login}"',
}


@pytest.mark.parametrize("meanwhile", MEANWHILE)
def test_another_database_of_the_installation_may_be_at_the_same_roles(installations, monkeypatch, meanwhile):
    """It is caught in the middle of it: the second waits, finds what the first has made, and goes on."""
    _, url = installations["one"]
    names = roles.DbRoles(f"race_{uuid.uuid4().hex[:8]}")
    owner = create_engine(url, poolclass=NullPool)
    monkeypatch.setattr(roles, "can_sign_in", lambda _url: False)
    if "made" not in meanwhile:
        with owner.begin() as connection:
            roles.ensure(connection, names, "p" * 40)
            connection.execute(text(f'revoke "{names.own}" from "{names.login}"'))
    failures = []

    def second():
        try:
            with owner.begin() as connection:
                roles.ensure(connection, names, "q" * 40)
        except DBAPIError as error:
            failures.append(error)

    thread = threading.Thread(target=second)
    with owner.connect() as first:
        first.execute(text(MEANWHILE[meanwhile].format(n=names)))
        thread.start()
        with owner.connect() as watcher:
            while thread.is_alive() and not watcher.scalar(_IS_WAITING, {"me": first.connection.driver_connection.info.backend_pid}):
                watcher.rollback()
                time.sleep(0.02)
        assert thread.is_alive(), "the second has to meet the first for this test to prove anything"
        first.commit()
    thread.join()
    assert failures == []
    assert server_row(url, names.login)["rolcanlogin"]
    with owner.connect() as connection:
        assert connection.scalar(text("select count(*) from pg_auth_members where member = cast(:l as regrole)"), {"l": names.login}) == len(names.assumable)


_IS_WAITING = text("select exists (select from pg_stat_activity where cast(:me as int) = any(pg_blocking_pids(pid)))")


def test_several_databases_of_one_installation_are_migrated_at_once(server):
    """By processes, as servers do it."""
    shared = {"CRM_INSTALLATION": f"many_{uuid.uuid4().hex[:8]}"}
    urls = [server.url(f"tl_many_{uuid.uuid4().hex[:12]}") for _ in range(2)]
    for url in urls:
        server.run(f'create database "{make_url(url).database}"')
    running = [
        subprocess.Popen([sys.executable, "-m", "crm", "migrate"], env={**os.environ, **shared, "DATABASE_URL": url}, stderr=subprocess.PIPE, text=True)
        for url in urls
    ]
    said = [process.communicate()[1] for process in running]
    assert [(process.returncode, words) for process, words in zip(running, said, strict=True)] == [(0, "")] * 2
    for url in urls:
        login_url = roles.login_url(settings.read({**shared, "CRM_SECRET_KEY": os.environ["CRM_SECRET_KEY"]}), url)
        with create_engine(login_url, poolclass=NullPool).connect() as connection:
            assert connection.scalar(text("select 1")) == 1
        server.drop(make_url(url).database)
