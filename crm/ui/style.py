"""The shell's own style on top of the theme in .streamlit/config.toml. No fonts, no pictures from elsewhere."""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache
from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent


@lru_cache(maxsize=1)
def icon() -> str:
    """The mark as a data address. A page icon by name would be fetched from another server."""
    return "data:image/svg+xml;base64," + b64encode((HERE.parent / "web" / "icon.svg").read_bytes()).decode()


@lru_cache(maxsize=1)
def _sheet() -> str:
    return f"<style>:root {{ --tl-mark: url('{icon()}'); }}\n{(HERE / 'shell.css').read_text()}</style>"


def apply() -> None:
    """Put the shell's style on this page; Home.py calls it once a run."""
    st.html(_sheet())
