"""The dialogs that keep a view under a name and change one."""

from __future__ import annotations

from typing import Any

import streamlit as st

from crm.access import Person, acting_as
from crm.changes import Outcome
from crm.dashboards.reads import Dashboard
from crm.errors import CrmError
from crm.ui import dialogs, messages
from crm.ui.lookups import Lookups
from crm.ui.view_params import Screen
from crm.views import reads, use_cases
from crm.views.reads import SavedView
from crm.views.records import LONGEST_NAME
from crm.views.rules import EVERYONE, PRIVATE, TEAM, Address

Audience = tuple[str, int | None]
"""(who sees it, the team)."""
NO_ROLE = 0


def save(person: Person, lookups: Lookups, screen: Screen, address: Address) -> None:
    """Open the dialog that keeps what is shown now."""
    dialogs.show("Save this view", draw_save, person, lookups, screen, address)


def change(view: SavedView, person: Person, lookups: Lookups, screen: Screen) -> None:
    """Open the dialog that renames or shares a view."""
    dialogs.show(view.name, draw_change, view, person, lookups, screen)


def audiences(person: Person, lookups: Lookups, standing: SavedView | Dashboard | None = None) -> list[Audience]:
    """For whom this person may make a view or a dashboard: themselves, the teams and everyone as far as the grant to share reaches."""
    share = person.reach("view", "share")
    found: list[Audience] = [(PRIVATE, None)] if standing is None or standing.owner_id == person.id else []
    found += [(TEAM, team_id) for team_id in lookups.names.teams if share.everywhere or team_id in share.teams]
    return [*found, *([(EVERYONE, None)] if share.everywhere else [])]


def said(audience: Audience, lookups: Lookups) -> str:
    who, team_id = audience
    return {PRIVATE: "Only me", TEAM: f"Team {lookups.names.teams.get(team_id or 0, '')}", EVERYONE: "Everyone"}[who]


def draw_save(person: Person, lookups: Lookups, screen: Screen, address: Address) -> None:
    """Name, audience, pinned or not."""
    with st.form(f"{screen.page}.saved.form", border=False):
        values = _ask(person, lookups, screen, None)
        st.caption(f"It keeps what is shown now: {kept_words(screen, address)}.")
        is_sent = st.form_submit_button("Save view", type="primary", key=f"{screen.page}.saved.save")
    if is_sent:
        _write(lambda session: use_cases.save_view(session, {**values, "page": screen.page, "address": address}, source="page"), person, values["name"])


def kept_words(screen: Screen, address: Address) -> str:
    """What a view keeps, in the words of its filters."""
    beside = screen.only_in_address
    asked = [beside[name](text) if name in beside else text for name, texts in address.items() for text in texts if name != "columns"]
    asked += ["these columns"] if "columns" in screen.params else []
    return ", ".join(asked) or "everything, in the usual order"


def draw_change(view: SavedView, person: Person, lookups: Lookups, screen: Screen) -> None:
    """The same for a view that there is, and the role for which the page opens with it. Its link can be sent to whoever sees it."""
    with st.form(f"{screen.page}.saved.form", border=False):
        values = _ask(person, lookups, screen, view)
        if len(audiences(person, lookups, view)) > 1:
            values["default_for_role_id"] = _ask_role(person, screen, view)
        st.caption("Its link, for whoever sees it:")
        st.code(f"/{screen.page}?saved={view.id}", language=None)
        is_sent = st.form_submit_button("Save", type="primary", key=f"{screen.page}.saved.save")
    if is_sent:
        _write(lambda session: use_cases.change_view(session, view.id, view.version, values, name=view.name, source="page"), person, values["name"])


def _ask(person: Person, lookups: Lookups, screen: Screen, view: SavedView | None) -> dict[str, Any]:
    choices = audiences(person, lookups, view)
    standing = (view.audience, view.for_team_id) if view else choices[0]
    name = st.text_input("Name", view.name if view else "", key=f"{screen.page}.saved.name", max_chars=LONGEST_NAME, placeholder="Hot in Gulf")
    audience = st.selectbox(
        "Who sees it", choices, index=choices.index(standing) if standing in choices else 0, key=f"{screen.page}.saved.audience",
        format_func=lambda each: said(each, lookups), disabled=len(choices) == 1,
        help="An admin can let you share views with a team or everyone: “view: share”." if len(choices) == 1 else None,
    ) or standing  # fmt: skip
    is_pinned = st.toggle("Pinned above the list", view.is_pinned if view else True, key=f"{screen.page}.saved.pinned")
    return {"name": name.strip(), "audience": audience[0], "for_team_id": audience[1], "is_pinned": is_pinned}


def _ask_role(person: Person, screen: Screen, view: SavedView) -> int | None:
    with acting_as(person) as session:
        roles = {NO_ROLE: "Nobody by itself", **reads.roles(session)}
    picked = st.selectbox(
        f"The page {screen.title} opens with it for", list(roles), index=list(roles).index(view.default_for_role_id or NO_ROLE),
        key=f"{screen.page}.saved.role", format_func=lambda role: roles[role].capitalize() if role else roles[role],
    )  # fmt: skip
    return picked or None


def _write(write: Any, person: Person, name: str) -> None:
    """Write it, or say in the dialog why not."""
    try:
        with acting_as(person) as session:
            outcome: Outcome = write(session)
    except CrmError as error:
        st.error(error.detail)
        return
    messages.leave(f"The view “{name}” is saved.", outcome.change_set_id)
    st.rerun()
