"""Pages without a browser: Streamlit's AppTest, looked at by somebody of the cast.

page = look("pages/people.py", "alma").run()     # None instead of a name: nobody is signed in
part = look("from crm.ui import x; x.draw()", "alma").run()
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from crm.access import as_system, sessions

ROOT = Path(__file__).resolve().parents[2]


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
            return AppTest.from_file(str(ROOT / path), default_timeout=60)
        return AppTest.from_string(path, default_timeout=60)  # a part by itself: AppTest runs whole scripts, never one fragment

    return made


@pytest.fixture(autouse=True)
def fresh_lookups() -> Iterator[None]:
    """What pages remember of names is per access stamp; another test's database has other people at the same stamp."""
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture
def visit(look: Callable[..., AppTest]) -> Callable[..., AppTest]:
    """`visit("ana", "pages/lead.py", id="3")`: the page as somebody comes to it through Home.py, with what the address asks."""

    def visited(who: str, path: str, **query: str) -> AppTest:
        page = look("Home.py", who).run()
        for name, value in query.items():
            page.query_params[name] = value
        return page.switch_page(path).run()

    return visited
