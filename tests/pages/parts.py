"""What tests of pages look at and press."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def said(page: AppTest) -> str:
    """The page's own markup, without its style sheets."""
    return " ".join(element.proto.body for element in page.get("html") if "<style" not in element.proto.body)


def press(page: AppTest, key: str) -> AppTest:
    return page.button(key=key).click().run()
