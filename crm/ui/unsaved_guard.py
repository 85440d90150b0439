"""Asks before the browser's tab is closed or reloaded over unsaved edits. A page's script cannot; ten lines in the browser can."""

from __future__ import annotations

import streamlit as st

SCRIPT = """
export default function ({ data }) {
  window.__throughlineUnsaved = data ? data.cells : 0
  if (window.__throughlineGuard) return
  window.__throughlineGuard = true
  window.addEventListener('beforeunload', (event) => {
    if (window.__throughlineUnsaved) event.preventDefault()
  })
}
"""


def guard(cells: int) -> None:
    """`cells` unsaved: more than 0 makes the browser ask."""
    ask = st.components.v2.component("throughline_unsaved_guard", html="<span></span>", js=SCRIPT)
    ask(data={"cells": cells}, key="unsaved_guard", height=0)
