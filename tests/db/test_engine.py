"""What goes wrong in the database is told without the data that it went wrong on."""

import traceback

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from crm import logs
from crm.access import acting_as
from crm.db import direct

SECRET = "Al Noor, ana@alnoor.example"


def test_an_error_does_not_repeat_what_was_given_to_the_statement(db, cast):
    with pytest.raises(DBAPIError) as raised, acting_as(cast.who("ana")) as session:
        session.execute(text("select 1 / 0 where :who <> ''"), {"who": SECRET})
    assert SECRET not in "".join(traceback.format_exception(raised.value))
    assert "hidden" in str(raised.value)


def test_nor_does_one_straight_through_the_driver(db, cast):
    with pytest.raises(DBAPIError) as raised, acting_as(cast.who("ana")) as session:
        direct.rows(session, "select 1 / 0 where :who <> ''", {"who": SECRET})
    assert SECRET not in "".join(traceback.format_exception(raised.value))


def test_a_value_that_the_database_quotes_stays_out_of_the_log(db, cast):
    with pytest.raises(DBAPIError) as raised, acting_as(cast.who("ana")) as session:
        session.execute(text("select cast(:who as int)"), {"who": SECRET})
    assert SECRET in str(raised.value), "this test would prove nothing"
    told = logs.without_data(None, "error", {"event": "failed", "exc_info": raised.value})
    assert SECRET not in str(told)
    assert (told["errors"][-1], told["sqlstate"]) == ("InvalidTextRepresentation", "22P02")
