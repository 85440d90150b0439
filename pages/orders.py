"""Orders: where do orders come from, did the last readings go well, which customers become leads? For those who configure."""

import streamlit as st

from crm.access import acting_as
from crm.customers import configuring
from crm.customers.mirror_state import held, mirror_state, standing_questions
from crm.ui import look, messages, mirror_line, order_lens
from crm.ui.lookups import look_up
from crm.ui.viewer import viewer

person = viewer("settings", "configure", everywhere=True)
lookups = look_up(person)
with acting_as(person) as session:
    state, mirrored = mirror_state(session), held(session)
    connection, rules, runs = standing_questions(session), configuring.rules(session), configuring.newest_runs(session)

look.head("Orders", mirror_line.said(state), f"{mirrored.customers:,} customers", f"{mirrored.orders:,} orders")
messages.draw(person)
order_lens.draw_alarms(state)
left, right = st.columns(2, gap="large")
with left:
    order_lens.draw_connection(person, connection)
with right:
    order_lens.draw_rules(rules, lookups)
order_lens.draw_runs(person, state, runs)
