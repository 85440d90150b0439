"""Assignment: who gets a new lead for which nobody named an owner, and why? For those who configure a team's pipelines."""

import streamlit as st

from crm.access import acting_as
from crm.assignment import reads
from crm.ui import assignment_rules, look, messages, words
from crm.ui.lookups import look_up
from crm.ui.viewer import viewer

person = viewer("pipeline", "configure")
lookups = look_up(person)
teams = assignment_rules.teams_of(person, lookups)
with acting_as(person) as session:
    every = reads.assignment_rules(session)
rules = [rule for rule in every if rule.team_id in teams]

look.head("Assignment", words.count(len(rules), "rule"), words.count(len(teams), "team"))
messages.draw(person)
if not teams:
    look.empty("There is no team yet.", "Add a team under People first.")
    st.stop()
st.html("<p class='tl-muted'>The first rule that fits and has somebody there decides. Leads that name their owner are left alone.</p>")
assignment_rules.draw_trial(person, teams, every, lookups)
for team_id in teams:
    assignment_rules.draw_rules(person, team_id, every, lookups)
