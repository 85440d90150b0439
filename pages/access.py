"""Access: why can somebody see or change a lead, who else can, and how do two roles differ? For those who may see every role."""

from crm.access import acting_as
from crm.permissions.roles import role_choices
from crm.ui import access_parts, look, messages
from crm.ui.lookups import look_up
from crm.ui.viewer import viewer

person = viewer("role", "view", everywhere=True)
people = look_up(person).names.people
look.head("Access", "whole organisation", "as the database decides it", "now")
messages.draw(person)

person_id, lead_text, action = access_parts.ask(people)
with acting_as(person) as session:
    lead_id = access_parts.ask_lead(session, lead_text)
    access_parts.draw_why(session, people, person_id, lead_id, action)
    access_parts.draw_look_as(person, people, person_id)
    if lead_id is not None:
        access_parts.draw_who_can(session, lead_id, action)
    access_parts.draw_difference(session, role_choices(session))
