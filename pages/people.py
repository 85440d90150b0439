"""People: who can sign in, where do they work, and when were they last here; and the teams. For those who look after people."""

import streamlit as st

from crm import clock
from crm.access import acting_as
from crm.people import reads
from crm.ui import look, messages, people_dialogs, people_list, team_tree, words
from crm.ui.viewer import viewer

person = viewer("person", "configure", everywhere=True)
may_shape_teams = person.reach("team", "configure").everywhere
with acting_as(person) as session:
    rows, teams = reads.list_people(session), reads.team_tree(session)

disabled = sum(row.disabled_at is not None for row in rows)
look.head(
    "People", words.count(len(rows), "person", "people"), f"{disabled} disabled" if disabled else "", words.count(len(teams), "team"), "whole organisation"
)
messages.draw(person)

with st.container(horizontal=True, vertical_alignment="center", key="people_top", gap="small"):
    part = st.segmented_control("Part", ["People", "Teams"], default="People", required=True, key="part", bind="query-params", label_visibility="collapsed")
    if part == "People":
        sought = st.text_input(
            "Find", key="people.filter.q", placeholder="Name, mail, team or role", label_visibility="collapsed", bind="query-params", width=320
        )
        if st.button("Add person", key="people.add_button", type="primary", icon=":material/person_add:"):
            people_dialogs.add()
    elif may_shape_teams and st.button("Add team", key="teams.add_button", type="primary", icon=":material/add:"):
        team_tree.add()

if part == "Teams":
    team_tree.draw(teams, may_change=may_shape_teams)
else:
    people_list.draw(rows, sought, today=clock.today(person.time_zone))
