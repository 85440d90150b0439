"""Names and choices that every page needs: people, teams, pipelines, currencies.

Read under the person's own wall and kept per person and access stamp, which grows whenever one of them changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property

import streamlit as st

from crm.access import Person, acting_as
from crm.assignment.absence import away
from crm.clock import today
from crm.customers import reads as customers
from crm.fields.catalogue import NO_FIELDS, Catalogue, lead_fields_of, own_catalogue
from crm.fields.kinds import Definition
from crm.goals.reads import starts_in
from crm.leads import reads
from crm.ledger.fold import zone_of_days
from crm.organisation.reads import HolidayRow, holidays, markets
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
    markets: Mapping[str, str] = field(default_factory=dict)
    """Country code -> name."""
    whose: Sequence[int] = ()
    """Those whose leads a list can be narrowed to: more than may be given leads, for whoever only looks, and where somebody has left."""
    catalogue: Catalogue = NO_FIELDS
    lead_fields: Sequence[Definition] = ()
    """Custom fields of leads that the person can come upon."""
    zone: str = "UTC"
    """The time zone in which reports begin and end their days."""
    fiscal_month: int = 1
    """The month in which the fiscal year starts."""
    holidays: Sequence[HolidayRow] = ()
    """Those that are not over."""

    @cached_property
    def stages(self) -> dict[int, StageRow]:
        return {stage.id: stage for pipeline in self.pipelines for stage in pipeline.stages}

    def whose_for(self, key: str) -> list[int]:
        """The same for a filter, with whomever the address or the filter itself names: names are known to all, and leads of theirs may be in sight."""
        held = st.session_state.get(key)
        by_name = {name: person_id for person_id, name in self.names.people.items()}
        named = [by_name.get(text, 0) for text in st.query_params.get_all(key)]
        chosen = [*named, *(held if isinstance(held, list) else [held])]
        return list(dict.fromkeys([*self.whose, *(each for each in chosen if each in self.names.people)]))

    def days_off(self, market: str | None) -> dict[date, str]:
        """Day -> the holiday's name: everybody's, and those of the market."""
        return {each.day: each.name for each in self.holidays if each.market in (None, market)}

    def pipeline_label(self, pipeline_id: int) -> str:
        """The pipeline's name, with its team's where two are called alike."""
        pipeline = next((p for p in self.pipelines if p.id == pipeline_id), None)
        if pipeline is None:
            return "All pipelines"
        alike = sum(p.name == pipeline.name for p in self.pipelines) > 1
        return f"{pipeline.name} · {self.names.teams.get(pipeline.team_id, '')}" if alike else pipeline.name


def look_up(person: Person) -> Lookups:
    """What the page needs to name things; read once per access stamp."""
    return _read((person.id, person.is_read_only), person.stamp, person)


# Currencies, markets, and the day on which somebody is away, are not in the stamp; whom one may choose differs for those who only look.
@st.cache_resource(ttl=300, max_entries=500, show_spinner=False)
def _read(who: tuple[int, bool], stamp: int, _person: Person) -> Lookups:
    with acting_as(_person) as session:
        found, fields = pipelines(session), own_catalogue(session)
        names = Names(
            who[0], _person.time_zone, reads.names_of_people(session), reads.names_of_teams(session),
            {p.id: p.name for p in found}, {s.id: s for p in found for s in p.stages}, away(session),
            {each.name: each for each in fields.fields if each.record_type == "lead"},
        )  # fmt: skip
        return Lookups(
            names, found, reads.possible_owners(session), reads.currencies(session), markets(session),
            tuple(dict.fromkeys([*reads.possible_owners(session), *reads.colleagues(session)])), fields, _lead_fields(_person, fields),
            zone_of_days(session), starts_in(session), holidays(session, since=today("UTC") - timedelta(days=1)),
        )  # fmt: skip


def _lead_fields(person: Person, fields: Catalogue) -> list[Definition]:
    hidden = person.hidden_fields("lead")
    return [field for field in lead_fields_of(person, fields) if field.name not in hidden]


def teams_in_sight(person: Person, lookups: Lookups) -> list[int]:
    """The teams whose leads the person sees, by name."""
    reach = person.reach("lead", "view")
    return [team_id for team_id in lookups.names.teams if reach.everywhere or team_id in reach.teams]


def where_pipelines_come_from(person: Person) -> str:
    """What to do where there is none yet."""
    return "Make the first one under Pipelines." if person.may("pipeline", "configure") else "Ask an admin to add one to your team."


def customer_choices(person: Person) -> tuple[dict[str, str], list[str]]:
    """What customers can be narrowed to: markets (code -> name) and segments; a few minutes old at most."""
    return _customer_choices(person.id, person.stamp, person)


@st.cache_resource(ttl=300, max_entries=500, show_spinner=False)
def _customer_choices(person_id: int, stamp: int, _person: Person) -> tuple[dict[str, str], list[str]]:
    with acting_as(_person) as session:
        return customers.choices(session)


def forget() -> None:
    """Read names and choices afresh: markets are not in the access stamp."""
    _read.clear()
    _customer_choices.clear()
