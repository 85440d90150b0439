"""A command that finds no database, or one that was never migrated, says so in one sentence and ends with 2."""

import psycopg
import pytest
from sqlalchemy import make_url, text

from crm.__main__ import main
from crm.db import trouble
from tests.conftest import point_to

COMMANDS = (["report", "pipeline_by_stage"], ["undo", "5"], ["key", "create", "--person", "ana@demo.example", "--name", "script"], ["migrate"])


@pytest.fixture
def pointing():
    """Points the process to another database, until the test ends."""
    yield point_to
    point_to(None)


def call(capsys, arguments):
    code = main(arguments)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_no_server_there(environment, pointing, capsys, command):
    pointing("postgresql://owner:hidden-password@127.0.0.1:1/crm")
    code, out, said = call(capsys, command)
    assert (code, out, said.count("\n")) == (2, "", 1)
    assert said.startswith("The database cannot be reached (connection refused).") and "hidden-password" not in said


@pytest.mark.parametrize("command", COMMANDS[:3], ids=lambda command: command[0])
def test_a_database_that_was_never_migrated(server, pointing, capsys, command, monkeypatch):
    monkeypatch.setenv("CRM_INSTALLATION", "never_migrated")
    name = f"tl_never_migrated_{server.folder.name[-6:]}".lower()
    server.drop(name)
    server.run(f'create database "{name}"')
    pointing(server.url(name))
    code, out, said = call(capsys, command)
    assert (code, out, said.count("\n")) == (2, "", 1)
    assert "python -m crm migrate" in said
    point_to(None)
    server.drop(name)


def test_a_schema_of_an_older_release(db, server, capsys):
    with db.owner().begin() as connection:
        connection.execute(text("alter table crm.people rename to people_of_old"))
    code, _, said = call(capsys, ["report", "pipeline_by_stage", "--as", "ana@demo.example"])
    assert code == 2 and "python -m crm migrate" in said and said.count("\n") == 1


def test_a_database_that_does_not_exist(server, pointing, capsys):
    pointing(server.url("tl_nobody_made_this"))
    code, _, said = call(capsys, ["migrate"])
    assert code == 2 and "no database of that name" in said and said.count("\n") == 1


def test_an_owner_who_may_not_make_roles(server, capsys, pointing, monkeypatch):
    name = f"tl_owner_without_power_{server.folder.name[-6:]}".lower()
    server.drop(name)
    server.run(f'create database "{name}"')
    with psycopg.connect(make_url(server.url(name)).set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute("drop role if exists tl_weak")
        connection.execute("create role tl_weak login")
        connection.execute(f'grant all on database "{name}" to tl_weak')
    monkeypatch.setenv("CRM_INSTALLATION", "weak_owner")
    pointing(make_url(server.url(name)).set(username="tl_weak").render_as_string(hide_password=False))
    code, _, said = call(capsys, ["migrate"])
    assert code == 2 and "CREATEROLE" in said and said.count("\n") == 1
    point_to(None)
    server.drop(name)
    server.run("drop role tl_weak")


def test_a_mistake_of_ours_keeps_its_traceback(db, monkeypatch):
    def broken(*_):
        with db.engine.connect() as connection:
            connection.execute(text("selekt 1"))

    monkeypatch.setattr("crm.commands.report.run", broken)
    with pytest.raises(Exception, match="syntax error"):
        main(["report", "pipeline_by_stage"])


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('connection failed: FATAL:  password authentication failed for user "sales"', "refuses the user"),
        ('connection failed: FATAL:  password authentication failed for user "crm_sales_login"', "crm migrate"),
        ('connection failed: FATAL:  role "crm_sales_login" does not exist', "crm migrate"),
        ('connection failed: FATAL:  role "sales" does not exist', "does not know the user"),
        ("failed to resolve host 'db.example': [Errno -2] Name or service not known", "cannot be reached"),
        ("consuming input failed: server closed the connection unexpectedly", "connection to the database was lost"),
    ],
)  # fmt: skip
def test_what_the_driver_says_in_other_words(said, words):
    told = trouble.in_words(psycopg.OperationalError(said))
    assert words in told and "\n" not in told
