"""The pages' common look: the head with its one quiet line, badges, empty states, and their style sheet."""

from __future__ import annotations

from functools import lru_cache
from html import escape
from pathlib import Path

import streamlit as st


@lru_cache(maxsize=1)
def _sheet() -> str:
    return f"<style>{(Path(__file__).parent / 'look.css').read_text()}</style>"


def head(title: str, *context: str) -> None:
    """The page's title, and to its right what one looks at: `Gulf · Accounts · my leads · USD · now`."""
    st.html(_sheet())
    line = " · ".join(escape(part) for part in context if part)
    st.html(f"<div class='tl-head'><h1>{escape(title)}</h1><div class='tl-context'>{line}</div></div>")


def empty(words: str, hint: str = "") -> None:
    """Nothing here, and what to do next."""
    st.html(f"<div class='tl-empty'><b>{escape(words)}</b><span>{escape(hint)}</span></div>")
