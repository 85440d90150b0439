"""Names and choices that every page needs: people, teams, pipelines, currencies.

People and teams are kept per access stamp, which grows whenever one of them changes; pipelines are read on every run,
under the person's own wall.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import streamlit as st
from sqlalchemy.orm import Session

from crm.access import Person
from crm.leads import reads
from crm.pipelines.reads import PipelineRow, StageRow, pipelines
from crm.ui.words import Names


@dataclass(frozen=True)
class Lookups:
    """What ids are called and what may be chosen, for one person and one run."""

    names: Names
    pipelines: Sequence[PipelineRow]
    owners: Sequence[int]

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


def look_up(session: Session, person: Person) -> Lookups:
    """Read what the page needs to name things. One query when people and teams are remembered."""
    found = pipelines(session)
    assign = person.reach("lead", "assign")
    names = Names(
        person.id, person.time_zone, _people(session, stamp=person.stamp), _teams(session, stamp=person.stamp),
        {p.id: p.name for p in found}, {s.id: s for p in found for s in p.stages},
    )  # fmt: skip
    owners = _owners(session, person.id, assign.everywhere, tuple(sorted(assign.teams)), stamp=person.stamp)
    return Lookups(names, found, owners)


# The session is not part of the key (its name begins with an underscore); who asks and how far they reach is.


@st.cache_data(ttl=600, max_entries=4, show_spinner=False)
def _people(_session: Session, *, stamp: int) -> dict[int, str]:
    return reads.names_of_people(_session)


@st.cache_data(ttl=600, max_entries=4, show_spinner=False)
def _teams(_session: Session, *, stamp: int) -> dict[int, str]:
    return reads.names_of_teams(_session)


@st.cache_data(ttl=600, max_entries=500, show_spinner=False)
def _owners(_session: Session, person_id: int, everywhere: bool, team_ids: tuple[int, ...], *, stamp: int) -> tuple[int, ...]:
    return reads.possible_owners(_session)


@st.cache_data(ttl=300, max_entries=4, show_spinner=False)
def _currencies(_session: Session) -> tuple[str, ...]:
    return reads.currencies(_session)


def currencies(session: Session) -> tuple[str, ...]:
    """Codes of the currencies a value may be in."""
    return _currencies(session)
