"""The ASGI app: Streamlit's pages, our routes, the API, and the guard before them all.

`python -m crm serve` runs it; so does `streamlit run serve.py`.
"""

import importlib
import importlib.util
import logging
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute, Mount
from streamlit.runtime.pages_manager import PagesManager

from crm.ui import failure, style
from crm.ui.page_list import PAGES
from crm.web import routes, start
from crm.web.guard import Guard
from crm.web.shell import Shell

# It would log every failure of a page with the data in it; `failure.tell` logs where it happened.
logging.getLogger("streamlit.error_util").disabled = True

# Otherwise the folder `pages` lets the first visitor after a start run a page without Home.py, past the sign-in.
PagesManager.uses_pages_directory = False


def api() -> list[BaseRoute]:
    if not importlib.util.find_spec("crm.api.app"):
        return []
    return [Mount("/api", app=importlib.import_module("crm.api.app").api)]


app = st.App(
    Path(__file__).parent / "Home.py",
    routes=[*routes.own_routes(), *api()],
    middleware=[
        Middleware(Guard),
        Middleware(GZipMiddleware, minimum_size=1024, compresslevel=6),
        Middleware(Shell, paths=[f"/{page.url}" for page in PAGES], style=style.sheet()),
    ],
    lifespan=start.lifespan,
    on_script_error=failure.tell,
)
