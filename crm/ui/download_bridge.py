"""A few lines of script that fetch a one-time file; the page stays as it is."""

from __future__ import annotations

import streamlit as st

SCRIPT = """
export default function ({ data }) {
  if (!data || window.__throughlineDownload === data.path) return
  window.__throughlineDownload = data.path
  const link = document.createElement('a')
  link.href = data.path
  link.download = ''
  document.body.appendChild(link)
  link.click()
  link.remove()
}
"""


def fetch(path: str) -> None:
    """Have the browser fetch this address of ours as a file."""
    bridge = st.components.v2.component("throughline_download_bridge", html="<span></span>", js=SCRIPT)
    bridge(data={"path": path}, key="download.bridge")
