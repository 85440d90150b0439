"""Our own style on top of the theme in .streamlit/config.toml. No fonts, no pictures from elsewhere."""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache
from pathlib import Path

HERE = Path(__file__).parent
SHEETS = (
    "shell.css", "look.css", "day.css", "board/page.css", "access.css", "reports/page.css", "explore/page.css", "dashboards/page.css",
    "templates/page.css",
)  # fmt: skip


@lru_cache(maxsize=1)
def icon() -> str:
    """The mark as a data address. A page icon by name would be fetched from another server."""
    return "data:image/svg+xml;base64," + b64encode((HERE.parent / "web" / "icon.svg").read_bytes()).decode()


@lru_cache(maxsize=1)
def sheet() -> str:
    """Our style sheet: the shell's and the pages'. serve.py has it put into the first page."""
    return "\n".join(
        [
            f":root {{ --tl-mark: url('{icon()}'); }}",
            *((HERE / name).read_text() for name in SHEETS),
        ]
    )
