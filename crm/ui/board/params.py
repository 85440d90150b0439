"""The board's filters as saved views keep them. The past day that it shows is no part of a view."""

from __future__ import annotations

from crm.access import Person
from crm.ui import custom_fields
from crm.ui.board import asks
from crm.ui.lookups import Lookups, teams_in_sight
from crm.ui.view_params import Param, Screen, pipelines


def screen(person: Person, lookups: Lookups, *, begins_with_own: bool) -> Screen:
    """Every filter of the page by its name in the address."""
    people = {lookups.names.people[owner]: owner for owner in lookups.whose if owner in lookups.names.people and owner != lookups.names.me}
    whose = {**people, **{text: who for who, text in asks.SAID.items()}}
    teams = {lookups.names.teams[team_id]: team_id for team_id in teams_in_sight(person, lookups)}
    found = {
        "q": Param(""),
        "whose": Param(asks.ME if begins_with_own else asks.EVERYBODY, whose, is_said_always=True),
        "team": Param(None, {**teams, "All teams": None}),
        **custom_fields.filter_params(lookups),
    }
    if offered := asks.pipelines_with_stages(lookups):
        found["pipeline"] = pipelines(lookups, offered, {})
    return Screen("board", "Board", found)
