"""Roles that tests make on the way."""

from __future__ import annotations

from crm.access import Person, acting_as
from crm.people.use_cases import place_person, role_id
from crm.roles.reads import list_roles
from crm.roles.use_cases import add_role, role_edits, save_role
from tests.cast import Cast


def hide_from(cast: Cast, name: str, *fields: str) -> Person:
    """The person, whose role in Gulf is from now on a copy of rep that hides these fields of leads."""
    with acting_as(cast.who("alma")) as session:
        made = add_role(session, "Narrow", like=role_id(session, "rep"), source="test").results[0].record_id
        role = next(role for role in list_roles(session) if role.id == made)
        save_role(session, role_edits(role, fields={("lead", field): "hidden" for field in fields}), name="Narrow", source="test")
        place_person(session, cast.people[name], [(cast.teams["Gulf"], made)])
    return cast.who(name)
