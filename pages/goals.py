"""Goals: what does each team, and each of its people, mean to win this quarter? For those who set goals, managers for their teams."""

import streamlit as st

from crm.goals.rules import year_name
from crm.ui import goal_sheet, look, messages
from crm.ui.lookups import look_up
from crm.ui.viewer import viewer

person = viewer("goal", "configure")
lookups = look_up(person)

head = st.container(key="goals_head")
messages.draw(person)
asked = goal_sheet.ask(person, lookups)
with head:
    look.head("Goals", *((lookups.names.teams[asked[0]], f"fiscal year {year_name(asked[1])}") if asked else ()), "won value in USD")
if asked is None:
    look.empty("There is no team yet.", "Add a team under People first; then its goals are set here.")
    st.stop()
st.html("<p class='tl-muted'>The whole team's goal stands for its people and the teams below it; where it is empty, theirs are added up.</p>")
goal_sheet.draw(person, asked)
