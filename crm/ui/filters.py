"""What the Leads page is asked for: team, pipeline, quick view, stage, owner, market, words, order, groups, columns. All of it lives in the URL.

The widgets' keys are the URL's names (`?view=Team&stage=Negotiation&q=nor`), so they carry no page prefix.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from crm import clock
from crm.access import Person
from crm.leads.reads import LeadFilter
from crm.ui import closed, custom_fields, fold, lead_behind
from crm.ui.lookups import Lookups, teams_in_sight

QUIET_DAYS = 14
VIEWS: Mapping[str, str] = {"mine": "All mine", "team": "Team", "quiet": f"No contact {QUIET_DAYS} d", "closing": "Closing this month", "overdue": "Overdue"}
SORTS: Mapping[str, str] = {
    "-updated_at": "Newest change", "name": "Name", "-value_usd": "Highest value", "-lifetime_usd": "Highest lifetime", "expected_close_on": "Closing first",
    "last_contacted_at": "Longest without contact", "stage_entered_at": "Longest in stage",
}  # fmt: skip
GROUPS: Mapping[str, str] = {"": "Not grouped", "stage": "By stage", "owner": "By owner", "market": "By market"}
NOBODY = 0
ALL_PIPELINES = 0  # None would be a box with nothing chosen, and “None” in the address
SHORTEST = 3  # what the trigram index can find
WORK_VIEWS = ("quiet", "closing", "overdue")


@dataclass(frozen=True, slots=True)
class Asked:
    """One list of leads as asked for. Equal when the same rows are meant in the same order."""

    wanted: LeadFilter
    sort: str
    view: str
    pipeline_id: int | None
    is_too_short: bool = False
    group: str = ""
    """What the sums above the grid are by; empty for none."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the page may draw beside the filters: on a line below the first one, at the first one's end, and beside the search."""

    views: DeltaGenerator
    actions: DeltaGenerator
    fold: DeltaGenerator


def ask(person: Person, lookups: Lookups, *, begins_with_own: bool) -> tuple[Asked, Places]:
    """Draw the filters; answers what they ask for, and the places beside them."""
    quick = closed.without_hidden(person, VIEWS)
    with st.container(horizontal=True, key="leads_views", vertical_alignment="center", gap="small"):
        usual = "mine" if begins_with_own else "team"
        if st.session_state.get("view") not in quick:
            st.session_state["view"] = usual
        view = st.segmented_control(  # without a default: what an address says is kept in it, for it may be sent to those who begin otherwise
            "Quick view", list(quick), required=True, format_func=lambda name: VIEWS[name], key="view", bind="query-params", label_visibility="collapsed",
        ) or usual  # fmt: skip
        q = st.text_input(
            "Search", key="q", bind="query-params", type="search", placeholder="Search name, company, mail, phone", icon=":material/search:",
            label_visibility="collapsed", width=190, live="400ms",
        )  # fmt: skip
        fold_place = fold.place()
        actions = st.container(horizontal=True, width="content", key="leads_actions", vertical_alignment="center", gap="small")
    views = st.container(horizontal=True, key="leads_saved_line", vertical_alignment="center", gap="small")
    line = st.container(horizontal=True, key="leads_filters", vertical_alignment="center", gap="small")
    with line:
        team_id = _ask_team(person, lookups)
        pipeline_id = _ask_pipeline(lookups)
        stages = _ask_stages(lookups, pipeline_id)
        owners = _ask_owners(lookups, is_open=view != "mine")
        markets = _ask_markets(lookups)
        custom = custom_fields.ask_filters(lookups)
        sort = st.selectbox(
            "Order",
            list(closed.without_hidden(person, SORTS)),
            key="sort",
            bind="query-params",
            format_func=lambda name: SORTS[name],
            label_visibility="collapsed",
            width=155,
        )
        group = st.selectbox(
            "Groups", list(GROUPS), key="group", bind="query-params", format_func=GROUPS.__getitem__, label_visibility="collapsed", width=118
        )  # fmt: skip
    q = (q or "").strip()
    is_long = len(q) >= SHORTEST
    wanted = LeadFilter(
        team_ids=(team_id,) if team_id else (), pipeline_ids=(pipeline_id,) if pipeline_id else (), stage_ids=stages, markets=markets, q=q if is_long else "",
        owner_ids=(person.id,) if view == "mine" else owners or ((person.id,) if begins_with_own and view != "team" else ()),
        open_only=view in WORK_VIEWS and not stages, custom=custom,
    )  # fmt: skip
    wanted = lead_behind.narrow(_bounded(wanted, view, clock.today(person.time_zone)), lookups)
    return Asked(wanted, sort or "-updated_at", view, pipeline_id, bool(q) and not is_long, group or ""), Places(views, actions, fold_place)


def _ask_team(person: Person, lookups: Lookups) -> int | None:
    """Asked only where the person sees the leads of several."""
    teams = teams_in_sight(person, lookups)
    if len(teams) < 2:
        return None
    return st.selectbox(
        "Team", [None, *teams], key="team", bind="query-params", format_func=lambda team_id: lookups.names.teams[team_id] if team_id else "All teams",
        label_visibility="collapsed", width=110,
    )  # fmt: skip


def _ask_pipeline(lookups: Lookups) -> int | None:
    options = [p.id for p in lookups.pipelines]
    if len(options) < 2:
        return options[0] if options else None
    chosen = st.selectbox(
        "Pipeline", [*options, ALL_PIPELINES], key="pipeline", bind="query-params", label_visibility="collapsed", width=145,
        format_func=lookups.pipeline_label,
    )  # fmt: skip
    return chosen or None


def _ask_stages(lookups: Lookups, pipeline_id: int | None) -> tuple[int, ...]:
    """Ids of the stages called so in the pipeline, or in all of them."""
    stages = [stage for p in lookups.pipelines if pipeline_id in (None, p.id) for stage in p.stages]
    names = st.multiselect(
        "Stage",
        list(dict.fromkeys(stage.name for stage in stages)),
        key="stage",
        bind="query-params",
        placeholder="Any stage",
        label_visibility="collapsed",
        width=140,
    )
    return tuple(stage.id for stage in stages if stage.name in names)


def _ask_owners(lookups: Lookups, *, is_open: bool) -> tuple[int, ...]:
    return tuple(
        st.multiselect(
            "Owner", [*lookups.whose_for("owner"), NOBODY], key="owner", bind="query-params", disabled=not is_open,
            placeholder="Any owner" if is_open else "Only mine", format_func=lambda person_id: lookups.names.people.get(person_id, "Nobody"),
            label_visibility="collapsed", width=130,
        )
    )  # fmt: skip


def _ask_markets(lookups: Lookups) -> tuple[str, ...]:
    """Asked only where the organisation has several."""
    if len(lookups.markets) < 2:
        return ()
    return tuple(
        st.multiselect(
            "Market", list(lookups.markets), key="market", bind="query-params", placeholder="Any market", format_func=lookups.markets.__getitem__,
            label_visibility="collapsed", width=125,
        )
    )  # fmt: skip


def _bounded(wanted: LeadFilter, view: str, today: date) -> LeadFilter:
    if view == "quiet":
        return replace(wanted, not_contacted_days=QUIET_DAYS)
    if view == "closing":
        return replace(wanted, closes_from=today.replace(day=1), closes_before=first_of_next_month(today))
    if view == "overdue":
        return replace(wanted, closes_before=today)
    return wanted


def first_of_next_month(today: date) -> date:
    return (today.replace(day=1) + timedelta(days=32)).replace(day=1)


def ask_columns(every: Mapping[str, str], usual: Sequence[str]) -> list[str]:
    """The columns to show, in their fixed order; kept in the URL where they are not the usual ones."""
    with st.popover("Columns", icon=":material/view_column:", type="tertiary"):
        picked = st.pills(
            "Columns", list(every), default=list(usual), selection_mode="multi", format_func=lambda name: every[name], key="columns",
            bind="query-params", label_visibility="collapsed",
        )  # fmt: skip
    return [name for name in every if name in picked]
