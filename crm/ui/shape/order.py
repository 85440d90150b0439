"""The order of stages by drag: a grip in each row of the grid, and the listener that tells what was dragged where."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

from crm.configuration.order import Key

KEY = "pipelines.order"
SCRIPT = (Path(__file__).parent / "order.js").read_text()


def _nothing() -> None:
    """What is heard is read by the page itself."""


def grip(key: Key) -> str:
    """The row's handle, as markup. The arrows beside it do the same for fingers and keyboards."""
    return f"<span class='tl-grip' draggable='true' data-stage='{escape(str(key))}' title='Drag to another place'></span>"


def draw_listener(pipeline_id: int) -> None:
    mount = st.components.v2.component("throughline_stage_order", html="<span></span>", js=SCRIPT)
    mount(data={"pipeline": pipeline_id}, key=KEY, height=1, on_order_change=_nothing)


def heard(pipeline_id: int, keys: Sequence[Key]) -> list[Key] | None:
    """`keys` in the order that was asked for in this run; None where nothing was."""
    return read((st.session_state.get(KEY) or {}).get("order"), pipeline_id, keys)


def read(given: Any, pipeline_id: int, keys: Sequence[Key]) -> list[Key] | None:
    """What the browser sent; None for what is no order of `keys`, or of another pipeline."""
    if not isinstance(given, dict) or given.get("pipeline") != pipeline_id or not isinstance(given.get("stages"), list):
        return None
    known = {str(key): key for key in keys}
    found = [known[name] for name in given["stages"] if isinstance(name, str) and name in known]
    return found if len(found) == len(given["stages"]) and set(found) == set(keys) and len(set(found)) == len(found) else None
