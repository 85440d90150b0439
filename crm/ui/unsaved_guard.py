"""Looks after what is typed and not saved, in the browser, where a page's script cannot: asks before the tab closes over it,
and before a link leaves a form behind; and lets Save wait for the cell that was typed last, or is still open for typing."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

SCRIPT = """
export default function ({ data }) {
  window.__throughlineUnsaved = data ? data.cells : 0
  if (window.__throughlineGuard) return
  window.__throughlineGuard = true
  const save = () => document.querySelector('.st-key-leads-save button')
  const editor = () => document.querySelector('#portal textarea, #portal input')
  // The editor takes a cell in a timer of its own and reports it 150 ms after that. Timers end in the order in which they were due,
  // so what waits the same way, and longer, comes after the report however slow the browser or the server is.
  const onceReported = (then) => setTimeout(() => setTimeout(() => setTimeout(then, 200)))
  const press = (tries = 100) => (save() ? save().click() : tries && setTimeout(press, 50, tries - 1))  // it may be drawn anew just now
  let unreported = 0
  const note = (event) => {
    if (!editor() && !event.target.closest?.('[data-testid=stDataFrame]')) return
    unreported += 1
    onceReported(() => { unreported -= 1 })
  }
  for (const kind of ['keydown', 'pointerdown', 'pointerup', 'paste', 'cut']) document.addEventListener(kind, note, true)
  window.addEventListener('beforeunload', (event) => {
    if (window.__throughlineUnsaved) event.preventDefault()
  })
  document.addEventListener('keydown', (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 's' || !save()) return
    event.preventDefault()
    event.stopPropagation()
    editor()?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', code: 'Enter', keyCode: 13, bubbles: true }))
    onceReported(press)
  }, true)
  document.addEventListener('click', (event) => {
    if (!event.isTrusted || !unreported || !event.target.closest?.('.st-key-leads-save')) return
    event.preventDefault()
    event.stopPropagation()
    onceReported(press)
  }, true)
}
"""


def guard(cells: int) -> None:
    """`cells` unsaved: more than 0 makes the browser ask."""
    look_after = st.components.v2.component("throughline_unsaved_guard", html="<span></span>", js=SCRIPT)
    look_after(data={"cells": cells}, key="unsaved_guard", height=0)


FORMS_SCRIPT = """
export default function ({ data }) {
  const typed = (window.__throughlineTyped ??= {})
  for (const [name, filledFrom] of Object.entries(data ? data.forms : {}))
    if (typed[name]?.filledFrom !== filledFrom) typed[name] = { filledFrom, isTyped: false }
  if (window.__throughlineForms) return
  window.__throughlineForms = true
  const inForm = (name) => `.st-key-${name} [data-testid=stForm]`
  const isDirty = () => Object.entries(typed).some(([name, each]) => each.isTyped && document.querySelector(inForm(name)))
  document.addEventListener('input', (event) => {
    for (const name of Object.keys(typed)) if (event.target.closest?.(inForm(name))) typed[name].isTyped = true
  }, true)
  window.addEventListener('beforeunload', (event) => {
    if (isDirty()) event.preventDefault()
  })
  document.addEventListener('click', (event) => {
    const link = event.target.closest?.('[data-testid=stSidebarNavLink], [data-testid=stPageLink-NavLink]')
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || !isDirty()) return
    if (window.confirm('What you typed here is not saved. Leave it behind?')) return
    event.preventDefault()
    event.stopPropagation()
  }, true)
}
"""


def guard_forms(forms: Mapping[str, str]) -> None:
    """`forms`: the key of the container around a form -> what it was filled from. What is typed counts until that is another one."""
    look_after = st.components.v2.component("throughline_unsaved_forms", html="<span></span>", js=FORMS_SCRIPT)
    look_after(data={"forms": dict(forms)}, key="unsaved_forms", height=0)
