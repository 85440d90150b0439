"""Who is looking: asked from the cookie on every run, for every page, before anything is read.

    person = viewer("lead")   # the first statement of a page, and of a fragment that reads or writes

`st.session_state` never says who somebody is: it belongs to whoever knows Streamlit's session id.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import streamlit as st
from streamlit.runtime import exists, get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState

from crm.access import Person, missing_grant, sessions
from crm.ui.page_list import reaches
from crm.web import cookie, sockets

VIEWED = "viewer.viewing_as"
_handed = threading.local()


def viewer(resource: str | None = None, action: str = "view", *, everywhere: bool = False, is_private: bool = False) -> Person:
    """The signed-in person of this run. Draws the sign-in form, or what is missing, and stops when there is none.

    `resource` and `action` name the grant the page needs; None: every signed-in person. `everywhere`: the grant must
    reach the whole organisation. `is_private`: nobody who looks as somebody else comes in.
    """
    person = _take_handed() or signed_in()
    if person is None:
        _ask_to_sign_in()
    if is_private and person.is_viewed:
        _say_private(person)
        st.stop()
    if resource is not None and not reaches(person, resource, action, everywhere=everywhere):
        _say_not_permitted(person, resource, action)
        st.stop()
    return person


def signed_in() -> Person | None:
    """The person whose valid session the cookie names, now; None without one. One short query."""
    found = sessions.find(token())
    page = _page_session_id()
    if page:
        _draw_for(page, found.token_hash if found else None)
        _draw_as(found.person.viewed_by_id and found.person.id if found else 0)
    return found.person if found else None


def token() -> str | None:
    """The session cookie's token, as the page's websocket brought it."""
    return cookie.token_in(st.context.cookies)


def address() -> str:
    """Where this page is looked at from; empty when nobody knows."""
    page = _page_session_id()
    client = get_instance().get_client(page) if page and exists() else None
    context = client.client_context if client else None
    return (context.remote_ip if context else None) or ""


@contextmanager
def handing_over(person: Person) -> Iterator[None]:
    """Spare the page of this very run a second query: its first `viewer` takes what Home.py has just asked."""
    _handed.person = person
    try:
        yield
    finally:
        _handed.person = None


def _take_handed() -> Person | None:
    person, _handed.person = getattr(_handed, "person", None), None
    return person


def _page_session_id() -> str | None:
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else None


def _is_in_a_fragment() -> bool:
    """Whether a part of a page asks: one that runs alone, or the last ones of a page of which more is drawn already."""
    context = get_script_run_ctx(suppress_warning=True)
    return bool(context and (context.fragment_ids_this_run or ThreadState.get().fragment_id))


def _draw_for(page: str, token_hash: str | None) -> None:
    """Drafts and filters of a session that ended are not the next person's."""
    before = sockets.drawn_for(page)
    if before not in (None, token_hash):
        for key in [key for key in st.session_state if not str(key).startswith("sign_in.")]:
            del st.session_state[key]
    if token_hash:
        sockets.bind(page, token_hash)
    elif before:
        sockets.release(page)


def _draw_as(viewing_as_id: int) -> None:
    """What was typed and chosen as oneself is not for a page that shows what somebody else sees, nor the other way round.

    A fragment that meets the change has the whole page run: nothing of another's is ever shown without the line that says so.
    """
    if st.session_state.get(VIEWED, 0) == viewing_as_id:
        return
    for key in list(st.session_state):
        del st.session_state[key]
    st.session_state[VIEWED] = viewing_as_id
    if _is_in_a_fragment():
        st.rerun()


def _ask_to_sign_in() -> NoReturn:
    """The whole page becomes the form, also when a fragment of it was running."""
    if _is_in_a_fragment():
        st.rerun()
    from crm.ui import sign_in

    sign_in.draw()
    st.stop()


def _say_not_permitted(person: Person, resource: str, action: str) -> None:
    if person.is_viewed:
        _say_shut(f"This page is not for those who look as {person.name}", "It changes things, or their role does not open it. Nothing was changed.")
        return
    _say_shut("This page is not for your role", missing_grant(resource, action).detail)


def _say_private(person: Person) -> None:
    _say_shut(f"This page is {person.name}'s own", "Keys, sign-ins and what waits for them are private, also while you see what they see.")


def _say_shut(title: str, detail: str) -> None:
    with st.container(key="not_permitted"):
        st.title(title)
        st.markdown(detail)
        st.html("<a href='/' target='_self'>Go to Home</a>")
