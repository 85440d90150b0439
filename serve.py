"""The ASGI app: Streamlit's pages, our routes, the API, and the guard before them all.

`python -m crm serve` runs it; so does `streamlit run serve.py`.
"""

import logging
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from streamlit.runtime.pages_manager import PagesManager

from crm.api.app import api as app_of_the_api
from crm.ui import failure, style
from crm.ui.page_list import PAGES
from crm.web import lean_runs, routes, start
from crm.web.apart import Apart
from crm.web.guard import Guard
from crm.web.shell import Shell

# It would log every failure of a page with the data in it; `failure.tell` logs where it happened.
logging.getLogger("streamlit.error_util").disabled = True

# Otherwise the folder `pages` lets the first visitor after a start run a page without Home.py, past the sign-in.
PagesManager.uses_pages_directory = False

lean_runs.keep_the_theme()


# On one machine the wire is quick: compressing an answer hard would take longer than sending it.
api = GZipMiddleware(app_of_the_api, minimum_size=4096, compresslevel=1)


app = st.App(
    Path(__file__).parent / "Home.py",
    routes=routes.own_routes(),
    middleware=[
        Middleware(Guard),
        Middleware(Apart, path="/api", other=api),
        Middleware(GZipMiddleware, minimum_size=1024, compresslevel=6),
        Middleware(Shell, paths=[f"/{page.url}" for page in PAGES], style=style.sheet()),
    ],
    lifespan=start.lifespan,
    on_script_error=failure.tell,
)
