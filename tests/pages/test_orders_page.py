"""The Orders page: only for those who configure; a connection is saved only when its key provably cannot write; rules through the write path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from crm import settings
from crm.access import acting_as
from crm.customers import configuring
from crm.customers.mirror_state import checked, questions
from crm.customers.production import BadAnswer, WriteProof
from crm.errors import Invalid, Refused
from tests.pages.parts import press, said

PAGE = "pages/orders.py"
KEY = "a-key-that-nobody-may-read"


class Metabase:
    """A connection that answers as it is told to."""

    def __init__(self, proof: WriteProof, bad: BadAnswer | None = None) -> None:
        self.proof, self.bad = proof, bad

    def prove_read_only(self) -> WriteProof:
        return self.proof

    def customers(self, since: Any) -> Iterator[Any]:
        if self.bad:
            raise self.bad
        return iter(())

    orders = rates = customers


GOOD = Metabase(WriteProof(True, "Each write was refused."))
WRITES = Metabase(WriteProof(False, "This key can write: it could make a question."))
BROKEN = Metabase(WriteProof(True, "Each write was refused."), BadAnswer("columns", "The question for customers has no column “market”."))


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("METABASE_URL", "http://orders:secret@metabase.example:3000/x")
    monkeypatch.setenv("METABASE_API_KEY", KEY)
    settings.current.cache_clear()

    def answer(metabase: Metabase) -> None:
        monkeypatch.setattr("crm.ui.order_lens.connected", lambda numbers: metabase)

    yield answer
    settings.current.cache_clear()


def saved(cast: Any) -> Any:
    with acting_as(cast.who("alma")) as session:
        return questions(session)


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("who", ["mona", "ana", "vera"])
def test_it_is_shut_for_everybody_else(visit: Any, who: str) -> None:
    page = visit(who, PAGE)
    assert "This page is not for your role" in [title.value for title in page.title]


def test_without_a_connection_it_says_what_to_set(visit: Any) -> None:
    page = visit("alma", PAGE)
    assert not page.exception
    assert "No production is connected." in said(page)
    assert "B2B customers who ordered in the last 120 days and have no lead become one in the team of their market." in said(page)


def test_neither_key_nor_password_of_the_address_is_shown(visit: Any, connected: Any) -> None:
    page = visit("alma", PAGE)
    assert "metabase.example" in said(page)
    assert KEY not in str(page) and "secret" not in said(page)


@pytest.mark.parametrize(
    ("metabase", "says", "is_saved"), [(GOOD, "Each write was refused.", True), (WRITES, "can write", False), (BROKEN, "no column", False)]
)
def test_a_connection_is_saved_only_when_it_reads_and_cannot_write(
    visit: Any, cast: Any, connected: Any, metabase: Metabase, says: str, is_saved: bool
) -> None:
    connected(metabase)
    page = visit("alma", PAGE)
    page.number_input(key="orders.orders.0").set_value(77)
    page = press(page, "orders.connection.save")
    assert says in said(page) + "".join(error.value for error in page.error)
    assert (not page.error) is is_saved
    assert (saved(cast)["orders"] == 77) is is_saved


def test_two_admins_on_the_connection_meet_and_the_second_is_told(visit: Any, cast: Any, connected: Any) -> None:
    connected(GOOD)
    with acting_as(cast.who("alma")) as session:
        configuring.save_questions(session, {"customers": 1, "orders": 2, "rates": 3})
    page = visit("alma", PAGE)
    page.number_input(key="orders.orders.1").set_value(77)
    with acting_as(cast.who("alma")) as session:
        configuring.save_questions(session, {"customers": 1, "orders": 5, "rates": 3})
    page = press(page, "orders.connection.save")
    assert "Somebody else saved other questions since you looked." in said(page)
    assert saved(cast)["orders"] == 5 and page.number_input(key="orders.orders.2").value == 5
    page.number_input(key="orders.orders.2").set_value(77)
    press(page, "orders.connection.save")
    assert saved(cast)["orders"] == 77


def test_saving_is_audited_and_needs_the_grant(db: Any, cast: Any) -> None:
    with pytest.raises(Refused, match="settings: configure"), acting_as(cast.who("mona")) as session:
        configuring.save_questions(session, {"customers": 1, "orders": 2, "rates": 3})
    assert db.rows("select * from crm.organisation_settings where key = 'order_lens'") == []
    with acting_as(cast.who("alma")) as session:
        configuring.save_questions(session, {"customers": 4, "orders": 5, "rates": 6})
    assert db.value("select facts->'questions'->>'orders' from crm.audit_events where kind = 'order_lens_connected'") == "5"


@pytest.mark.parametrize(
    "numbers", [{}, {"customers": 0, "orders": 2, "rates": 3}, {"customers": True, "orders": 2, "rates": 3}, {"customers": 2**40, "orders": 2, "rates": 3}]
)
def test_numbers_that_are_none_are_refused(numbers: dict[str, int]) -> None:
    with pytest.raises(Invalid):
        checked(numbers)


def test_a_rule_is_changed_with_history_and_can_be_undone(db: Any, cast: Any) -> None:
    from crm.changes import undo

    with acting_as(cast.who("alma")) as session:
        (rule,) = configuring.rules(session)
        done = configuring.save_rule(session, rule.id, rule.version, {"ordered_within_days": 30, "is_active": False}, source="form")
    assert db.value("select fields from crm.changes where record_type = 'lead_rule' order by id desc limit 1") == {
        "ordered_within_days": [120, 30],
        "is_active": [True, False],
    }
    with acting_as(cast.who("alma")) as session:
        undo(session, done.change_set_id)
        assert configuring.rules(session)[0].ordered_within_days == 120


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(
    "values", [{"ordered_within_days": 0}, {"ordered_within_days": 10**9}, {"name": ""}, {"market": "Emirates"}, {"is_active": "yes"}, {"colour": "red"}]
)
def test_a_rule_that_makes_no_sense_is_refused(db: Any, cast: Any, values: dict[str, Any]) -> None:
    with acting_as(cast.who("alma")) as session:
        (rule,) = configuring.rules(session)
        with pytest.raises(Invalid):
            configuring.save_rule(session, rule.id, rule.version, values, source="form")


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("who", ["mona", "ana", "vera"])
def test_rules_are_for_those_who_configure(db: Any, cast: Any, who: str) -> None:
    with acting_as(cast.who(who)) as session:
        (rule,) = configuring.rules(session)
    with pytest.raises(Refused), acting_as(cast.who(who)) as session:
        configuring.save_rule(session, rule.id, rule.version, {"ordered_within_days": 30}, source="form")
    with pytest.raises(Refused), acting_as(cast.who(who)) as session:
        configuring.remove_rule(session, rule.id, rule.version, source="form")
    assert db.value("select version from crm.lead_rules") == 1


def test_names_of_rules_and_alarms_are_text(visit: Any, db: Any, cast: Any) -> None:
    from sqlalchemy import text

    with db.owner().begin() as connection:
        connection.execute(text("update crm.lead_rules set name = '<img src=x onerror=alert(1)>', version = version + 1"))
        connection.execute(text("insert into crm.alarms (kind, text) values ('html', '<script>alert(1)</script>')"))
        connection.execute(text("insert into crm.sync_runs (kind, state, problem) values ('full', 'failed', '<b>bold</b>')"))
    page = visit("alma", PAGE)
    assert not page.exception
    assert not any(word in said(page) for word in ("<img", "<script", "<b>bold"))
    assert "failed: &lt;b&gt;bold" in said(page)
