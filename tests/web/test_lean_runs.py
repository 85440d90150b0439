"""What is kept between runs is what Streamlit would have made anew."""

from __future__ import annotations

import pytest
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session

from crm.web import lean_runs

SECTIONS = ("theme", "theme.light", "theme.dark", "theme.sidebar", "theme.light.sidebar", "theme.dark.sidebar")


def themes() -> list[bytes]:
    made = []
    for section in SECTIONS:
        message = CustomThemeConfig()
        app_session._populate_theme_msg(message, section)
        made.append(message.SerializeToString(deterministic=True))
    return made


def test_the_kept_theme_is_streamlits_own_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_session, "_populate_theme_msg", app_session._populate_theme_msg)
    as_streamlit_makes_it = themes()
    lean_runs.keep_the_theme()
    assert any(as_streamlit_makes_it), "the theme of .streamlit/config.toml is read"
    assert themes() == as_streamlit_makes_it
    assert themes() == as_streamlit_makes_it, "the second run gets it from what was kept"
