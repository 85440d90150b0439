"""Access: why can somebody see or change a lead, who else can, and how do two roles differ? For those who may see roles, managers for their teams."""

from crm.access import acting_as
from crm.permissions.explaining import askable
from crm.permissions.roles import role_choices
from crm.ui import access_parts, look, messages
from crm.ui.lookups import look_up
from crm.ui.viewer import viewer

person = viewer("role", "view")
sees_every_role = person.reach("role", "view").everywhere
look.head("Access", "whole organisation" if sees_every_role else "people of your teams", "as the database decides it", "now")
messages.draw(person)

with acting_as(person) as session:
    people = askable(session) or look_up(person).names.people
    person_id, lead_text, action = access_parts.ask(people)
    lead_id = access_parts.ask_lead(session, lead_text)
    access_parts.draw_why(session, person_id, lead_id, action)
    access_parts.draw_look_as(person, people, person_id)
    if lead_id is not None:
        access_parts.draw_who_can(session, lead_id, action, is_whole=sees_every_role)
    if sees_every_role:
        access_parts.draw_difference(session, role_choices(session))
