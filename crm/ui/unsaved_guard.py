"""Looks after unsaved cells in the browser, where a page's script cannot: asks before the tab closes over them, and lets
Ctrl+S also save the cell that is still open for typing."""

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
  document.addEventListener('keydown', (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 's') return
    const save = () => document.querySelector('[class*="st-key-leads-save"] button')
    if (!save()) return
    event.preventDefault()
    event.stopPropagation()
    const editor = document.querySelector('#portal textarea, #portal input')
    if (editor) editor.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', code: 'Enter', keyCode: 13, bubbles: true }))
    setTimeout(() => save()?.click(), 250)  // the editor reports a cell a moment late, and the button is then drawn anew
  }, true)
}
"""


def guard(cells: int) -> None:
    """`cells` unsaved: more than 0 makes the browser ask."""
    look_after = st.components.v2.component("throughline_unsaved_guard", html="<span></span>", js=SCRIPT)
    look_after(data={"cells": cells}, key="unsaved_guard", height=0)
