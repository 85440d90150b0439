"""A question that takes the database too long is stopped, with words, and what else is asked in the transaction is answered."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from crm.access import acting_as
from crm.access.person import OPERATOR
from crm.db.patience import at_most
from crm.errors import TookTooLong
from crm.reports import use_cases

LONG, WORDS = "select pg_sleep(60)", "Too much to read."
SHORTLY = timedelta(milliseconds=1)

pytestmark = pytest.mark.leaves_no_trace


def test_what_takes_too_long_is_stopped_in_words_and_the_transaction_goes_on(db, cast):
    with acting_as(cast.who("ana")) as session:
        seen = session.scalar(text("select count(*) from crm.leads"))
        with pytest.raises(TookTooLong, match=WORDS), at_most(session, SHORTLY, WORDS):
            session.execute(text(LONG))
        assert session.scalar(text("select count(*) from crm.leads")) == seen > 0
        assert session.scalar(text("select current_setting('statement_timeout')")) == "0"


def test_other_errors_stay_what_they_are(db, cast):
    with pytest.raises(ZeroDivisionError), acting_as(cast.who("ana")) as session, at_most(session, SHORTLY, WORDS):
        raise ZeroDivisionError


def test_the_limit_ends_with_its_transaction(db, cast):
    with acting_as(cast.who("ana")) as session, at_most(session, timedelta(minutes=1), WORDS):
        assert session.scalar(text("select current_setting('statement_timeout')")) == "1min"
    with acting_as(cast.who("ana")) as session:
        assert session.scalar(text("select current_setting('statement_timeout')")) == "0"


def shortened(monkeypatch):
    """Reports that anybody waits for are stopped at once."""
    stop = use_cases.at_most
    monkeypatch.setattr(use_cases, "at_most", lambda session, limit, words: stop(session, SHORTLY if limit == use_cases.WAITED_FOR else limit, words))


def test_a_report_that_somebody_waits_for_is_stopped_and_its_file_is_not(db, cast, monkeypatch):
    shortened(monkeypatch)
    report = use_cases.report_named("stage_velocity")
    with acting_as(OPERATOR) as session:
        with pytest.raises(TookTooLong, match=r"after a minute: .* take it as a file"):
            use_cases.run_report(session, report, {})
        assert use_cases.run_report(session, report, {}, longest=use_cases.IN_BACKGROUND).rows
