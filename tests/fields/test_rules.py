"""What a field may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.errors import Invalid
from crm.fields.kinds import Definition
from crm.fields.rules import check_key, check_whole, key_of, read_options


@given(st.text(), st.sets(st.sampled_from(["field", "size", "size_2", "a"])))
def test_every_label_gets_a_key_that_is_free(label, taken):
    key = key_of(label, taken)
    assert key not in taken and check_key(key, taken) == key


@pytest.mark.parametrize(("label", "key"), [("Größe", "groe"), ("  Shoe  size! ", "shoe_size"), ("好", "field"), ("size", "size_2"), ("x" * 80, "x" * 40)])
def test_a_key_comes_from_the_label(label, key):
    assert key_of(label, {"size"}) == key


@pytest.mark.parametrize("key", ["", " ", "a'b", "a\n", "a" * 64, "-a", 'a"', "a;b", "size"])
def test_a_chosen_key_must_be_plain_and_free(key):
    with pytest.raises(Invalid):
        check_key(key, {"size"})


@pytest.mark.parametrize(
    "options", ["Gold", [1], ["a" * 101], [str(i) for i in range(201)], ["Gold", "gold"], ["a, b"], ["half \ud800"], {"a": 1}, [["a"]], [None]]
)
def test_options_that_cannot_be_are_refused(options):
    with pytest.raises(Invalid) as raised:
        read_options(options)
    assert raised.value.field == "options"


def test_options_lose_blanks_and_empty_ones():
    assert read_options(["  Gold ", "", "Very  good\x00"]) == ["Gold", "Very good"]


@pytest.mark.parametrize(
    "parts", [{"kind": "choice"}, {"kind": "choices"}, {"kind": "flag", "is_unique": True}, {"kind": "money", "is_unique": True},
     {"kind": "text", "is_unique": True, "default": "x"}]
)  # fmt: skip
def test_parts_that_do_not_fit_are_refused(parts):
    with pytest.raises(Invalid):
        check_whole(Definition(1, 1, None, "lead", "x", "X", **parts))
