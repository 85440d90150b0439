"""Money is what people typed, to the cent, or it is refused in words."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.errors import Invalid
from crm.money import LARGEST_AMOUNT, Money, read_amount, read_money, short


@pytest.mark.parametrize(
    ("said", "amount"),
    [
        ("1250", "1250.00"), (" 1 250.5 ", "1250.50"), (1250, "1250.00"), (0.1, "0.10"), (Decimal("2.345"), "2.35"), ("-2.345", "-2.35"), ("1e3", "1000.00"),
        ("0.004", "0.00"), ("999999999999.99", "999999999999.99"), ("-999999999999.99", "-999999999999.99"), ("1e-999999", "0.00"), ("+5", "5.00"),
    ],
)  # fmt: skip
def test_an_amount_has_two_decimals_and_halves_go_away_from_zero(said, amount):
    assert str(read_amount(said)) == amount


@pytest.mark.parametrize("said", ["-0", -0.0, "-0.00", "-0.004", Decimal("-0E+5")])
def test_there_is_no_negative_zero(said):
    assert str(read_amount(said)) == "0.00"


@pytest.mark.parametrize(
    "said",
    ["", " ", "NaN", "sNaN", float("nan"), "Infinity", float("-inf"), "twelve", "12,50", "1.2.3", "0x10", True, None, [1], {"amount": 1}, b"12", "1" * 5000],
)
def test_what_is_no_amount_is_refused_by_the_name_of_its_field(said):
    with pytest.raises(Invalid) as raised:
        read_amount(said, field="budget")
    assert raised.value.field == "budget"


@pytest.mark.parametrize("said", ["1000000000000", "-1e12", "1e999999", "999999999999.995", 10**40])
def test_what_cannot_be_kept_is_refused_and_says_how_much_can(said):
    with pytest.raises(Invalid, match=r"999,999,999,999\.99"):
        read_amount(said)


@given(st.decimals(-LARGEST_AMOUNT, LARGEST_AMOUNT, places=2))
def test_money_goes_to_json_and_back_unchanged(amount):
    money = Money(read_amount(amount), "AED")
    assert read_money(money.as_json()) == money
    assert money.as_json()["amount"] == f"{amount + 0:.2f}"


@pytest.mark.parametrize(
    ("said", "money"),
    [
        (None, None), (5, Money(Decimal("5.00"), "USD")), ({"amount": "5"}, Money(Decimal("5.00"), "USD")),
        ({"amount": 5, "currency": " aed "}, Money(Decimal("5.00"), "AED")), ({"amount": 0, "currency": None}, Money(Decimal("0.00"), "USD")),
    ],
)  # fmt: skip
def test_money_is_an_amount_with_its_currency_or_in_the_base_one(said, money):
    assert read_money(said) == money


@pytest.mark.parametrize(
    "said",
    [
        {}, {"currency": "AED"}, {"amount": None}, {"amount": 1, "price": 2}, {"amount": 1, "currency": "DIRHAM"}, {"amount": 1, "currency": "A1D"},
        {"amount": 1, "currency": "ÄED"}, {"amount": 1, "currency": "$"}, {"amount": 1, "currency": 5}, {"amount": 1, "currency": ["AED"]},
        {"amount": {"amount": 1}}, {"amount": float("nan")}, [5], "five", "AED 5",
    ],
)  # fmt: skip
def test_what_is_no_money_is_refused(said):
    with pytest.raises(Invalid):
        read_money(said)


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (None, ""), (0, "$0"), (871, "$871"), ("871.5", "$871.50"), ("999.99", "$999.99"), (1000, "$1,000"), (9999, "$9,999"), (10_000, "$10.0k"),
        (12_400, "$12.4k"), (99_949, "$99.9k"), (99_950, "$100k"), (99_999, "$100k"), (999_499, "$999k"), (999_500, "$1.0M"), (999_999, "$1.0M"),
        (2_100_000, "$2.1M"), (-12_400, "−$12.4k"), ("-0.5", "−$0.50"),
    ],
)  # fmt: skip
def test_a_short_amount_never_says_a_thousand_thousands(amount, said):
    assert short(None if amount is None else Decimal(amount)) == said


def test_a_short_amount_of_another_currency_names_it():
    assert short(Decimal(3200), "AED") == "AED 3,200"
