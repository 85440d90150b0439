"""My account: who am I here, where am I signed in, and how do I change my name, password or keys? For everybody."""

import streamlit as st

from crm.ui import account_parts, look, messages
from crm.ui.navigation import places_of
from crm.ui.viewer import viewer

person = viewer(is_private=True)
look.head("My account", person.name, person.email, places_of(person))
messages.draw(person)

left, right = st.columns(2, gap="large")
with left:
    account_parts.draw_myself(person)
    account_parts.draw_password(person)
    account_parts.draw_sessions(person)
with right:
    account_parts.draw_keys(person)
