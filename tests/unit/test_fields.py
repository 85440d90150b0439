"""A field takes what doors pass, in one canonical form, or refuses it with words that name the field."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.changes.records import DELETED, Field, RecordType
from crm.errors import Invalid
from crm.money import Money

KINDS = ("text", "long_text", "id", "int", "share", "date", "moment", "money", "json")
NAN, INFINITY = float("nan"), float("inf")
THING = RecordType("thing", "crm.things", "Thing", "thing", {"name": Field("name", "Name", is_required=True)}, has_custom=True)
PLAIN = RecordType("plain", "crm.plains", "Plain", "plain", {"name": Field("name", "Name")})


def field(kind, **options):
    return Field("f", "Size", kind, **options)


@pytest.mark.parametrize(
    ("kind", "given_value", "canonical"),
    [
        ("text", "  Al Noor \x00", "Al Noor"), ("text", "x" * 300, "x" * 300), ("long_text", "a\nb", "a\nb"), ("text", "好 🦄 é", "好 🦄 é"),
        ("id", "7", 7), ("id", 7.0, 7), ("id", 2**62 - 1, 2**62 - 1), ("int", -5, -5), ("int", "0", 0), ("int", 2**31 - 1, 2**31 - 1),
        ("share", "0.5", Decimal("0.500")), ("share", 1, Decimal("1.000")), ("share", -0.0, Decimal("0")), ("share", "0.12345", Decimal("0.123")),
        ("date", "2026-12-31", date(2026, 12, 31)), ("date", "2026-12-31T23:59:00Z", date(2026, 12, 31)), ("date", date(2024, 2, 29), date(2024, 2, 29)),
        ("date", datetime(2026, 12, 31, 23, tzinfo=UTC), date(2026, 12, 31)), ("date", "2026-12-31 10:00", date(2026, 12, 31)),
        ("moment", "2026-12-31T10:00:00+04:00", datetime(2026, 12, 31, 6, tzinfo=UTC)),
        ("moment", "2026-12-31T10:00:00Z", datetime(2026, 12, 31, 10, tzinfo=UTC)),
        ("money", {"amount": "5", "currency": "aed"}, Money(Decimal("5.00"), "AED")), ("money", "-0", Money(Decimal("0.00"), "USD")),
        ("json", {"fields": ["value"], "n": 1.0}, {"fields": ["value"], "n": 1}),
    ],
)  # fmt: skip
def test_a_value_is_read(kind, given_value, canonical):
    read = field(kind).read(given_value)
    assert read == canonical and type(read) is type(canonical)


HOSTILE = {
    "text": [10**5000, 7, True, ["a"], {"a": 1}, b"bytes", NAN, "x" * 301, "half \ud800"],
    "long_text": [7, "x" * 20_001],
    "id": ["somebody", True, NAN, INFINITY, 1.5, 10**30, "1e3", [1], {}, b"1", 2**62, -(2**62), Decimal("NaN")],
    "int": [2**31, -(2**31), "12.0", NAN, False],
    "share": [10**5000, "half", NAN, INFINITY, "sNaN", -0.001, 1.001, "1e999", True, [], {}],
    "date": [10**5000, "soon", "2026-02-30", "0000-01-01", 5, NAN, "31.12.2026", "2026-12-310", "2026-12-31x", [], True, "2026-13-01", "2025-02-29"],
    "moment": ["soon", "2026-12-31", "2026-12-31T10:00:00", datetime.fromisoformat("2026-12-31"), 5, NAN, "0001-01-01T00:00:00+14:00",
               "9999-12-31T23:59:59-12:00", "24:00", "0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z"],
    "money": [10**5000, NAN, "-Infinity", "12 apples", "1e12", {"amount": 1, "currency": "DIRHAM"}, {"currency": "AED"}, [1], True],
    "json": [10**5000, "{}", [1], 5, NAN, {"a": NAN}, {"a": INFINITY}, {1: 2}, {"a": {1, 2}}, {"a": b"x"}, {"a": "x" * 20_001}, {"a": 10**5000}],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "number"), [(kind, number) for kind, values in HOSTILE.items() for number in range(len(values))])
def test_what_a_field_cannot_take_is_refused_by_its_name(kind, number):
    value = HOSTILE[kind][number]
    with pytest.raises(Invalid) as raised:
        field(kind).read(value)
    assert raised.value.field == "f" and str(raised.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("nothing", [None, "", "   ", "\x00", " \x00 "])
def test_nothing_is_none_and_a_field_that_is_required_refuses_it(kind, nothing):
    assert field(kind).read(nothing) is None
    with pytest.raises(Invalid, match="Size cannot be empty"):
        field(kind, is_required=True).read(nothing)


anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.decimals() | st.dates() | st.datetimes() | st.datetimes(
    timezones=st.timezones()) | st.lists(st.integers()) | st.dictionaries(st.text(), st.floats() | st.text())  # fmt: skip


@given(st.sampled_from(KINDS), anything)
def test_whatever_comes_is_read_to_a_value_that_lives_in_json_or_is_refused(kind, value):
    spec = field(kind)
    try:
        read = spec.read(value)
    except Invalid:
        return
    plain = spec.plain(read)
    assert spec.read_plain(json.loads(json.dumps(plain, allow_nan=False))) == read
    assert spec.read(read) == read, "reading twice changes nothing"


@given(anything)
def test_a_custom_field_takes_any_json_and_gives_back_the_same(value):
    spec = THING.field("custom.size")
    try:
        read = spec.read(value)
    except Invalid:
        return
    assert spec.same(read, json.loads(json.dumps(read, allow_nan=False)))
    assert read is None or "\x00" not in json.dumps(read)


@pytest.mark.parametrize(
    "value", [NAN, INFINITY, {"a": {1}}, object(), b"x", [10**5000], Decimal("1e5000"), Decimal("sNaN"), "x" * 4001, {"a": "x" * 4000}, {1: 2}, "\udfff"]
)
def test_a_custom_field_refuses_what_json_has_not_and_what_is_too_long(value):
    with pytest.raises(Invalid) as raised:
        THING.field("custom.size").read(value)
    assert raised.value.field == "custom.size"


def test_a_custom_field_does_not_follow_a_value_for_ever():
    deep = 1
    for _ in range(30):
        deep = [deep]
    with pytest.raises(Invalid):
        THING.field("custom.size").read(deep)


def test_true_is_not_one_and_a_whole_float_is_its_number_in_a_custom_field():
    spec = THING.field("custom.size")
    assert not spec.same(True, 1) and not spec.same(0, False)
    assert spec.same(spec.read(2.0), 2) and type(spec.read(-0.0)) is int
    assert spec.same({"a": 1, "b": 2}, {"b": 2, "a": 1})


@pytest.mark.parametrize(
    "name", ["custom.", "custom. ", "custom.-a", "custom.a\n", "custom.a'b", 'custom.a"', "custom.a.b;", "custom." + "x" * 64, "customs", "id", "version", ""]
)
def test_there_is_no_field_of_such_a_name(name):
    with pytest.raises(Invalid, match="has no field"):
        THING.field(name)


@pytest.mark.parametrize("name", ["custom.a", "custom.Shoe size", "custom.größe", "custom.a-b.c_d", "custom." + "x" * 63])
def test_a_custom_field_needs_no_registration_where_a_record_has_any(name):
    assert THING.field(name).key == name.removeprefix("custom.")
    with pytest.raises(Invalid):
        PLAIN.field(name)


def test_a_deletion_is_recorded_like_a_field_but_is_none_to_edit():
    assert THING.recorded("deleted_at") is DELETED
    with pytest.raises(Invalid):
        THING.field("deleted_at")


def test_moments_are_one_in_every_time_zone():
    one = field("moment").read("2026-12-31T10:00:00+04:00")
    other = field("moment").read(datetime(2026, 12, 31, 7, tzinfo=timezone(timedelta(hours=1))))
    assert field("moment").same(one, other)
    assert field("moment").plain(one) == "2026-12-31T06:00:00Z"


@pytest.mark.parametrize("given_value", ["0001-01-02T00:00:00Z", "9999-12-30T23:59:59Z"])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Juneau", "Asia/Manila", "Pacific/Pago_Pago"])
def test_a_moment_that_is_taken_can_be_shown_wherever_somebody_is(given_value, zone):
    assert field("moment").read(given_value).astimezone(ZoneInfo(zone))


def test_the_same_amount_in_another_currency_is_another_value():
    assert not field("money").same(Money(Decimal("5.00"), "USD"), Money(Decimal("5.00"), "AED"))


def test_money_is_two_columns_and_none_is_neither():
    spec = Field("value", "Value", "money")
    assert [name for name, _ in spec.columns] == ["value_amount", "value_currency"]
    assert spec.to_row(None) == (None, None) and spec.from_row({"value_amount": None, "value_currency": None}) is None
    assert spec.from_row(dict(zip(("value_amount", "value_currency"), spec.to_row(Money(Decimal("5.00"), "AED")), strict=True))) == Money(
        Decimal("5.00"), "AED"
    )
