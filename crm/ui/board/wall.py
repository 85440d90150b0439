"""The board as a component of the page: no frame, no files from elsewhere; and the small one that brings it news."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

KEY = "board.wall"
NEWS = "board.news"
HERE = Path(__file__).parent
SCRIPT = (HERE / "wall.js").read_text()
STYLE = (HERE / "wall.css").read_text()
OPENER = "board.opener"
OPENER_SCRIPT = """
export default function ({ data, setTriggerValue }) {
  window.__throughlineBeside = { open: data.open, ask: (id, edits) => setTriggerValue('open', { id, edits }) }
  window.__throughlineBoard?.markOpen(data.open)
  return () => delete window.__throughlineBeside
}
"""
NEWS_SCRIPT = """
export default function ({ data }) {
  const news = JSON.parse(new TextDecoder().decode(data))
  if (news.rev) window.__throughlineBoard?.hear(news)
}
"""


def _nothing() -> None:
    """What is heard is read by the page itself."""


def draw(data: bytes) -> None:
    """The wall with this data (JSON that wall.js reads)."""
    mount = st.components.v2.component("throughline_board", html='<div class="wall"></div>', css=STYLE, js=SCRIPT)
    mount(data=data, key=KEY, on_moves_change=_nothing, on_more_change=_nothing)


def draw_news(data: bytes) -> None:
    """The newest data for the wall, from a part of the page that runs by itself. The same again costs a few bytes."""
    mount = st.components.v2.component("throughline_board_news", html="<span></span>", js=NEWS_SCRIPT)
    mount(data=data, key=NEWS, height=1)


def draw_opener(lead_id: int | None) -> None:
    """Tells the wall which lead is open, and hears which one it asks for: the wall itself is not sent again for that."""
    mount = st.components.v2.component("throughline_board_opener", html="<span></span>", js=OPENER_SCRIPT)
    mount(data={"open": lead_id}, key=OPENER, height=1, on_open_change=_nothing)


def heard() -> dict[str, Any]:
    """What the wall asks for in this run: moves, more, as the browser sent them."""
    return _given(KEY, "moves", "more")


def heard_open() -> Any:
    """Which lead is asked for in this run; None for none."""
    return _given(OPENER, "open").get("open")


def _given(key: str, *names: str) -> dict[str, Any]:
    state = st.session_state.get(key)
    return {name: state[name] for name in names if state and state.get(name) is not None}
