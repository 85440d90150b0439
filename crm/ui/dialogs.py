"""Dialogs that begin anew each time: filled from what stands when they are opened, and what one types is checked against that.

Streamlit keeps what a widget holds until the page runs without it, and closing a dialog runs nothing by itself: the next one
would show, and save, what stood in the last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

import streamlit as st

SEEN = "dialog.seen"
_Seen = TypeVar("_Seen")


def show(title: str, draw: Callable[..., None], *given: Any, width: Literal["small", "medium", "large"] = "small") -> None:
    """Open a dialog that `draw` fills."""
    st.session_state.pop(SEEN, None)
    st.dialog(title, width=width, on_dismiss="rerun")(draw)(*given)


def seen(name: str, read: Callable[[], _Seen]) -> _Seen:
    """What `read` answered when the dialog was opened, whatever others have made of it since: the version that a save speaks of.

    `name` says which record the dialog is about.
    """
    kept = st.session_state.get(SEEN)
    if kept is None or kept[0] != name:
        kept = st.session_state[SEEN] = (name, read())
    found: _Seen = kept[1]
    return found
