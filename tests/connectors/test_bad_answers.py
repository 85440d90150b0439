"""Whatever Metabase answers becomes rows or one kind of error, in words for people and without the key."""

import logging
import traceback

import pytest

from crm.customers.production import BadAnswer
from tests.connectors.bad_answers import BAD_ORDERS, CUSTOMERS, KEY, ORDERS, Bad, failed, html, raw, rows, scripted, text, with_value, without


@pytest.mark.parametrize("bad", [bad for bad in BAD_ORDERS if bad.kind], ids=lambda bad: bad.name)
def test_a_bad_answer_becomes_its_kind_of_error(server, metabase, bad: Bad, caplog):
    server.answers("orders", *bad.answers)
    with caplog.at_level(logging.DEBUG), pytest.raises(BadAnswer) as caught:
        list(metabase(**bad.patience).orders(None))
    assert caught.value.kind == bad.kind
    assert caught.value.detail.endswith((".", "?")) and len(caught.value.detail) < 250
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value.facts) + caplog.text
    assert KEY not in told
    assert "buyer" not in told.lower().replace("buyers.py", "")


def test_at_least_twelve_bad_answers_are_scripted_for_whoever_reads_through_the_connector():
    assert len({bad.name for bad in BAD_ORDERS}) == len(BAD_ORDERS) >= 12


def test_an_empty_list_is_the_readers_to_judge(server, metabase):
    server.answers("orders", rows([]))
    assert list(metabase().orders(None)) == []


def test_a_server_that_is_down_is_tried_three_times(metabase, server):
    server.answers("orders", html(502))
    with pytest.raises(BadAnswer):
        list(metabase().orders(None))
    assert server.asked("orders") == 3


def test_an_error_of_the_servers_own_that_passes_is_not_noticed(server, metabase):
    server.answers("orders", html(503), rows(ORDERS))
    assert len(list(metabase().orders(None))) == len(ORDERS)


@pytest.mark.parametrize("answer", [text(401, "Unauthenticated"), text(404, "Not found."), failed()], ids=["key", "missing", "query"])
def test_what_will_not_get_better_by_itself_is_not_tried_again(server, metabase, answer):
    server.answers("orders", answer)
    with pytest.raises(BadAnswer):
        list(metabase().orders(None))
    assert server.asked("orders") == 1


def test_nobody_listening_is_said_kindly(metabase):
    from crm.connectors.metabase import Metabase

    with scripted() as gone:
        url = gone.url
    with pytest.raises(BadAnswer) as caught:
        list(Metabase(url, KEY, {"orders": 2}, pause_seconds=0).orders(None))
    assert caught.value.kind == "unreachable"


def test_the_key_is_not_sent_to_where_a_redirect_points(server, metabase):
    with scripted() as elsewhere:
        server.answers("orders", raw(b"", status=307, Location=f"{elsewhere.url}/api/card/2/query/json"))
        with pytest.raises(BadAnswer) as caught:
            list(metabase().orders(None))
        assert elsewhere.requests == []
    assert caught.value.kind == "elsewhere"


@pytest.mark.parametrize("key", ["", "mb_\nx-evil: 1", "schlüssel"])
def test_a_key_that_cannot_be_one_is_refused_before_anything_is_sent(key):
    from crm.connectors.metabase import Metabase

    with pytest.raises(BadAnswer) as caught:
        Metabase("http://127.0.0.1:1", key, {"orders": 2})
    assert caught.value.kind == "key"
    assert not key or key not in str(caught.value)


def test_an_answer_larger_than_the_cap_is_not_read_on(server, metabase):
    server.answers("orders", rows(ORDERS * 3000))
    with pytest.raises(BadAnswer) as caught:
        list(metabase(largest_bytes=1 << 20).orders(None))
    assert caught.value.kind == "too_large"


def test_rows_before_the_bad_one_come_and_then_the_error(server, metabase):
    server.answers("orders", with_value(ORDERS, "amount", "much"))
    stream, seen = metabase().orders(None), []
    with pytest.raises(BadAnswer) as caught:
        seen.extend(stream)
    assert len(seen) == len(ORDERS) - 1
    assert caught.value.facts == {"kind": "amount", "row": len(ORDERS), "column": "amount"}


@pytest.mark.parametrize(("column", "value", "kind"), [
    ("name", None, "value"), ("name", "   ", "value"), ("market", "Emirates", "value"), ("market", 7, "value"), ("id", "", "id"), ("id", True, "id"),
    ("id", 1.5, "id"), ("id", "a\u0000b", "id"), ("updated_at", None, "date"), ("updated_at", "0000-00-00", "date"), ("updated_at", "9999-12-31", "date"),
])  # fmt: skip
def test_a_customer_that_cannot_be_meant_so_is_an_error(server, metabase, column, value, kind):
    server.answers("customers", with_value(CUSTOMERS, column, value))
    with pytest.raises(BadAnswer) as caught:
        list(metabase().customers(None))
    assert caught.value.kind == kind


@pytest.mark.parametrize("value", [0, -0.27, "NaN", None, True, 1e9])
def test_a_rate_must_be_worth_something(server, metabase, value):
    server.answers("rates", rows([{"currency": "AED", "day": "2026-01-05", "usd_per_unit": value}]))
    with pytest.raises(BadAnswer) as caught:
        list(metabase().rates(None))
    assert caught.value.kind == "amount"


def test_columns_that_nobody_needs_may_lack(server, metabase):
    server.answers("customers", without(CUSTOMERS, "phone"))
    assert [row.phone for row in metabase().customers(None)] == [None] * len(CUSTOMERS)
