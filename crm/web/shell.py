"""What the browser loads first: Streamlit's own page, under our name, without the fonts we do not use.

Streamlit's page preloads a text font (we use the system's) and its icon font holds 4,000 icons in 370 kB; ours holds the few
hundred named in icons.txt, in 37 kB. The font is Material Symbols Rounded, Apache License 2.0, cut from Streamlit's copy by

    pyftsubset MaterialSymbols-Rounded.*.woff2 --glyphs-file=... --unicodes=U+0061-007A,U+0030-0039,U+005F
               --layout-features=rlig --no-layout-closure --flavor=woff2 --output-file=icons.woff2
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import config, file_util

HERE = Path(__file__).parent
ICON_FONT = "/static/media/MaterialSymbols-Rounded."
HEAD = """<title>Throughline</title>
    <meta name="robots" content="noindex" />
    <meta name="color-scheme" content="light dark" />
    <style>
      body {{ background: {light} }}
      @media (prefers-color-scheme: dark) {{ body {{ background: {dark} }} }}
    </style>
    <script>
      window.__streamlit = {{ BACKEND_BASE_URL: location.origin, MAIN_PAGE_BASE_URL: location.origin, LIGHT_THEME: {light_theme}, DARK_THEME: {dark_theme} }}
    </script>"""
CHANGES = (
    (r'<link\s[^>]*rel="preload"[^>]*SourceSans[^>]*/>', ""),
    (r'<link\s+rel="service-desc"[^>]*/>', ""),
    (r"<!--.*?-->", ""),
    (r"<noscript>.*?</noscript>", "<noscript><p>Throughline needs JavaScript.</p></noscript>"),
)


@lru_cache(maxsize=1)
def first_page() -> str:
    """Streamlit's index.html with our changes; a change that no longer fits is left out.

    The theme in the page itself means that the first thing drawn already has our colours and needs no font.
    """
    page = (Path(file_util.get_static_dir()) / "index.html").read_text()
    light, dark = _theme("light"), _theme("dark")
    head = HEAD.format(light=light["backgroundColor"], dark=dark["backgroundColor"], light_theme=json.dumps(light), dark_theme=json.dumps(dark))
    page = re.sub("<title>.*?</title>", lambda _: head, page, flags=re.DOTALL)
    for pattern, replacement in CHANGES:
        page = re.sub(pattern, replacement, page, flags=re.DOTALL)
    return page


def _theme(mode: str) -> dict[str, str]:
    colours = {name: str(config.get_option(f"theme.{mode}.{name}")) for name in ("primaryColor", "backgroundColor", "secondaryBackgroundColor", "textColor")}
    return {**colours, "bodyFont": str(config.get_option("theme.font")), "headingFont": str(config.get_option("theme.headingFont"))}


class Shell:
    """ASGI middleware: answers the pages' own paths and the icon font, and passes everything else on."""

    def __init__(self, app: ASGIApp, *, paths: Collection[str]) -> None:
        self.app = app
        self.paths = frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._answer(scope["path"]) if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") else None
        await (answer or self.app)(scope, receive, send)

    def _answer(self, path: str) -> Response | None:
        if path in self.paths:
            return HTMLResponse(first_page(), headers={"cache-control": "no-cache"})
        if path.startswith(ICON_FONT):
            return FileResponse(HERE / "icons.woff2", media_type="font/woff2", headers={"cache-control": "public, max-age=86400"})
        return None
