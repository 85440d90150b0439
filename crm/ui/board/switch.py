"""The switch between the board and the grid of the same leads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import streamlit as st

PAGES = {"Board": ("pages/board.py", ":material/view_kanban:"), "Grid": ("pages/leads.py", ":material/table_rows:")}


def draw(here: Literal["Board", "Grid"], query: Mapping[str, str | list[str]]) -> None:
    """Where one is, and the way to the other with `query` as its filter."""
    with st.container(horizontal=True, key="board_switch", gap=None, width="content"):
        for name, (page, icon) in PAGES.items():
            if name == here:
                st.html(f"<span class='tl-here' aria-current='page'>{name}</span>", width="content")
            else:
                st.page_link(page, label=name, icon=icon, query_params=query)
