"""Pages without a browser: Streamlit's AppTest, looked at by somebody of the cast.

page = look("pages/people.py", "alma").run()     # None instead of a name: nobody is signed in
part = look("from crm.ui import x; x.draw()", "alma").run()
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from crm.access import as_system, sessions
from crm.ui.page_list import PAGES

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 300
URLS = {page.path: page.url for page in PAGES}


@pytest.fixture
def look(db: Any, cast: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """AppTest brings no cookies, so the token that the page's websocket would bring is put in their place."""

    def made(path: str, who: str | None) -> AppTest:
        token = None
        if who:
            with as_system() as session:
                token = sessions.start(session, cast.people[who], address="192.0.2.10", device="Firefox on Linux")
        monkeypatch.setattr("crm.ui.viewer.token", lambda: token)
        monkeypatch.setattr("crm.ui.viewer.address", lambda: "192.0.2.10")
        if path.endswith(".py"):
            return AppTest.from_file(str(ROOT / path), default_timeout=PATIENCE_SECONDS)
        return AppTest.from_string(path, default_timeout=PATIENCE_SECONDS)  # a part by itself: AppTest runs whole scripts, never one fragment

    return made


@pytest.fixture(scope="session", autouse=True)
def one_look_at_installed_components() -> Iterator[None]:
    """Each AppTest reads what every installed package says of itself, to find components; that is the same all through a run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(autouse=True)
def fresh_lookups() -> Iterator[None]:
    """What pages remember of names is per access stamp; another test's database has other people at the same stamp."""
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture
def visit(look: Callable[..., AppTest]) -> Callable[..., AppTest]:
    """`visit("ana", "pages/lead.py", id="3")`: the page as somebody comes to it by its address through Home.py, with what that asks."""

    def visited(who: str, path: str, **query: str) -> AppTest:
        page = look("Home.py", who)
        for name, value in query.items():
            page.query_params[name] = value
        # `switch_page` knows only pages that an earlier run has registered: each visit would draw the home page for that.
        page._page_hash = calc_hash(URLS[path])
        return page.run()

    return visited
