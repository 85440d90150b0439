"""The teams on the People page: the tree, and what one does with a team."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from crm.access import acting_as
from crm.errors import CrmError
from crm.people import reads, use_cases
from crm.people.reads import TeamNode
from crm.ui import dialogs, look, messages, words
from crm.ui.viewer import viewer

NONE = 0


def draw(teams: Sequence[TeamNode], *, may_change: bool) -> None:
    """Each team below the one it is part of, with who works there."""
    if not teams:
        look.empty("No teams yet.", "Add one: people, pipelines and leads belong to teams.")
    with st.container(key="teams_list", gap=None):
        for team in teams:
            with st.container(horizontal=True, vertical_alignment="center", key=f"teams_row_{team.id}"):
                st.html(
                    f"<div class='tl-team' style='--depth:{min(team.depth, 8)}'><b>{escape(team.name)}</b>"
                    f"<span>{words.count(team.people, 'person', 'people')} · {words.count(team.leads, 'lead')}</span></div>",
                    width="stretch",
                )
                if may_change and st.button("Manage", key=f"teams.manage.{team.id}", type="tertiary", help=f"Name and place of {team.name}"):
                    dialogs.show(team.name, draw_one, team.id)
    st.caption("Whoever works in a team reaches the teams below it too, as far as their role says “team”.")


def add() -> None:
    dialogs.show("New team", draw_add)


def draw_add() -> None:
    """A name, and which team it is part of."""
    person = viewer("team", "configure", everywhere=True)
    with acting_as(person) as session:
        teams = reads.team_tree(session)
    with st.form("teams.add", border=False):
        name = st.text_input("Name", key="teams.add.name", max_chars=300, placeholder="Gulf retail")
        parent = _ask_parent(teams, teams, None, key="teams.add.parent")
        is_sent = st.form_submit_button("Add", type="primary", key="teams.add.send")
    if not is_sent:
        return
    try:
        with acting_as(person) as session:
            use_cases.add_team(session, name.strip(), parent_id=parent, source="page")
    except CrmError as error:
        st.error(error.detail)
        return
    messages.leave(f"The team “{name.strip()}” is added. It needs people and a pipeline next.")
    st.rerun()


def draw_one(team_id: int) -> None:
    """Another name, another place in the tree, or the end of a team that nothing hangs on."""
    person = viewer("team", "configure", everywhere=True)
    with acting_as(person) as session:
        teams = reads.team_tree(session)
    team = dialogs.seen(f"team {team_id}", lambda: next((each for each in teams if each.id == team_id), None))
    if team is None:
        st.error("This team is not there any more.")
        return
    with st.form(f"teams.change.{team.id}", border=False):
        name = st.text_input("Name", team.name, key=f"teams.name.{team.id}", max_chars=300)
        parent = _ask_parent(teams, _outside(teams, team), team.parent_id, key=f"teams.parent.{team.id}")
        with st.container(horizontal=True):
            is_sent = st.form_submit_button("Save", type="primary", key="teams.save")
            is_removed = st.form_submit_button("Remove", key="teams.remove", type="tertiary")
    if not (is_sent or is_removed):
        return
    try:
        with acting_as(person) as session:
            if is_removed:
                done = use_cases.remove_team(session, team.id, team.version, source="page")
            else:
                wanted = {"name": name.strip(), "parent_id": parent}
                changed = {key: value for key, value in wanted.items() if value != getattr(team, key)}
                done = use_cases.change_team(session, team.id, team.version, changed, source="page")
    except CrmError as error:
        st.error(error.detail)
        return
    messages.leave(f"The team “{team.name}” is {'removed' if is_removed else 'saved'}.", done.change_set_id)
    st.rerun()


def _ask_parent(teams: Sequence[TeamNode], choices: Sequence[TeamNode], now: int | None, *, key: str) -> int | None:
    names = {team.id: f"{'  ' * team.depth}{team.name}" for team in teams}
    ids = [NONE, *(team.id for team in choices)]
    found = st.selectbox("Part of", ids, index=ids.index(now) if now in ids else 0, format_func=lambda each: names.get(each, "no other team"), key=key)
    return found or None


def _outside(teams: Sequence[TeamNode], team: TeamNode) -> list[TeamNode]:
    """All but the team and those below it: a ring is no tree."""
    below = {team.id}
    for each in teams:  # the tree's own order: what is below comes after
        if each.parent_id in below:
            below.add(each.id)
    return [each for each in teams if each.id not in below]
