"""Has the reader's own browser draw a chart as a picture, where the server has nothing to draw with. The same script as there, with the same plotly."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import streamlit as st

from crm.exports import picture
from crm.web.routes import PLOTLY

_BRIDGE = """
function plotly(path) {
  if (window.Plotly) return Promise.resolve(window.Plotly)
  return new Promise((come, fail) => {
    const script = document.createElement('script')
    script.src = path
    script.onload = () => come(window.Plotly)
    script.onerror = fail
    document.head.appendChild(script)
  })
}
export default function ({ data }) {
  if (!data || window.__throughlinePicture === data.n) return
  window.__throughlinePicture = data.n
  plotly(data.library).then((library) => drawPicture(library, data.picture)).then((made) => {
    const link = document.createElement('a')
    link.href = made
    link.download = data.name
    document.body.appendChild(link)
    link.click()
    link.remove()
  })
}
"""


@lru_cache(maxsize=1)
def _script() -> str:
    return picture.SCRIPT.read_text() + _BRIDGE


def draw(wanted: Mapping[str, Any], number: str) -> None:
    """Draw it and put it into the downloads. `number`: of this picture; each is drawn once however often the page runs."""
    bridge = st.components.v2.component("throughline_picture_bridge", html="<span></span>", js=_script())
    bridge(data={"picture": picture.picture_of(wanted), "name": picture.file_name(wanted), "library": PLOTLY, "n": number}, key="picture.bridge")
