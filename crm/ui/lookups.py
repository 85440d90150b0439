"""Names and choices that every page needs: people, teams, pipelines, currencies.

Read under the person's own wall and kept per person and access stamp, which grows whenever one of them changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import streamlit as st

from crm.access import Person, acting_as
from crm.customers import reads as customers
from crm.fields.catalogue import NO_FIELDS, Catalogue, own_catalogue
from crm.fields.kinds import Definition
from crm.leads import reads
from crm.pipelines.reads import PipelineRow, StageRow, pipelines
from crm.ui.words import Names


@dataclass(frozen=True)
class Lookups:
    """What ids are called and what may be chosen, for one person."""

    names: Names
    pipelines: Sequence[PipelineRow]
    owners: Sequence[int]
    currencies: tuple[str, ...]
    """Codes of the currencies a value may be in."""
    catalogue: Catalogue = NO_FIELDS
    lead_fields: Sequence[Definition] = ()
    """Custom fields of leads that the person can come upon."""

    @cached_property
    def stages(self) -> dict[int, StageRow]:
        return {stage.id: stage for pipeline in self.pipelines for stage in pipeline.stages}

    def pipeline_label(self, pipeline_id: int) -> str:
        """The pipeline's name, with its team's where two are called alike."""
        pipeline = next((p for p in self.pipelines if p.id == pipeline_id), None)
        if pipeline is None:
            return "All pipelines"
        alike = sum(p.name == pipeline.name for p in self.pipelines) > 1
        return f"{pipeline.name} · {self.names.teams.get(pipeline.team_id, '')}" if alike else pipeline.name


def look_up(person: Person) -> Lookups:
    """What the page needs to name things; read once per access stamp."""
    return _read(person.id, person.stamp, person)


@st.cache_resource(ttl=300, max_entries=500, show_spinner=False)  # currencies alone are not in the stamp
def _read(person_id: int, stamp: int, _person: Person) -> Lookups:
    with acting_as(_person) as session:
        found, fields = pipelines(session), own_catalogue(session)
        names = Names(
            person_id, _person.time_zone, reads.names_of_people(session), reads.names_of_teams(session),
            {p.id: p.name for p in found}, {s.id: s for p in found for s in p.stages},
            {each.name: each for each in fields.fields if each.record_type == "lead"},
        )  # fmt: skip
        return Lookups(names, found, reads.possible_owners(session), reads.currencies(session), fields, _lead_fields(_person, fields))


def _lead_fields(person: Person, fields: Catalogue) -> list[Definition]:
    reach = person.reach("lead", "view")
    return fields.of_teams("lead", None if reach.everywhere else reach.teams | person.team_ids)


def customer_choices(person: Person) -> tuple[dict[str, str], list[str]]:
    """What customers can be narrowed to: markets (code -> name) and segments; a few minutes old at most."""
    return _customer_choices(person.id, person.stamp, person)


@st.cache_resource(ttl=300, max_entries=500, show_spinner=False)
def _customer_choices(person_id: int, stamp: int, _person: Person) -> tuple[dict[str, str], list[str]]:
    with acting_as(_person) as session:
        return customers.choices(session)
