"""Where somebody works: one line a place, each a team with a role in it, or a role for the whole organisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import streamlit as st

from crm.errors import Invalid
from crm.people import reads
from crm.people.use_cases import Place

EVERYWHERE = 0


def forget(key: str) -> None:
    """Begin with what stands when the dialog is opened again."""
    for name in [name for name in st.session_state if str(name).startswith(f"{key}.place")]:
        del st.session_state[name]


def ask(teams: Sequence[reads.Choice], roles: Sequence[reads.Choice], *, key: str, now: Sequence[reads.Place] = ()) -> list[Place] | None:
    """The places as (team id, role id); None, with a line that says so, while one of them is half chosen."""
    lines: list[int] = st.session_state.setdefault(f"{key}.places", list(range(max(len(now), 1))))
    standing = dict(enumerate(now))
    found: list[Place] = []
    is_whole = True
    with st.container(key=f"{key.replace('.', '_')}_places", gap="small"):
        for number in lines:
            team, role = _ask_line(teams, roles, standing.get(number), f"{key}.place", number, is_labelled=number == lines[0])
            if team is not None and role is not None:
                found.append((team or None, role))
            is_whole = is_whole and (team is None or role is not None)
    st.button("Another team", key=f"{key}.place.more", type="tertiary", icon=":material/add:", on_click=_add_line, args=(key,))
    return found if is_whole else None


def require(places: list[Place] | None) -> list[Place]:
    """The places, or `Invalid` in words while one is half chosen."""
    if places is None:
        raise Invalid("Choose a role for each team, or take the line out.", field="role")
    return places


def _add_line(key: str) -> None:
    lines = st.session_state[f"{key}.places"]
    st.session_state[f"{key}.places"] = [*lines, max(lines, default=-1) + 1]


def _drop_line(key: str, number: int) -> None:
    name = f"{key}s"
    st.session_state[name] = [line for line in st.session_state[name] if line != number]


def _ask_line(
    teams: Sequence[reads.Choice], roles: Sequence[reads.Choice], now: reads.Place | None, key: str, number: int, *, is_labelled: bool
) -> tuple[int | None, int | None]:
    """One line: the team (`EVERYWHERE` for the whole organisation) and the role; None for what is not chosen yet."""
    names = {EVERYWHERE: "Whole organisation", **{team.id: team.name for team in teams}}
    ids, held = list(names), (now.team_id or EVERYWHERE) if now else None
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key=f"{key.replace('.', '_')}_{number}"):
        shown: Literal["visible", "collapsed"] = "visible" if is_labelled else "collapsed"
        team = st.selectbox(
            "Team", ids, index=ids.index(held) if held in names else None, format_func=names.__getitem__, key=f"{key}.team.{number}",
            placeholder="Choose a team", label_visibility=shown,
        )  # fmt: skip
        fitting = {role.id: role.name for role in roles if role.is_organisation_wide == (team == EVERYWHERE)}
        options = list(fitting)
        role = st.selectbox(
            "Role", options, index=options.index(now.role_id) if now and now.role_id in fitting else None, format_func=lambda each: fitting.get(each, ""),
            key=f"{key}.role.{number}.{'wide' if team == EVERYWHERE else 'narrow'}", placeholder="Choose a role", label_visibility=shown,
        )  # fmt: skip
        with st.container(key=f"people_icon_{key.replace('.', '_')}_{number}", width="content"):
            st.button("Take out", icon=":material/close:", key=f"{key}.drop.{number}", type="tertiary", on_click=_drop_line, args=(key, number),
                      help=f"Take out {names[team]}" if team is not None else "Take out this line")  # fmt: skip
    return team, role
