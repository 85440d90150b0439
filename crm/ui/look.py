"""The pages' common look: the head with its one quiet line, badges, empty states."""

from __future__ import annotations

from html import escape

import streamlit as st


def head(title: str, *context: str) -> None:
    """The page's title, and to its right what one looks at: `Gulf · Accounts · my leads · USD · now`."""
    line = " · ".join(escape(part) for part in context if part)
    st.html(f"<div class='tl-head'><h1>{escape(title)}</h1><div class='tl-context'>{line}</div></div>")


def empty(words: str, hint: str = "") -> None:
    """Nothing here, and what to do next."""
    st.html(f"<div class='tl-empty'><b>{escape(words)}</b><span>{escape(hint)}</span></div>")
