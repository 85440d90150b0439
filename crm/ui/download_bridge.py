"""A few lines of script that fetch one-time files; the page stays as it is."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

SCRIPT = """
export default function ({ data }) {
  const done = (window.__throughlineDownloads ??= new Set())
  const fresh = (data?.paths ?? []).filter((path) => !done.has(path))
  fresh.forEach((path, number) => {
    done.add(path)
    // A browser drops the first of two that begin at the same moment.
    setTimeout(() => {
      const link = document.createElement('a')
      link.href = path
      link.download = ''
      document.body.appendChild(link)
      link.click()
      link.remove()
    }, 500 * number)
  })
}
"""


def fetch(paths: Sequence[str]) -> None:
    """Have the browser fetch these addresses of ours as files, each once however often the page runs."""
    bridge = st.components.v2.component("throughline_download_bridge", html="<span></span>", js=SCRIPT)
    bridge(data={"paths": list(paths)}, key="download.bridge")
