"""Home: what waits for me now? For everybody who may see leads; each figure opens the rows behind it."""

import streamlit as st

from crm.access import acting_as
from crm.changes import count_open
from crm.customers.asking import ask_for_sync
from crm.ui import goal_progress, lead_list, look, messages, mirror_line, my_day
from crm.ui.lookups import look_up
from crm.ui.viewer import viewer

person = viewer("lead")
lookups = look_up(person)
head = st.container(key="home_top", gap=None)
own = my_day.ask_whose(person, owns=lead_list.begins_with_own(person))
with acting_as(person) as session:
    day = my_day.read(session, person, own=own)
    waiting = count_open(session)
    mirror = mirror_line.read(session, person)
if mirror and mirror.is_old and not mirror.running:
    ask_for_sync(person)

with head, st.container(horizontal=True, key="home_head", vertical_alignment="center", gap="small"):
    whose = "my leads" if own else "leads of everybody"
    look.head(my_day.greeting(person), lead_list.place_of(person, lookups), whose, "USD", "now", mirror_line.said(mirror))
    mirror_line.draw_button(mirror, person)
messages.draw(person)
my_day.draw_figures(day, waiting, person, own=own)
if day.progress:
    goal_progress.draw(day.progress, person, own=own)
my_day.draw_neglected(day)
left, right = st.columns(2, gap="large")
with left:
    my_day.draw_next(day, person, lookups)
with right:
    if not own:
        my_day.draw_team(day, lookups)
    my_day.draw_moves(day, lookups)
