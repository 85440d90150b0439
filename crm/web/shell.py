"""What the browser loads first: Streamlit's own page under our name, its scripts compressed once, and no font that is not needed.

Text is set in the system's font, yet Streamlit names its own as the last resort and would fetch 170 kB for an arrow: its text
fonts are answered with one that has no glyphs. Its icon font holds 4,000 icons in 370 kB; ours the few hundred named in
icons.txt, in 37 kB. Both are cut from Streamlit's copies (Material Symbols Rounded, Apache License 2.0; Source Sans, OFL) by

    pyftsubset MaterialSymbols-Rounded.*.woff2 --glyphs-file=... --unicodes=U+0061-007A,U+0030-0039,U+005F
               --layout-features=rlig --no-layout-closure --flavor=woff2 --output-file=icons.woff2
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache, partial
from pathlib import Path

import brotli
from anyio import to_thread
from starlette.datastructures import Headers
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import config, file_util

from crm.web import dialog_keys

HERE = Path(__file__).parent
FONTS = {"/static/media/MaterialSymbols-Rounded.": "icons.woff2", "/static/media/Source": "no_glyphs.woff2"}
SCRIPT = re.compile(r"/static/(?:js|css)/[\w.-]+\.(js|css)")
KINDS = {"js": "text/javascript", "css": "text/css"}
KEPT_SCRIPTS = 400
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
def first_page(style: str) -> str:
    """Streamlit's index.html with our changes and style sheet; a change that no longer fits is left out.

    The theme in the page itself means that the first thing drawn already has our colours and needs no font. The style
    sheet stands at the page's end: behind Streamlit's, which it overrules, and sent once instead of with each run.
    """
    page = (Path(file_util.get_static_dir()) / "index.html").read_text()
    light, dark = _theme("light"), _theme("dark")
    head = HEAD.format(light=light["backgroundColor"], dark=dark["backgroundColor"], light_theme=json.dumps(light), dark_theme=json.dumps(dark))
    page = re.sub("<title>.*?</title>", lambda _: head, page, flags=re.DOTALL)
    for pattern, replacement in CHANGES:
        page = re.sub(pattern, replacement, page, flags=re.DOTALL)
    return page.replace("</body>", f"<style>{style}</style><script>{dialog_keys.SCRIPT}</script></body>")


@lru_cache(maxsize=1)
def mark(style: str) -> str:
    """By which a browser that has the first page already is told so: signing in loads it a second time."""
    return f'W/"{hashlib.sha256(first_page(style).encode()).hexdigest()[:32]}"'


def _theme(mode: str) -> dict[str, str]:
    colours = {name: str(config.get_option(f"theme.{mode}.{name}")) for name in ("primaryColor", "backgroundColor", "secondaryBackgroundColor", "textColor")}
    return {**colours, "bodyFont": str(config.get_option("theme.font")), "headingFont": str(config.get_option("theme.headingFont"))}


WAYS: Mapping[str, Callable[[bytes], bytes]] = {"br": partial(brotli.compress, quality=9), "gzip": partial(gzip.compress, compresslevel=9)}
"""How scripts are compressed, the smallest first."""


@lru_cache(maxsize=KEPT_SCRIPTS * len(WAYS))
def _compressed(path: str, way: str) -> bytes | None:
    """A script or style sheet of Streamlit's; None when there is none. Their names carry their hash."""
    file = Path(file_util.get_static_dir()) / path.removeprefix("/")
    return WAYS[way](file.read_bytes()) if file.is_file() else None


def _way(accepted: str) -> str | None:
    """The best of what the browser takes; it offers brotli over HTTPS, and on the machine itself."""
    offered = {each.partition(";")[0].strip() for each in accepted.split(",") if not each.replace(" ", "").endswith((";q=0", ";q=0.0"))}
    return next((way for way in WAYS if way in offered), None)


class Shell:
    """ASGI middleware: answers the pages' own paths, scripts and fonts, and passes everything else on."""

    def __init__(self, app: ASGIApp, *, paths: Collection[str], style: str) -> None:
        self.app = app
        self.style = style
        self.paths = frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_asked = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        answer = await self._answer(scope) if is_asked else None
        await (answer or self.app)(scope, receive, send)

    async def _answer(self, scope: Scope) -> Response | None:
        path = scope["path"]
        if path in self.paths:
            headers = {"cache-control": "no-cache", "etag": mark(self.style)}
            if Headers(scope=scope).get("if-none-match") == headers["etag"]:
                return Response(status_code=304, headers=headers)
            return HTMLResponse(first_page(self.style), headers=headers)
        for font, ours in FONTS.items():
            if path.startswith(font):
                return FileResponse(HERE / ours, media_type="font/woff2", headers={"cache-control": "public, max-age=86400"})
        script = SCRIPT.fullmatch(path)
        way = _way(Headers(scope=scope).get("accept-encoding", "")) if script else None
        if script and way:
            content = await to_thread.run_sync(_compressed, path, way)
            headers = {"content-encoding": way, "vary": "Accept-Encoding", "cache-control": "public, immutable, max-age=31536000"}
            return Response(content, media_type=KINDS[script[1]], headers=headers) if content else None
        return None
