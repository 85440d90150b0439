"""Ten lines of script: a page's script cannot set an HttpOnly cookie, a route can. They carry the ticket there and load the page anew."""

from __future__ import annotations

import secrets
from typing import Literal

import streamlit as st

SCRIPT = """
export default function ({ data }) {
  if (!data || window.__throughlineBridge === data.n) return
  window.__throughlineBridge = data.n
  fetch('/session', {
    method: data.ticket ? 'POST' : 'DELETE',
    credentials: 'same-origin',
    headers: { 'content-type': 'application/json' },
    body: data.ticket ? JSON.stringify({ ticket: data.ticket }) : undefined,
  }).finally(() => (data.go ? window.location.replace(data.go) : window.location.reload()))
}
"""


def carry(ticket: str | None, *, then_go: Literal["", "/"] = "") -> None:
    """Begin the ticket's session, or end this one (None); then load this page, or `then_go`, anew."""
    bridge = st.components.v2.component("throughline_cookie_bridge", html="<span></span>", js=SCRIPT)
    bridge(data={"ticket": ticket, "n": secrets.token_hex(8), "go": then_go}, key="sign_in.bridge")
