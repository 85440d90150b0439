"""Each kind reads what people write, gives it back the same, and refuses the rest in words."""

import json
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.errors import Invalid
from crm.fields.kinds import KINDS, Definition, text_of, typed
from crm.money import Money

OPTIONS = ("Gold", "Silver", "Größe 好")


def field(kind, **more):
    return typed(
        Definition(1, 1, None, "lead", "x", "Grade", kind, OPTIONS if kind in ("choice", "choices") else (), **more), lambda name: [7] if name == "Ana" else []
    )


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        ("text", "  a\x00b ", "ab"), ("text", 12.0, "12"), ("text", "=1+1", "=1+1"), ("text", "🦄" * 4000, "🦄" * 4000),
        ("number", "1,250.50", 1250.5), ("number", "−3", -3), ("number", 7.0, 7), ("number", Decimal("0.1"), 0.1), ("number", ".5", 0.5), ("number", -0.0, 0),
        ("money", "AED 1,200.5", {"amount": "1200.50", "currency": "AED"}), ("money", "12 eur", {"amount": "12.00", "currency": "EUR"}),
        ("money", Money(Decimal("5"), "AED"), {"amount": "5.00", "currency": "AED"}), ("money", 3, {"amount": "3.00", "currency": "USD"}),
        ("date", "2026-05-01", "2026-05-01"), ("date", date(2026, 5, 1), "2026-05-01"), ("date", datetime(2026, 5, 1, 9), "2026-05-01"),  # noqa: DTZ001
        ("flag", "Yes", True), ("flag", False, False), ("choice", "gold", "Gold"), ("choice", " größe 好 ", "Größe 好"),
        ("choices", ["Silver", "Gold", "Gold"], ["Gold", "Silver"]), ("choices", "silver, gold", ["Gold", "Silver"]),
        ("link", "acme.example/x?y=1", "https://acme.example/x?y=1"), ("link", "http://acme.example", "http://acme.example"),
        ("person", 7, 7), ("person", "7", 7), ("person", "Ana", 7),
    ],
)  # fmt: skip
def test_what_people_write_is_kept_typed(kind, given, kept):
    assert field(kind).read(given) == kept and type(field(kind).read(given)) is type(kept)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("nothing", [None, "", "  ", "\x00", [], ()])
def test_nothing_is_nothing_and_a_required_field_says_so(kind, nothing):
    assert field(kind).read(nothing) is None
    with pytest.raises(Invalid, match="Grade cannot be empty"):
        field(kind, is_required=True).read(nothing)


HOSTILE = (
    float("nan"), float("inf"), -float("inf"), Decimal("NaN"), Decimal("1e99999"), 10**15, 10**400, -(10**5000),
    "1e5", "1_000", "٣", "0x10", "1,23", "+", ".", ",",
    True, False, object(), b"x", {1: 2}, {"amount": "1", "currency": "AED", "rate": 2}, {"amount": {"a": 1}}, {"amount": True}, {"currency": "AED"},
    {"amount": "NaN", "currency": "USD"}, [1], [["Gold"]], [None], "half \ud800", "soon", "2026-02-30", "0000-00-00", 5, "Bronze", ["Gold", "Bronze"],
    "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "https://", "https://a b.example", "https://x.example/<script>", "https://me@x.example",
    "//x.example", "https://x.example/\nSet-Cookie: a", "Nobody", -1, 0, 2**63, "x" * 10_000, "=HYPERLINK(\"http://x\")", "'; drop table leads; --",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("given", HOSTILE, ids=lambda value: f"{type(value).__name__}")
def test_whatever_comes_is_kept_as_its_kind_or_refused_in_words(kind, given):
    spec = field(kind)
    try:
        kept = spec.read(given)
    except Invalid as error:
        refusal = error
    else:
        refusal = None
    if refusal is not None:
        assert refusal.field == "custom.x" and refusal.detail.endswith((".", "?")) and len(refusal.detail) < 400
        return
    shape = {"text": str, "number": (int, float), "money": dict, "date": str, "flag": bool, "choice": str, "choices": list, "link": str, "person": int}[kind]
    assert kept is None or isinstance(kept, shape)
    assert spec.read(json.loads(json.dumps(kept, allow_nan=False))) == kept


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text() | st.dates() | st.sampled_from(OPTIONS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["amount", "currency", "x"]), inner, max_size=3),
    max_leaves=4,
)


@pytest.mark.parametrize("kind", KINDS)
@given(given=anything)
def test_what_is_kept_reads_the_same_again(kind, given):
    spec = field(kind)
    try:
        kept = spec.read(given)
    except Invalid:
        return
    plain = spec.plain(kept)
    again = spec.read(json.loads(json.dumps(plain, allow_nan=False)))
    assert again == kept and spec.same(again, kept) and spec.read_plain(plain) == kept
    assert isinstance(text_of(kind, kept), str)


@given(st.floats(min_value=-(10**14), max_value=10**14))
def test_a_number_keeps_six_decimals(number):
    assert field("number").read(number) == pytest.approx(number, abs=1e-6, rel=1e-15)


@given(st.lists(st.sampled_from(OPTIONS), min_size=1))
def test_several_choices_stand_in_their_order_each_once(chosen):
    assert field("choices").read(chosen) == [option for option in OPTIONS if option in chosen]
