"""Statements straight through the driver: what goes in comes out, errors are told, plans and transactions outlive a failure."""

import contextlib
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from crm.access import acting_as, as_system
from crm.db import direct
from crm.db import engine as db_engine
from crm.errors import Invalid

AWKWARD = ["", "null", 'quo"ted', "back\\slash", "{brace,comma}", "line\nbreak", "عربى", None]


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(
    ("value", "sql_type"),
    [
        (2**40, "bigint"), (-1, "bigint"), (None, "bigint"), ("null", "text"), ('a "b" \\c', "text"), (True, "boolean"), (Decimal("0.10"), "numeric"),
        (date(2026, 3, 31), "date"), (datetime(2026, 3, 31, 22, 30, tzinfo=UTC), "timestamptz"), (AWKWARD, "text[]"), ([1, 2**40], "bigint[]"), ([], "int[]"),
        ([Decimal("1.50"), None], "numeric[]"), ([date(2026, 3, 31)], "date[]"), ([True, False], "boolean[]"),
        ([datetime(2026, 3, 31, 22, 30, tzinfo=UTC), None], "timestamptz[]"),
    ],
)  # fmt: skip
def test_a_value_comes_back_as_it_was_given(db, cast, value, sql_type):
    with acting_as(cast.who("ana")) as session:
        for _ in range(3):  # met, prepared, prepared before
            assert direct.rows(session, f"select cast(:value as {sql_type})", {"value": value}) == [(value,)]


def test_text_with_a_zero_byte_is_refused_not_cut(db, cast):
    for value in ("a\x00b", ["a\x00b"]):
        with pytest.raises(DBAPIError), acting_as(cast.who("ana")) as session:
            direct.rows(session, "select :value", {"value": value})


def test_a_statement_goes_on_after_a_refused_one_was_rolled_back(db, cast):
    def ask() -> None:
        with acting_as(cast.who("ana")) as session:
            for _ in range(4):
                assert session.execute(text("select 1")).scalar() == 1
                assert direct.rows(session, "select count(*) > 0 from crm.leads where id > :id", {"id": 0}) == [(True,)]

    for failing in ("select 1 / 0", "insert into crm.people (email) values ('x')"):
        ask()
        with pytest.raises(DBAPIError), acting_as(cast.who("ana")) as session:
            direct.rows(session, failing)
    ask()


def add_keys(session, cast, *hashes, error=None):
    """Each under its own hash; two of one hash are refused by the database."""
    with direct.savepoint(session):
        for each in hashes:
            direct.rows(session, "insert into crm.api_keys (person_id, name, key_hash) values (:ana, :hash, :hash)", {"ana": cast.people["ana"], "hash": each})
        if error:
            raise error


def test_a_savepoint_takes_back_what_failed_and_the_transaction_goes_on(db, cast):
    with as_system() as session:
        with pytest.raises(IntegrityError):
            add_keys(session, cast, "first", "first")
        with pytest.raises(Invalid):
            add_keys(session, cast, "second", error=Invalid("not this"))
        add_keys(session, cast, "kept")
    with as_system() as session:
        assert direct.rows(session, "select name from crm.api_keys where person_id = :ana", {"ana": cast.people["ana"]}) == [("kept",)]


def test_more_statements_than_a_connection_remembers_make_place_for_one_another(db, cast, monkeypatch):
    monkeypatch.setattr(direct, "MOST_KNOWN", 3)
    with acting_as(cast.who("ana")) as session:
        for _ in range(3):
            for number in range(6):
                for _ in range(2):
                    assert direct.rows(session, f"select {number} + :one", {"one": 1}) == [(number + 1,)]
        left = direct.rows(session, "select count(*) from pg_prepared_statements where name like 'crm_%'")
    assert left[0][0] <= 3


def test_a_question_is_asked_again_where_the_connection_had_died(db, cast):
    engine, role = db_engine.runtime_engine(), db_engine.role_names().system
    with engine.connect() as another:  # kept open, so that the questions go over a connection of their own
        assert direct.ask(engine, role, "select 1", {}) == [(1,)]
        died = another.scalars(
            text("""
                select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and usename = session_user and pid <> pg_backend_pid()
            """)
        ).all()
        assert True in died
        assert direct.ask(engine, role, "select 1", {}) == [(1,)]


def setting(session):
    return direct.rows(session, "select current_setting('crm.note', true)")[0][0] or None


def note(session, word):
    direct.later(session, "select set_config('crm.note', :word, true)", {"word": word})


def test_what_runs_later_runs_before_the_next_statement_whoever_sends_it(db, cast):
    with acting_as(cast.who("ana")) as session:
        note(session, "directly")
        assert setting(session) == "directly"
        note(session, "by SQLAlchemy")
        assert session.scalar(text("select current_setting('crm.note', true)")) == "by SQLAlchemy"
        note(session, "by the driver")
        assert direct.driver_of(session).execute("select current_setting('crm.note', true)").fetchone() == ("by the driver",)


@pytest.mark.parametrize("is_sent", [True, False])
def test_a_savepoint_takes_back_what_was_to_run_later_inside_it_and_nothing_before(db, cast, is_sent):
    with acting_as(cast.who("ana")) as session:
        note(session, "before")
        with contextlib.suppress(Invalid), direct.savepoint(session):
            with direct.savepoint(session):
                note(session, "inside")
            if is_sent:
                assert setting(session) == "inside"
            note(session, "inside, later")
            raise Invalid("not this")
        assert setting(session) == "before"
        with contextlib.suppress(Invalid), session.begin_nested():
            note(session, "inside")
            raise Invalid("not this either")
        assert setting(session) == "before"


def test_nothing_that_waited_reaches_the_next_transaction(db, cast):
    for ends_badly in (False, True):
        with contextlib.suppress(Invalid), acting_as(cast.who("ana")) as session:
            note(session, "left over")
            if ends_badly:
                raise Invalid("gone")
        with acting_as(cast.who("ana")) as session:
            assert setting(session) is None


def test_the_first_failing_statement_of_a_round_trip_is_the_one_that_is_told(db, cast):
    def fail_first() -> None:
        with acting_as(cast.who("ana")) as session:
            direct.later(session, "select 1 / 0")
            direct.rows(session, "select 1")

    with pytest.raises(DBAPIError, match="division by zero"):
        fail_first()
    with acting_as(cast.who("ana")) as session:
        assert direct.rows(session, "select 1") == [(1,)]
