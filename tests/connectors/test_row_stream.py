"""However the bytes of an answer arrive, the rows are those that were sent; and an answer that ends early is never taken for a whole one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from crm.connectors import row_stream
from crm.customers.production import BadAnswer

TEXTS = some.text(alphabet='ab"\\{}[],: \né\u2028😀', max_size=12)
VALUES = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**53), 2**53) | some.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
ROWS = some.lists(some.dictionaries(TEXTS.map("c".__add__), VALUES, max_size=4), max_size=8)


def written(rows, indent, is_ascii):
    return json.dumps(rows, indent=indent, ensure_ascii=is_ascii).encode()


def in_pieces(body, lengths):
    at = 0
    for length in lengths:
        yield body[at : at + length]
        at += length
    yield body[at:]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(row_stream, "PIECE_BYTES", 1)


@given(rows=ROWS, indent=some.sampled_from([None, 0, 2]), is_ascii=some.booleans(), lengths=some.lists(some.integers(0, 30), max_size=30))
def test_rows_are_what_was_sent_however_it_arrives(rows, indent, is_ascii, lengths):
    assert list(row_stream.rows(in_pieces(written(rows, indent, is_ascii), lengths))) == rows


@given(rows=ROWS, lengths=some.lists(some.integers(0, 30), max_size=30), data=some.data())
def test_an_answer_that_ends_early_is_an_error_after_rows_that_were_sent(rows, lengths, data):
    body = written(rows, None, False)
    end = data.draw(some.integers(0, len(body) - 1))
    found = []
    with pytest.raises(BadAnswer) as caught:
        found.extend(row_stream.rows(in_pieces(body[:end], lengths)))
    assert caught.value.kind in {"half", "empty", "not_json"}
    assert found == rows[: len(found)]


def test_a_text_full_of_what_looks_like_rows_is_one_value():
    rows = [{"id": 1, "note": '"},{"' + "},{" * 40_000}, {"id": 2}]
    assert list(row_stream.rows(in_pieces(written(rows, None, True), [1000] * 200))) == rows
