"""Which pipeline is shaped, and where new ones come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st
from sqlalchemy.orm import Session

from crm.access import Person, acting_as, person_of
from crm.configuration.making import archive_pipeline, new_pipeline
from crm.configuration.pipeline_impact import Counted, leads_in
from crm.errors import CrmError
from crm.leads.reads import names_of_teams
from crm.pipelines.reads import PipelineRow, pipelines
from crm.pipelines.ready_made import READY_MADE
from crm.ui import messages
from crm.ui.lookups import Lookups
from crm.ui.shape import file_dialog, state
from crm.ui.viewer import viewer

MADE = "pipelines.made"
"""The pipeline that has just been made."""


def configurable(session: Session) -> list[PipelineRow]:
    """The pipelines that the person may shape, team by team."""
    reach = person_of(session).reach("pipeline", "configure")
    return [pipeline for pipeline in pipelines(session) if reach.everywhere or pipeline.team_id in reach.teams]


def leads_held(person: Person, pipeline: PipelineRow) -> Mapping[int, Counted]:
    """Leads by stage, some seconds old at most: each key that is pressed draws the page anew, and there may be a million of them."""
    return _leads_held(person.id, person.stamp, tuple(stage.id for stage in pipeline.stages), person)


@st.cache_resource(ttl=5, max_entries=200, show_spinner=False)
def _leads_held(person_id: int, stamp: int, stage_ids: tuple[int, ...], _person: Person) -> Mapping[int, Counted]:
    with acting_as(_person) as session:
        return leads_in(session, stage_ids)


def choose(mine: Sequence[PipelineRow], person: Person, lookups: Lookups) -> PipelineRow | None:
    """Draw the choice and what can be done with pipelines as a whole; None where there is none yet."""
    by_id = {pipeline.id: pipeline for pipeline in mine}
    if (made := st.session_state.pop(MADE, None)) in by_id:  # whoever has made it goes on with it
        st.session_state["pipeline"] = made
    with st.container(horizontal=True, vertical_alignment="bottom", key="pipelines_top"):
        chosen = None
        if by_id:
            chosen = by_id.get(
                st.selectbox(
                    "Pipeline", list(by_id), key="pipeline", bind="query-params", width=300, label_visibility="collapsed",
                    format_func=lambda i: f"{by_id[i].name} · {lookups.names.teams.get(by_id[i].team_id, '')}" if i in by_id else "",
                )
            )  # fmt: skip
        st.space("stretch")
        if st.button("New pipeline", key="pipelines.new", icon=":material/add:"):
            _new()
        _menu(chosen, person)
    return chosen


def _menu(pipeline: PipelineRow | None, person: Person) -> None:
    picked = file_dialog.draw_menu("pipelines", "pipeline", state.begin_anew, more={"archive": "Archive this pipeline…"} if pipeline else None)
    if picked == "archive" and pipeline:
        _archive(pipeline, person)


@st.dialog("New pipeline", width="medium")
def _new() -> None:
    """From a ready-made one or empty; it is made at once, and changed afterwards like any other."""
    person = viewer("pipeline", "configure")
    with acting_as(person) as session:
        teams, served = _teams(session), {pipeline.team_id for pipeline in pipelines(session)}
    kind = st.radio(
        "Begin with", list(READY_MADE), key="pipelines.new.kind", captions=[_says(name) for name in READY_MADE],
        format_func=lambda name: "Empty" if name == "empty" else READY_MADE[name].name,
    )  # fmt: skip
    name = st.text_input("Name", READY_MADE[kind].name, key=f"pipelines.new.name.{kind}", max_chars=80)
    ids = sorted(teams, key=lambda team: team in served)  # a team that has none yet comes first
    team_id = st.selectbox("Team", ids, format_func=lambda i: teams[i], key="pipelines.new.team")
    if not st.button("Make it", key="pipelines.new.make", type="primary"):
        return
    try:
        with acting_as(person) as session:
            done = new_pipeline(session, name, team_id, READY_MADE[kind].stages, source="configuration")
    except CrmError as error:
        st.error(error.detail)
        return
    st.session_state[MADE] = (done.made or {}).get("pipeline")
    messages.leave(f"“{name}” is ready. Shape its stages below.", done.change_set_id)
    st.rerun()


def _says(name: str) -> str:
    made = READY_MADE[name]
    return f"{made.says[0].upper()}{made.says[1:]}: {', '.join(str(stage['name']) for stage in made.stages)}."


def _teams(session: Session) -> dict[int, str]:
    reach = person_of(session).reach("pipeline", "configure")
    return {team_id: name for team_id, name in names_of_teams(session).items() if reach.everywhere or team_id in reach.teams}


@st.dialog("Archive this pipeline")
def _archive(pipeline: PipelineRow, person: Person) -> None:
    """Nobody starts new leads in it; those in it stay and can be found."""
    st.markdown(f"**{pipeline.name}** leaves boards and choices. Its leads stay as they are and can still be found. You can undo this.")
    if not st.button("Archive", key="pipelines.archive", type="primary"):
        return
    try:
        with acting_as(person) as session:
            done = archive_pipeline(session, pipeline, source="configuration")
    except CrmError as error:
        st.error(error.detail)
        return
    messages.leave(f"“{pipeline.name}” is archived.", done.change_set_id)
    st.rerun()
