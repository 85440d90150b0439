"""The shell around every page: the menu by what the person may open, who they are, the way out.

All pages are always registered, whoever looks: a deep link then finds its page, which asks for itself who may see it.
Only what the menu shows depends on the person.
"""

from __future__ import annotations

from copy import copy
from functools import cache
from html import escape
from itertools import groupby
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from crm.access import Person, sessions, viewing
from crm.ui import cookie_bridge, files, sign_in, style, turns, viewer
from crm.ui.page_list import ACCOUNT, HOME, PAGES, PageEntry

ROOT = Path(__file__).parents[2]

__all__ = ["PAGES", "PageEntry", "places_of", "run"]


def run() -> None:
    """Draw the shell and the page of this run, or the sign-in form."""
    with turns.turn():
        _draw()


def _draw() -> None:
    st.set_page_config(page_title="Throughline", page_icon=style.icon(), layout="wide")
    person = viewer.signed_in()
    page = st.navigation(_menu(person), position="sidebar" if person else "hidden", expanded=True)
    if person is None:
        sign_in.draw()
        return
    _draw_person(person)
    if person.is_viewed:
        _draw_viewing(person)
    else:
        files.draw(person)
    with viewer.handing_over(person):
        page.run()


def _menu(person: Person | None) -> dict[str, list[StreamlitPage]]:
    return {group: [_page(entry, person) for entry in entries] for group, entries in groupby(PAGES, key=lambda entry: entry.group)}


def _page(entry: PageEntry, person: Person | None) -> StreamlitPage:
    return copy(_page_made(entry, person is not None and entry.is_in_menu and entry.is_open_to(person)))  # a copy: `st.navigation` notes in it what it runs


@cache
def _page_made(entry: PageEntry, is_shown: bool) -> StreamlitPage:
    """Made once: it looks for its file on the disk."""
    return st.Page(
        ROOT / entry.path, title=entry.title, icon=entry.icon, url_path=entry.url or None, default=entry.is_default,
        visibility="visible" if is_shown else "hidden",
    )  # fmt: skip


def _draw_person(person: Person) -> None:
    """Name, place and the way out, at the foot of the sidebar."""
    with st.sidebar, st.container(key="shell_person"):
        if person.is_viewed:
            st.html(f"<b>{escape(person.viewed_by)}</b><span class='tl-muted'> looking as {escape(person.name)}</span>")
        else:
            st.page_link(ACCOUNT, label=person.name, icon=":material/account_circle:", width="stretch")
        st.caption(places_of(person))
        if st.button("Sign out", key="shell.sign_out", type="tertiary", icon=":material/logout:"):
            sessions.end(viewer.token(), address=viewer.address())
            cookie_bridge.carry(None, then_go="/")
            st.stop()


def _draw_viewing(person: Person) -> None:
    """The line on every page that says whose eyes one looks through, and the way back."""
    with st.container(key="viewing_as", horizontal=True, vertical_alignment="center"):
        st.html(f"You see what <b>{escape(person.name)}</b> sees. Nothing can be changed.", width="stretch")
        if st.button("Back to yourself", key="shell.viewing.stop", icon=":material/undo:", type="tertiary"):
            viewing.stop(viewer.token(), address=viewer.address())
            st.switch_page(HOME, query_params={})


def places_of(person: Person) -> str:
    """ "rep in Gulf", "admin"; with several, the first and how many more."""
    words = [f"{m.role} in {m.team}" if m.team else m.role for m in person.memberships]
    if not words:
        return "no team yet"
    return words[0] if len(words) == 1 else f"{words[0]} and {len(words) - 1} more"
