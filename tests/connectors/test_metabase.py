"""What the connector asks, and how rows become our words."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import parse_qs

import pytest

from crm.customers.production import BadAnswer, CustomerRow, OrderRow, RateRow
from tests.connectors.bad_answers import CUSTOMERS, KEY, ORDERS, customer, order, raw, rows


def asked(server):
    _, _, body, headers = server.requests[-1]
    form = parse_qs(body.decode())
    return json.loads(form["parameters"][0]), form, {name.lower(): value for name, value in headers.items()}


def test_a_question_is_asked_with_key_since_and_unformatted_rows(server, metabase):
    list(metabase().orders(datetime(2026, 3, 1, 12, 0, 30, 999_999, tzinfo=timezone(timedelta(hours=4)))))
    parameters, form, headers = asked(server)
    assert parameters == [{"type": "category", "target": ["variable", ["template-tag", "since"]], "value": "2026-03-01T08:00:30Z"}]
    assert form["format_rows"] == ["false"] and "format_rows=false" in server.requests[-1][1]
    assert headers["x-api-key"] == KEY
    assert server.requests[-1][:2] == ("POST", "/api/card/2/query/json?format_rows=false")


def test_everything_is_asked_for_since_the_beginning_of_time(server, metabase):
    list(metabase().rates(None))
    assert asked(server)[0][0]["value"] == "1970-01-01T00:00:00Z"


def test_rows_come_out_as_words_with_decimals_and_aware_moments(server, metabase):
    connected = metabase()
    assert next(connected.customers(None)) == CustomerRow("1", "Buyer 1", "AE", "B2B", "buyer1@example.com", None, datetime(2026, 3, 1, 8, tzinfo=UTC))
    assert next(connected.orders(None)) == OrderRow(
        "101", "1", datetime(2026, 3, 2, 9, 30, tzinfo=UTC), Decimal("1250.50"), "AED", "delivered", datetime(2026, 3, 3, 10, tzinfo=UTC)
    )
    assert next(connected.rates(None)) == RateRow("AED", date(2026, 1, 5), Decimal("0.272294"))


def test_columns_are_found_whatever_their_case_and_spaces(server, metabase):
    names = {"id": "ID", "customer_id": "Customer ID", "ordered_at": "Ordered At", "updated_at": "UPDATED_AT", "amount": "Amount"}
    server.answers("orders", rows([{names.get(name, name): value for name, value in row.items()} | {"Shop": "north"} for row in ORDERS]))
    assert [row.external_id for row in metabase().orders(None)] == [str(row["id"]) for row in ORDERS]


@pytest.mark.parametrize(("given", "expected"), [
    (0.1, "0.10"), (1250, "1250.00"), ("1250.5", "1250.50"), (" -3.005 ", "-3.01"), (2.675, "2.68"), (999999999999.99, "999999999999.99"),
    ("1e3", "1000.00"), (-0.001, "0.00"), (12.3456, "12.35"),
])  # fmt: skip
def test_an_amount_is_exact_to_the_cent(server, metabase, given, expected):
    server.answers("orders", rows([order(1, amount=given)]))
    assert str(next(metabase().orders(None)).amount) == expected


@pytest.mark.parametrize(("given", "expected"), [
    ("2026-03-02T09:30:00Z", datetime(2026, 3, 2, 9, 30, tzinfo=UTC)),
    ("2026-03-02T09:30:00.123456+04:00", datetime(2026, 3, 2, 5, 30, 0, 123456, tzinfo=UTC)),
    ("2026-03-02 09:30:00", datetime(2026, 3, 2, 9, 30, tzinfo=UTC)),
    ("2026-03-02", datetime(2026, 3, 2, tzinfo=UTC)),
])  # fmt: skip
def test_a_moment_is_aware_and_means_utc_without_an_offset(server, metabase, given, expected):
    server.answers("orders", rows([order(1, ordered_at=given)]))
    found = next(metabase().orders(None)).ordered_at
    assert found == expected and found.utcoffset() == timedelta(0)


def test_texts_lose_needless_blanks_and_what_a_database_cannot_hold(server, metabase):
    given = customer(7, name="  Al\u0000 Noor \n Trading ", market="ae", segment="", email="no address", phone=9715551234)
    server.answers("customers", rows([given | {"id": " C-7 "}]))
    found = next(metabase().customers(None))
    assert (found.external_id, found.name, found.market, found.segment, found.email, found.phone) == ("C-7", "Al Noor Trading", "AE", None, None, "9715551234")


def test_the_shape_of_the_json_does_not_matter(server, metabase):
    nasty = customer(9, name='a},{"id": 5}, {', note=[{"id": 1}, {"id": 2}])
    body = b"\n\n\xef\xbb\xbf [\n" + b" ,\r\n".join(json.dumps(row, indent=1).encode() for row in [nasty, *CUSTOMERS] * 400) + b"\n]\n"
    server.answers("customers", raw(body))
    assert [row.external_id for row in metabase().customers(None)] == ["9", "1", "2", "3"] * 400


def test_a_packed_answer_is_unpacked(server, metabase):
    import gzip

    server.answers("orders", raw(gzip.compress(json.dumps(ORDERS * 5000).encode()), Content_Encoding="gzip"))
    assert sum(1 for _ in metabase().orders(None)) == len(ORDERS) * 5000


def later(number, seconds):
    return order(number, updated_at=(datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=seconds)).isoformat())


def test_where_metabase_cuts_an_answer_the_connector_reads_on(server, metabase):
    server.answers("orders", rows([later(1, 0), later(2, 5), later(3, 6)]), rows([later(3, 6), later(4, 6.5), later(5, 9)]), rows([later(5, 9)]))
    found = [row.external_id for row in metabase(longest_rows=3).orders(None)]
    assert found == ["1", "2", "3", "4", "5"]
    assert asked(server)[0][0]["value"] == "2026-03-01T00:00:09Z"


@pytest.mark.parametrize("found", [[later(2, 9), later(1, 0), later(3, 9)], [later(1, 5), later(2, 5), later(3, 5)]], ids=["disorder", "one second"])
def test_a_cut_answer_that_cannot_be_continued_is_an_error(server, metabase, found):
    server.answers("orders", rows(found))
    with pytest.raises(BadAnswer) as caught:
        list(metabase(longest_rows=3).orders(None))
    assert caught.value.kind == "cut_off"


def test_without_settings_nothing_is_connected(monkeypatch):
    from crm import settings
    from crm.connectors.metabase import connected
    from crm.errors import Invalid

    monkeypatch.delenv("METABASE_URL", raising=False)
    settings.current.cache_clear()
    with pytest.raises(Invalid, match="METABASE_URL"):
        connected({"orders": 2})


def test_settings_name_the_metabase_to_ask(server, monkeypatch):
    from crm import settings
    from crm.connectors.metabase import connected

    monkeypatch.setenv("METABASE_URL", server.url)
    monkeypatch.setenv("METABASE_API_KEY", KEY)
    settings.current.cache_clear()
    try:
        assert len(list(connected({"customers": 1}).customers(None))) == len(CUSTOMERS)
        with pytest.raises(BadAnswer) as caught:
            list(connected({"customers": 1}).orders(None))
        assert caught.value.kind == "missing"
    finally:
        monkeypatch.undo()
        settings.current.cache_clear()
