"""The shell's own style on top of the theme in .streamlit/config.toml. No fonts, no pictures from elsewhere."""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache
from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent


@lru_cache(maxsize=1)
def _sheet() -> str:
    mark = b64encode((HERE.parent / "web" / "icon.svg").read_bytes()).decode()
    return f"<style>:root {{ --tl-mark: url('data:image/svg+xml;base64,{mark}'); }}\n{(HERE / 'shell.css').read_text()}</style>"


def apply() -> None:
    """Put the shell's style on this page; Home.py calls it once a run."""
    st.html(_sheet())
