"""Templates: what do we write to people again and again? For whoever may see templates; those who may, write them."""

import streamlit as st

from crm.access import acting_as
from crm.templates import reads
from crm.ui import look, messages
from crm.ui.lookups import look_up
from crm.ui.templates import editor, sheets, shelf
from crm.ui.viewer import viewer

person = viewer("template")
lookups = look_up(person)
sheets.take_in()
with acting_as(person) as session:
    listed = reads.templates(session)
by_id = {each.id: each for each in listed}
chosen = sheets.asked_for(by_id)
may_create = person.may("template", "create") and not person.is_viewed

look.head("Templates", f"{len(listed)} in sight" if listed else "", "plain text with fields of the lead")
messages.draw(person, on_undo=sheets.begin_anew)
left, right = st.columns([2, 9], gap="medium")
with left:
    shelf.draw(listed, chosen, person, lookups)
with right:
    if chosen == sheets.NEW and may_create:
        editor.draw(person, lookups, editor.empty_one(person, lookups))
    elif chosen in by_id:
        sheets.turn_to(chosen)
        editor.draw(person, lookups, by_id[chosen])
    elif chosen:
        look.empty("That template is not there any more, or it is not shared with you.", "Choose another one on the left.")
    else:
        hint = "Write the first one: what your team says to every new lead." if may_create else "Whoever has the grant “template: create” can write one."
        look.empty("No templates yet.", hint)
