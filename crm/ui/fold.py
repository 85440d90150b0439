"""Filters on a phone: one line that says how many narrow the list and opens them. On a desk it is not there, and they are all in sight.

The style sheet does it (look.css): what it folds away is drawn all the same, and goes on narrowing the list.
"""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from crm.ui.view_params import Screen


def place() -> DeltaGenerator:
    """Where it will stand, beside the search; it is drawn once the filters are."""
    return st.empty()


def draw(where: DeltaGenerator, screen: Screen) -> None:
    narrowing = screen.narrowing(st.session_state)
    where.checkbox(f":material/filter_list: Filters{f' ({narrowing})' if narrowing else ''}", key=f"{screen.page}.fold")
