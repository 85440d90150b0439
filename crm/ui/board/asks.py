"""What the board is asked for: pipeline, team, owner, words, day. All of it lives in the URL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import streamlit as st

from crm import clock
from crm.access import Person, acting_as
from crm.leads.as_of import Past, past_of
from crm.leads.board import BoardFilter
from crm.pipelines.layout import layout
from crm.pipelines.reads import PipelineRow
from crm.ui import custom_fields, filters, fold, lead_list, past_day, saved_views
from crm.ui.lookups import Lookups, teams_in_sight
from crm.ui.view_params import Screen

ME, EVERYBODY, NOBODY = -1, -2, filters.NOBODY
SAID = {ME: "Mine", EVERYBODY: "Everybody", NOBODY: "Nobody yet"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One board as asked for. Equal when the same leads are meant."""

    pipeline: PipelineRow
    wanted: BoardFilter
    whose: int
    team_id: int | None
    q: str
    day: date | None
    """The past day whose end is shown; None for now."""
    known_on: date | None
    """The day with whose knowledge it is shown; None for what is known now."""
    past: Past | None

    @property
    def is_narrow(self) -> bool:
        """Whether something hides leads of the pipeline."""
        return bool(self.wanted.owner_ids or self.wanted.team_ids or self.wanted.is_beyond_the_ledger)


def ask(person: Person, lookups: Lookups, screen: Screen, *, days: tuple[date | None, date | None], begins_with_own: bool) -> Asked | None:
    """Draw the filters and the saved views beside them; None when no pipeline is in sight. `days`: what `ask_days` answered."""
    pipelines = pipelines_with_stages(lookups)
    if not pipelines:
        return None
    pipeline_id = st.selectbox(
        "Pipeline", [p.id for p in pipelines], key="pipeline", bind="query-params", format_func=lookups.pipeline_label, label_visibility="collapsed", width=150
    )
    pipeline = next((p for p in pipelines if p.id == pipeline_id), pipelines[0])
    team_id = _ask_team(person, lookups, pipeline)
    whose = ME if lead_list.sees_only_own(person) else _ask_whose(lookups, begins_with_own=begins_with_own)
    q = st.text_input(
        "Search", key="q", bind="query-params", type="search", placeholder="Search name, company, mail, phone", icon=":material/search:",
        label_visibility="collapsed", width=160, live="400ms",
    )  # fmt: skip
    custom = custom_fields.ask_filters(lookups)
    fold.draw(fold.place(), screen)
    saved_views.draw(person, lookups, st.container(horizontal=True, key="board_saved_line", width="content", vertical_alignment="center", gap="small"), screen)
    st.space("stretch")
    owners = {ME: (person.id,), EVERYBODY: ()}.get(whose, (whose,))
    words = (q or "").strip()
    wanted = BoardFilter(team_ids=(team_id,) if team_id else (), owner_ids=owners, q=words if len(words) >= filters.SHORTEST else "",
                         custom=custom)  # fmt: skip
    day, known_on = days
    past = past_of(clock.end_of(day, person.time_zone) if day else None, known_on, person.time_zone)
    return Asked(pipeline, wanted, whose, team_id, words, day, known_on, past)


def pipelines_with_stages(lookups: Lookups) -> list[PipelineRow]:
    return [pipeline for pipeline in lookups.pipelines if pipeline.stages]


def _ask_team(person: Person, lookups: Lookups, pipeline: PipelineRow) -> int | None:
    """Asked only where several teams in sight share the pipeline."""
    with acting_as(person) as session:
        standing = layout(session)
    teams = [team_id for team_id in teams_in_sight(person, lookups) if pipeline.team_id in standing.line(team_id)]
    if st.session_state.get("team") not in (None, *teams):
        st.session_state["team"] = None  # of another pipeline, or out of sight
    if len(teams) < 2:
        st.session_state.pop("team", None)
        return None
    return st.selectbox(
        "Team", [None, *teams], key="team", bind="query-params", format_func=lambda t: lookups.names.teams[t] if t else "All teams",
        label_visibility="collapsed", width=120,
    )  # fmt: skip


def _ask_whose(lookups: Lookups, *, begins_with_own: bool) -> int:
    everybody: Sequence[int] = [ME, EVERYBODY, *(p for p in lookups.whose if p != lookups.names.me), NOBODY]
    picked = st.selectbox(
        "Owner", everybody, index=0 if begins_with_own else 1, key="whose", bind="query-params",
        format_func=lambda who: SAID.get(who) or lookups.names.people.get(who, "somebody"),
        label_visibility="collapsed", width=135,
    )  # fmt: skip
    return EVERYBODY if picked is None else picked


def ask_days(person: Person, lookups: Lookups) -> tuple[date | None, date | None]:
    """The slider, on a line of its own, and with whose knowledge: the past day and the day of what was known, None for now."""
    if not pipelines_with_stages(lookups):
        return None, None
    today = clock.today(person.time_zone)
    with st.container(horizontal=True, key="past_day", vertical_alignment="center", gap="small"):
        day = past_day.ask(today, page="board")
        known_on = past_day.ask_known(today, day)
    return day or known_on, known_on


def as_list(asked: Asked, lookups: Lookups) -> Mapping[str, str | list[str]]:
    """The same leads as the Leads page asks for them."""
    query = {"pipeline": lookups.pipeline_label(asked.pipeline.id), "view": filters.VIEWS["mine" if asked.whose == ME else "team"]}
    if asked.whose not in (ME, EVERYBODY):
        query["owner"] = lookups.names.people.get(asked.whose, "Nobody")
    if asked.team_id:
        query["team"] = lookups.names.teams[asked.team_id]
    return {**query, **({"q": asked.q} if asked.q else {}), **custom_fields.in_address()}


def as_board(listed: filters.Asked, lookups: Lookups) -> Mapping[str, str | list[str]]:
    """The same leads as the Leads page shows, as the board asks for them."""
    owners, query = listed.wanted.owner_ids, dict[str, str]()
    if listed.pipeline_id:
        query["pipeline"] = lookups.pipeline_label(listed.pipeline_id)
    whose = ME if owners == (lookups.names.me,) else owners[0] if len(owners) == 1 else EVERYBODY
    query["whose"] = SAID.get(whose) or lookups.names.people.get(whose, "")
    if listed.wanted.team_ids:
        query["team"] = lookups.names.teams[listed.wanted.team_ids[0]]
    return {**query, **({"q": listed.wanted.q} if listed.wanted.q else {}), **custom_fields.in_address()}


def whose_words(asked: Asked, lookups: Lookups) -> str:
    """ "my leads", "leads of everybody", "leads of Bruno"."""
    if asked.whose == ME:
        return "my leads"
    return {EVERYBODY: "leads of everybody", NOBODY: "leads of nobody yet"}.get(asked.whose) or f"leads of {lookups.names.people.get(asked.whose, 'somebody')}"
