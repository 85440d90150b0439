"""Keys in a dialog: Ctrl+S and Ctrl+Enter press its main button, and so does Enter in a line of text, as in a form.

Streamlit's shortcuts hold for the whole page: without this, Ctrl+S in a dialog would press what lies behind it. They also press before a text
that one is still typing in is sent: on a page it is sent first, and one types on.
"""

from __future__ import annotations

SCRIPT = """
window.addEventListener('keydown', (event) => {
  const dialog = [...document.querySelectorAll('[data-testid=stDialog]')].at(-1)
  const isHeld = event.ctrlKey || event.metaKey
  if (!dialog) {
    const typed = document.activeElement
    const isLoose = typed?.matches('[data-testid=stTextArea] textarea, [data-testid=stTextInput] input') && !typed.closest('[data-testid=stForm]')
    if (!isHeld || event.key.toLowerCase() !== 's' || !isLoose) return
    typed.blur()
    setTimeout(() => typed.focus({ preventScroll: true }))
    return
  }
  const isSave = isHeld && (event.key.toLowerCase() === 's' || event.key === 'Enter')
  const at = event.target
  const isLine = event.key === 'Enter' && !isHeld && !event.isComposing && at.matches?.('[data-testid=stDialog] [data-testid=stTextInput] input')
  if (!isSave && !(isLine && !at.closest('[data-testid=stForm]'))) return
  const main = () => [...dialog.querySelectorAll('[data-testid^=stBaseButton-primary]')].findLast((button) => !button.disabled && button.offsetParent)
  if (!main() && event.key === 'Enter') return  // Ctrl+Enter in a text then sends what is typed, as everywhere
  if (isSave) event.preventDefault()
  if (isSave) event.stopImmediatePropagation()
  if (!main()) return
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur()  // what is typed is sent before the button is pressed
  setTimeout(() => main()?.click(), 100)
}, true)
"""
