"""Dates and amounts in files: read where they say one thing, asked about where they say two."""

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.errors import Invalid
from crm.imports.values import ORDERS, date_orders, decimal_mark, read_date, read_value, settle_order
from crm.money import Money


@pytest.mark.parametrize(("text", "order", "day"), [
    ("2016-10-20", None, date(2016, 10, 20)),
    ("2016/1/5", "dmy", date(2016, 1, 5)),
    ("20-10-16", "dmy", date(2016, 10, 20)),
    ("10/20/2016", "mdy", date(2016, 10, 20)),
    ("16.10.20", "ymd", date(2016, 10, 20)),
    ("01-03-17", "dmy", date(2017, 3, 1)),
    ("31.12.99", "dmy", date(1999, 12, 31)),
    ("31 Oct 2016", None, date(2016, 10, 31)),
    ("October 31, 2016", None, date(2016, 10, 31)),
    ("31-Oct-16", None, date(2016, 10, 31)),
    ("2016-10-20T14:05:00Z", None, date(2016, 10, 20)),
    ("20.10.2016 14:05", "dmy", date(2016, 10, 20)),
    (date(2016, 10, 20), None, date(2016, 10, 20)),
    (datetime(2016, 10, 20, 23, 59), "mdy", date(2016, 10, 20)),  # noqa: DTZ001 -- as a workbook gives it
])  # fmt: skip
def test_a_date_is_read(text, order, day):
    assert read_date(text, order, field="created_on") == day


@pytest.mark.parametrize("text", ["", "  ", "-", "n/a", "NULL", None])
def test_nothing_is_no_date(text):
    assert read_date(text, None, field="created_on") is None


@pytest.mark.parametrize(("text", "order"), [
    ("31-02-2016", "dmy"), ("12/31/2016", "dmy"), ("tomorrow", "dmy"), ("42600", None), ("2016-13-01", None), ("1-2-345", "dmy"),
    ("20-10-16", None), (True, None),
])  # fmt: skip
def test_what_is_no_date_is_refused_in_words(text, order):
    with pytest.raises(Invalid, match="date"):
        read_date(text, order, field="created_on")


@pytest.mark.parametrize(("text", "orders"), [
    ("25-10-2016", {"dmy"}), ("10-25-2016", {"mdy"}), ("03-04-2016", {"dmy", "mdy"}), ("20-10-16", {"dmy", "ymd"}), ("10-11-12", {"dmy", "mdy", "ymd"}),
    ("2016-10-20", None), ("20 Oct 2016", None), ("", None), ("soon", None), ("99-99-2016", None),
])  # fmt: skip
def test_a_date_tells_in_which_orders_it_can_be_read(text, orders):
    assert date_orders(text) == (frozenset(orders) if orders else None)


def test_one_telling_date_settles_the_whole_file():
    columns = [("Created", "03-04-2016", frozenset({"dmy", "mdy"})), ("Created", "25-04-2016", frozenset({"dmy"}))]
    assert settle_order(columns) == "dmy"


@pytest.mark.parametrize("orders", [[{"dmy", "mdy"}], [{"dmy"}, {"mdy"}]])
def test_dates_of_two_readings_are_asked_about(orders):
    with pytest.raises(Invalid, match="--date-order"):
        settle_order([("Created", "03-04-2016", frozenset(found)) for found in orders])


@given(st.dates(min_value=date(1970, 1, 1), max_value=date(2060, 1, 1)), st.sampled_from(ORDERS), st.sampled_from("-/."))
def test_every_date_written_in_an_order_is_read_back_in_it(day, order, mark):
    parts = {"d": f"{day.day:02d}", "m": f"{day.month:02d}", "y": str(day.year)}
    text = mark.join(parts[part] for part in order)
    assert read_date(text, order, field="created_on") == day
    assert order in (date_orders(text) or {order})


@pytest.mark.parametrize(("text", "mark", "amount"), [
    ("1054", None, "1054"), ("1,234.50", None, "1234.50"), ("1.234,50", None, "1234.50"), ("1 234,50", None, "1234.50"), ("1'234.50", None, "1234.50"),
    ("1,234,567", None, "1234567"), ("1.234.567", None, "1234567"), ("12,5", None, "12.50"), ("12.5", None, "12.50"), ("0,125", None, "0.13"),
    ("1,234", None, "1234"), ("1,234", ",", "1.23"), ("1.234", ",", "1234"), ("1.234", ".", "1.23"), ("-5", None, "-5"), ("(5.00)", None, "-5"),
    ("12,34,567.50", None, "1234567.50"), (".5", None, "0.50"), ("1\u00a0234,50", None, "1234.50"),
])  # fmt: skip
def test_an_amount_is_read(text, mark, amount):
    assert read_value(text, "", mark) == Money(Decimal(amount).quantize(Decimal("0.01")), "USD")


@pytest.mark.parametrize(("text", "column", "currency"), [
    ("1.234,50 €", "", "EUR"), ("€ 12", "", "EUR"), ("AED 3,200.00", "", "AED"), ("3,200.00 aed", "AED", "AED"), ("$1,250.00", "", "USD"),
    ("£5", "gbp", "GBP"), ("5", "kwd", "KWD"),
])  # fmt: skip
def test_the_currency_stands_beside_the_amount_or_in_its_column(text, column, currency):
    assert read_value(text, column, None).currency == currency


@pytest.mark.parametrize(("text", "column"), [
    ("1.234", ""), ("12k", ""), ("about 5", ""), ("1,23,45", ""), ("1.2.3", ""), ("(5", ""), ("5 EUR", "USD"), ("5", "dollars"), ("=1+1", ""),
    ("1e5", ""), (True, ""),
    (date(2016, 1, 1), ""), ("9" * 20, ""), ("1" + " " * 100_000 + "x", ""),
])  # fmt: skip
def test_what_is_no_amount_or_could_be_two_is_refused(text, column):
    with pytest.raises(Invalid):
        read_value(text, column, None)


@pytest.mark.parametrize("text", ["", " ", "-", "N/A", None])
def test_nothing_is_no_amount(text):
    assert read_value(text, "", None) is None


@pytest.mark.parametrize(("text", "mark"), [
    ("1,234.50", "."), ("1.234,50", ","), ("1.234.567", ","), ("1,234,567", "."), ("12,5", ","), ("12.5", "."), ("0,125", ","), ("1,234", None),
    ("1.234", None), ("99", None),
    ("no", None),
])  # fmt: skip
def test_an_amount_may_prove_the_decimal_mark_of_its_file(text, mark):
    assert decimal_mark(text) == mark


@given(st.decimals(min_value=0, max_value=10**9, places=2), st.sampled_from([(",", "."), (".", ","), (" ", ","), ("'", ".")]))
def test_every_amount_written_with_two_decimals_is_read_back(amount, marks):
    thousands, decimal = marks
    text = f"{amount:,.2f}".replace(",", "T").replace(".", decimal).replace("T", thousands)
    assert read_value(text, "", None) == Money(amount, "USD")
