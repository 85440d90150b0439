"""The order of a list by drag: a grip in each of its rows, and the listener that tells what was dragged where.

A list `name` stands in a container with the key `<name>_grid`, each of its rows in one that begins with `<name>_row_`.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st

SCRIPT = (Path(__file__).parent / "order.js").read_text()
Key = TypeVar("Key", int, str, int | str)


def _nothing() -> None:
    """What is heard is read by the page itself."""


def grip(key: int | str) -> str:
    """The row's handle, as markup. The arrows beside it do the same for fingers and keyboards."""
    return f"<span class='tl-grip' draggable='true' data-item='{escape(str(key))}' title='Drag to another place'></span>"


def draw_listener(name: str, of: int) -> None:
    """`of`: whose list it is; what is heard for another one is passed over."""
    mount = st.components.v2.component("throughline_order", html="<span></span>", js=SCRIPT)
    mount(data={"list": name, "of": of}, key=f"{name}.order", height=1, on_order_change=_nothing)


def heard(name: str, of: int, keys: Sequence[Key]) -> list[Key] | None:
    """`keys` in the order that was asked for in this run; None where nothing was."""
    return read((st.session_state.get(f"{name}.order") or {}).get("order"), of, keys)


def saw(name: str, keys: Sequence[int | str]) -> bool:
    """Whether the rows stood as they stand now where one of them was dragged: nobody else has put them in order meanwhile."""
    given = (st.session_state.get(f"{name}.order") or {}).get("order")
    return isinstance(given, dict) and given.get("seen") == [str(key) for key in keys]


def read(given: Any, of: int, keys: Sequence[Key]) -> list[Key] | None:
    """What the browser sent; None for what is no order of `keys`, or of another list."""
    if not isinstance(given, dict) or given.get("of") != of or not isinstance(given.get("items"), list):
        return None
    known = {str(key): key for key in keys}
    found = [known[name] for name in given["items"] if isinstance(name, str) and name in known]
    return found if len(found) == len(given["items"]) and set(found) == set(keys) and len(set(found)) == len(found) else None
