"""The Leads page's filters as saved views keep them."""

from __future__ import annotations

from functools import partial

from crm.access import Person
from crm.ui import custom_fields, filters, grid_columns, lead_behind
from crm.ui.lookups import Lookups, teams_in_sight
from crm.ui.view_params import Param, Screen, by_text, pipelines
from crm.views.rules import BEHIND


def screen(person: Person, lookups: Lookups, *, begins_with_own: bool) -> Screen:
    """Every filter of the page by its name in the address."""
    stages = dict.fromkeys(stage.name for pipeline in lookups.pipelines for stage in pipeline.stages)
    people = {name: person_id for person_id, name in lookups.names.people.items()}
    found = {
        "view": Param("mine" if begins_with_own else "team", by_text(filters.VIEWS), is_said_always=True),
        "q": Param(""),
        "stage": Param([], {name: name for name in stages}, is_many=True),
        "owner": Param([], {**people, "Nobody": filters.NOBODY}, is_many=True),
        "sort": Param("-updated_at", by_text(filters.SORTS)),
        "group": Param("", by_text(filters.GROUPS)),
        "columns": Param(list(grid_columns.USUAL), by_text(grid_columns.names_of(lookups)), is_many=True),
        **custom_fields.filter_params(lookups),
    }
    if len(lookups.markets) > 1:
        found["market"] = Param([], by_text(lookups.markets), is_many=True)
    if len(teams := teams_in_sight(person, lookups)) > 1:
        found["team"] = Param(None, {"All teams": None, **{lookups.names.teams[team_id]: team_id for team_id in teams}})
    if len(lookups.pipelines) > 1:
        found["pipeline"] = pipelines(lookups, lookups.pipelines, {lookups.pipeline_label(filters.ALL_PIPELINES): filters.ALL_PIPELINES})
    return Screen("leads", "Leads", found, {name: partial(_said, lookups, name) for name in BEHIND})


def _said(lookups: Lookups, name: str, text: str) -> str:
    """What a chip says of it."""
    return next((said for said, _ in lead_behind.parts(lookups, {name: text}).values()), "")
