"""Fields: what do we write down about leads, companies and contacts beside what everybody has? For those who configure fields, managers for their team."""

import streamlit as st

from crm.ui import field_editor, look, messages
from crm.ui.lookups import look_up
from crm.ui.viewer import viewer

person = viewer("field", "configure")
lookups = look_up(person)

head = st.container(key="fields_head")
messages.draw(person, on_undo=field_editor.begin_anew)
place = field_editor.ask_place(person, lookups)
with head:
    look.head("Fields", field_editor.RECORD_TYPES[place[0]].lower(), lookups.names.teams.get(place[1] or 0, "every team"))
field_editor.draw(person, lookups, place)
