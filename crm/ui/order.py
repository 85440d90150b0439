"""The order of rows by drag: a grip in each row, and the listener that tells what was dragged where, by mouse, finger or arrow keys."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from html import escape
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st

SCRIPT = Path(__file__).with_name("order.js").read_text()
Key = TypeVar("Key", bound=Hashable)


def _nothing() -> None:
    """What is heard is read by the page itself."""


def grip(key: object, name: str) -> str:
    """The row's handle, as markup. `name`: what is moved by it."""
    said = escape(f"Move {name}: drag it, or press the arrow keys")
    return f"<span class='tl-grip' role='button' tabindex='0' data-key='{escape(str(key))}' title='Drag to another place' aria-label='{said}'></span>"


def draw_listener(of: int, keys: Sequence[Hashable], *, page: str, rows: str, row: str) -> None:
    """`of`: whose rows they are; `keys`: as they stand now; `rows`: the key of the container that holds them; `row`: what the key of each begins with."""
    mount = st.components.v2.component("throughline_order", html="<span></span>", js=SCRIPT)
    mount(data={"of": of, "list": rows, "row": row, "keys": [str(key) for key in keys]}, key=f"{page}.order", height=1, on_order_change=_nothing)


def heard(of: int, keys: Sequence[Key], *, page: str) -> list[Key] | None:
    """`keys` in the order that was asked for in this run; None where nothing was."""
    return read((st.session_state.get(f"{page}.order") or {}).get("order"), of, keys)


def read(given: Any, of: int, keys: Sequence[Key]) -> list[Key] | None:
    """What the browser sent; None for what is no order of `keys`, or of other rows."""
    if not isinstance(given, dict) or given.get("of") != of or not isinstance(given.get("keys"), list):
        return None
    known = {str(key): key for key in keys}
    found = [known[name] for name in given["keys"] if isinstance(name, str) and name in known]
    return found if len(found) == len(given["keys"]) and set(found) == set(keys) and len(set(found)) == len(found) else None
