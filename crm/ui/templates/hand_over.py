"""Hands a text to the reader's own mail program, or to the clipboard: as it stands on the screen at the click, the last letter included.

The address is made in the browser from parts that are each encoded, so that nothing in a subject, a text or an address becomes a header.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent
SCRIPT, STYLE = (HERE / "hand_over.js").read_text(), (HERE / "hand_over.css").read_text()
HTML = '<div class="acts"><button class="mail">Open in mail</button><button class="copy">Copy</button><span role="status"></span></div>'
LONGEST_LINK = 1900
"""Beyond, some mail programs cut the text off without a word."""


def draw(address: str) -> None:
    """Two buttons for the texts in the container `lead_write_texts`. `address`: to whom; "" where nobody says."""
    bar = st.components.v2.component("throughline_hand_over", html=HTML, css=STYLE, js=SCRIPT)
    bar(data={"to": address, "longest": LONGEST_LINK}, key="lead.write.bar", width="content")
