"""Home: what waits for me now? For everybody who may see leads; each figure opens the rows behind it."""

import streamlit as st

from crm.access import acting_as
from crm.changes import count_open
from crm.ui import lead_list, look, messages, my_day
from crm.ui.lookups import look_up
from crm.ui.viewer import viewer

person = viewer("lead")
lookups = look_up(person)
own = lead_list.begins_with_own(person)
with acting_as(person) as session:
    day = my_day.read(session, person, own=own)
    waiting = count_open(session)

look.head(my_day.greeting(person), lead_list.place_of(person, lookups), "my leads" if own else "leads of everybody", "USD", "now")
messages.draw(person)
my_day.draw_figures(day, waiting, own=own)
left, right = st.columns(2, gap="large")
with left:
    my_day.draw_next(person, lookups, own=own)
with right:
    my_day.draw_moves(person, lookups, own=own)
