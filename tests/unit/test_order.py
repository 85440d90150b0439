"""The order of rows that are dragged: what a browser sends is an order of just these rows, or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from crm.ui import order


def test_an_order_of_the_rows_is_heard_in_their_own_keys() -> None:
    assert order.read({"of": 7, "keys": ["3", "1", "2"]}, 7, [1, 2, 3]) == [3, 1, 2]
    assert order.read({"of": 7, "keys": ["new-1", "4"]}, 7, [4, "new-1"]) == ["new-1", 4]


@pytest.mark.parametrize(
    "given",
    [
        None, [], "x", {}, {"of": 7}, {"of": 8, "keys": ["1", "2"]}, {"of": 7, "keys": "12"}, {"of": 7, "keys": ["1"]}, {"of": 7, "keys": ["1", "1"]},
        {"of": 7, "keys": ["1", "2", "3"]}, {"of": 7, "keys": [1, 2]}, {"of": 7, "keys": [None, {}]}, {"of": True, "keys": ["1", "2"]},
    ],
)  # fmt: skip
def test_anything_else_is_nothing(given: Any) -> None:
    assert order.read(given, 7, [1, 2]) is None


def test_a_name_is_text_in_its_grip() -> None:
    said = order.grip("x' onclick='y", "<b>One</b>")
    assert "<b>" not in said and "onclick='y" not in said
