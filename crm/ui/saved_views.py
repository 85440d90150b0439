"""Saved views of a page: buttons for pinned ones, a list of all, and the way to open, keep and change them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from html import escape
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.errors import StreamlitAPIException

from crm.access import Person, acting_as
from crm.errors import CrmError
from crm.ui import messages, saved_view_dialogs, view_params
from crm.ui.lookups import Lookups
from crm.ui.view_params import Screen
from crm.views import reads, use_cases
from crm.views.reads import SavedView
from crm.views.rules import EVERYONE, PRIVATE, TEAM, Address

ASKED = "saved"
PINNED_AT_MOST = 8
GONE = "That view is not there any more, or it is not shared with you."
ACTS = {"update": "Keep what is shown now", "rename": "Rename or share…", "pin": "Pin above the list", "unpin": "Unpin", "delete": "Delete"}


def begin(person: Person, screen: Screen) -> None:
    """Before the filters are drawn: open the view that the address names (`?saved=12`), or the one that the page opens with."""
    named = st.query_params.get(ASKED)
    begun = f"{screen.page}.saved.begun"
    is_first, is_bare = begun not in st.session_state, not len(st.query_params)
    st.session_state[begun] = True
    if named is None and not (is_first and is_bare):
        return
    with acting_as(person) as session:
        view = reads.default_view(session, screen.page) if named is None else reads.saved_view(session, screen.page, int(named)) if _is_id(named) else None
    if named is not None:
        del st.query_params[ASKED]
        if view is None:
            messages.leave(GONE)
    if view is not None:
        _open(view, screen)
        for name, texts in now(screen).items():
            with suppress(StreamlitAPIException):  # a filter that is drawn already writes the address by itself
                st.query_params[name] = texts
        st.rerun()


def now(screen: Screen) -> Address:
    """What the page asks for now, as a view keeps it."""
    return view_params.address_now(screen, st.session_state, st.query_params)


def _is_id(given: str) -> bool:
    return given.isascii() and given.isdecimal() and len(given) < 19


def _open(view: SavedView, screen: Screen) -> None:
    missed = view_params.ask_for(view.address, screen, st.session_state, st.query_params)
    if missed:
        messages.leave(f"“{view.name}” also asks for something that is not here any more, or not in your sight. The rest of it is shown.")


def draw(person: Person, lookups: Lookups, place: DeltaGenerator, screen: Screen) -> None:
    """Pinned views as buttons in `place`, and the list of all of them behind one more."""
    with acting_as(person) as session:
        views = reads.views_of(session, screen.page)
    with place:
        for view in [view for view in views if view.is_pinned][:PINNED_AT_MOST]:
            is_shown = view_params.same(view.address, screen, st.session_state, st.query_params)
            st.button(
                view.name, key=f"{screen.page}.saved.pinned.{view.id}", type="primary" if is_shown else "secondary", on_click=_open, args=(view, screen),
                help=said(view, person, lookups),
            )  # fmt: skip
        with st.popover("Views", icon=":material/bookmark:", type="tertiary", key=_list_key(screen)):
            _draw_list(views, person, lookups, screen)
            if person.may("view", "create") and st.button(
                "Save this view", icon=":material/add:", key=f"{screen.page}.saved.new", on_click=_close, args=(screen,)
            ):  # fmt: skip
                saved_view_dialogs.save(person, lookups, screen, now(screen))


def _list_key(screen: Screen) -> str:
    return f"{screen.page}_saved_list_{st.session_state.get(_turn(screen), 0)}"


def _close(screen: Screen) -> None:
    """Shut the list, by making the next run's another one: it would stand before the dialog that comes, and keep the keyboard out of it."""
    st.session_state[_turn(screen)] = st.session_state.get(_turn(screen), 0) + 1


def _turn(screen: Screen) -> str:
    return f"{screen.page}.saved.turn"


def said(view: SavedView, person: Person, lookups: Lookups) -> str:
    """Whose it is: "yours alone", "for Gulf", "for everyone, by Mona"."""
    who = {PRIVATE: "yours alone", TEAM: f"for {lookups.names.teams.get(view.for_team_id or 0, 'a team')}", EVERYONE: "for everyone"}[view.audience]
    by = "" if view.owner_id in (person.id, None) else f", by {lookups.names.people.get(view.owner_id or 0, 'somebody')}"
    opens = ", opens by itself for a role" if view.default_for_role_id else ""
    return f"{who}{by}{opens}"


def _draw_list(views: Sequence[SavedView], person: Person, lookups: Lookups, screen: Screen) -> None:
    if not views:
        st.caption("No views yet. Set the filters as you like them, then press “Save this view”.")
    for view in views:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{screen.page}_saved_{view.id}"):
            st.button(view.name, key=f"{screen.page}.saved.open.{view.id}", type="tertiary", on_click=_open, args=(view, screen))
            st.html(f"<span class='tl-muted'>{escape(said(view, person, lookups))}</span>", width="stretch")
            _draw_acts(view, person, lookups, screen)


def _draw_acts(view: SavedView, person: Person, lookups: Lookups, screen: Screen) -> None:
    acts = acts_of(view, person)
    if not acts:
        return
    picked = st.menu_button(
        "", acts, format_func=ACTS.__getitem__, key=f"{screen.page}.saved.acts.{view.id}", icon=":material/more_horiz:", help="More", type="tertiary",
        on_click=_close, args=(screen,),
    )  # fmt: skip
    if picked == "rename":
        saved_view_dialogs.change(view, person, lookups, screen)
    elif picked:
        _act(str(picked), view, person, now(screen))


def acts_of(view: SavedView, person: Person) -> list[str]:
    """What this person may do with the view. What is shared, only those who may share so far change; the maker may always delete it."""
    scope: dict[str, Any] = {"team_id": view.for_team_id, "owner_id": view.owner_id, "person_id": person.id}
    share = person.reach("view", "share")
    may_share = view.audience == PRIVATE or share.everywhere or (view.audience == TEAM and view.for_team_id in share.teams)
    acts = ["update", "rename", "unpin" if view.is_pinned else "pin"] if may_share and person.reach("view", "edit").covers(**scope) else []
    return [*acts, *(["delete"] if person.reach("view", "delete").covers(**scope) else [])]


def _act(act: str, view: SavedView, person: Person, address: Mapping[str, list[str]]) -> None:
    """Do it, say so, and offer the way back."""
    values: Mapping[str, Any] = {"address": address} if act == "update" else {"is_pinned": act == "pin"}
    done = {"update": "now keeps what is shown", "pin": "is pinned", "unpin": "is pinned no more", "delete": "is deleted"}[act]
    try:
        with acting_as(person) as session:
            if act == "delete":
                outcome = use_cases.remove_view(session, view.id, view.version, name=view.name, source="page")
            else:
                outcome = use_cases.change_view(session, view.id, view.version, values, name=view.name, source="page")
    except CrmError as error:
        messages.leave(error.detail)
    else:
        messages.leave(f"The view “{view.name}” {done}.", outcome.change_set_id)
    st.rerun()
