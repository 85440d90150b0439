"""The templates in sight, team by team, to choose one."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

import streamlit as st

from crm.access import Person
from crm.templates.reads import Template
from crm.ui.lookups import Lookups
from crm.ui.templates import sheets

EVERYBODY = "Everybody's"


def whose(team_id: int | None, lookups: Lookups) -> str:
    return EVERYBODY if team_id is None else lookups.names.teams.get(team_id, "A team that is gone")


def draw(listed: Sequence[Template], chosen: int | None, person: Person, lookups: Lookups) -> None:
    """Names under their team's; a dot says that something typed is not saved yet."""
    with st.container(key="templates_shelf", gap=None):
        if person.may("template", "create") and not person.is_viewed:
            st.button("New template", key="templates.new", icon=":material/add:", on_click=sheets.turn_to, args=(sheets.NEW,), width="stretch")
        for team, group in groupby(listed, lambda each: whose(each.team_id, lookups)):
            st.html(f"<h4 class='tl-shelf'>{escape(team)}</h4>")
            for each in group:
                mark = " •" if sheets.is_unsaved(each.id) else ""
                st.button(
                    f"{plain(each.name)}{mark}", key=f"templates.open.{each.id}", type="secondary" if each.id == chosen else "tertiary", width="stretch",
                    on_click=sheets.turn_to, args=(each.id,),
                )  # fmt: skip


def plain(name: str) -> str:
    """A name in a label, where Streamlit would read signs as Markdown."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()#+-.!<>|~:$" else sign for sign in name)
