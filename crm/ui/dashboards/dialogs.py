"""The dialogs that make a dashboard, change it, and put a block in."""

from __future__ import annotations

from typing import Any

import streamlit as st

from crm.access import Person, acting_as
from crm.dashboards import use_cases
from crm.dashboards.reads import Block, Dashboard
from crm.dashboards.ready_made import READY_MADE
from crm.dashboards.rules import EXPLORATION, EXPLORE, FIGURES, FULL, HALF, LONGEST_NAME, LONGEST_TITLE
from crm.ui import closed
from crm.ui.dashboards import acts, catalogue, choice
from crm.ui.lookups import Lookups
from crm.ui.saved_view_dialogs import Audience, audiences, said
from crm.views.reads import views_of

EMPTY = ""
WIDTHS = {HALF: "Half of the page", FULL: "The whole page"}


@st.dialog("New dashboard", width="small")
def draw_new(person: Person, lookups: Lookups, begin_with: str = EMPTY) -> None:
    """Name, audience, and what it begins with."""
    kinds = [EMPTY, *READY_MADE]
    begin = st.selectbox(
        "Begin with", kinds, index=kinds.index(begin_with), key="dashboards.new.begin",
        format_func=lambda name: f"{READY_MADE[name].name}: {READY_MADE[name].says}" if name else "Nothing: I add blocks myself",
    ) or EMPTY  # fmt: skip
    ready = READY_MADE.get(begin)
    name = st.text_input("Name", ready.name if ready else "", key=f"dashboards.new.name.{begin}", max_chars=LONGEST_NAME, placeholder="Gulf this quarter")
    audience = _ask_audience(person, lookups, None, "new")
    if st.button("Make dashboard", type="primary", key="dashboards.new.make"):
        values = {"name": name.strip(), "audience": audience[0], "for_team_id": audience[1], "filters": dict(ready.filters) if ready else {}}
        made = acts.in_dialog(
            person, lambda session: use_cases.make_dashboard(session, values, ready.blocks if ready else (), source="page"), f"“{name.strip()}” is made."
        )
        if made:
            choice.turn_to(made.results[0].record_id or 0)
            st.session_state[choice.EDITING] = ready is None
            st.rerun()


def _ask_audience(person: Person, lookups: Lookups, standing: Dashboard | None, of: str) -> Audience:
    choices = audiences(person, lookups, standing)
    now = (standing.audience, standing.for_team_id) if standing else choices[0]
    picked = st.selectbox(
        "Who sees it", choices, index=choices.index(now) if now in choices else 0, key=f"dashboards.{of}.audience",
        format_func=lambda each: said(each, lookups), disabled=len(choices) == 1,
        help="An admin can let you share with a team or everyone: “view: share”." if len(choices) == 1 else None,
    )  # fmt: skip
    st.caption("Each of them sees in it only what their own role shows them.")
    return picked or now


@st.dialog("Rename or share", width="small")
def draw_change(found: Dashboard, person: Person, lookups: Lookups) -> None:
    name = st.text_input("Name", found.name, key="dashboards.change.name", max_chars=LONGEST_NAME)
    audience = _ask_audience(person, lookups, found, "change")
    st.caption("Its link, for whoever sees it:")
    st.code(f"/dashboards?dashboard={found.id}", language=None)
    if st.button("Save", type="primary", key="dashboards.change.save"):
        values = {"name": name.strip(), "audience": audience[0], "for_team_id": audience[1]}
        if acts.in_dialog(
            person, lambda session: use_cases.change_dashboard(session, found, found.version, values, source="page"), f"“{name.strip()}” is saved."
        ):
            st.rerun()


@st.dialog("Add a block", width="small")
def draw_add(found: Dashboard, person: Person, lookups: Lookups) -> None:
    """Which report, which figure of it, and how it stands."""
    family = st.selectbox(
        "Report", [*catalogue.FAMILIES, EXPLORE], key="dashboards.add.family",
        format_func=lambda name: catalogue.FAMILIES[name].title if name in catalogue.FAMILIES else "A saved exploration",
    )  # fmt: skip
    if family == EXPLORE:
        _draw_exploration(found, person)
        return
    figures = [what for what in FIGURES if what.startswith(f"{family}.")]
    what = st.selectbox("Figure", figures, key=f"dashboards.add.what.{family}", format_func=FIGURES.__getitem__) or figures[0]
    values = _ask_block(what, None, person, lookups, f"add.{what}")
    if st.button("Add block", type="primary", key="dashboards.add.save") and acts.in_dialog(
        person, lambda session: use_cases.add_block(session, found, {**values, "what": what}, source="page"), f"“{values['title'] or FIGURES[what]}” is added."
    ):
        st.rerun()


def _draw_exploration(found: Dashboard, person: Person) -> None:
    """One of those that are kept as views of Explore; it stands here as it is kept now."""
    with acting_as(person) as session:
        views = {view.id: view for view in views_of(session, EXPLORE)}
    if not views:
        st.caption("None is saved yet. Open Explore, choose what you want to see, and save it as a view; or pin it from there.")
        return
    picked = st.selectbox("Exploration", list(views), key="dashboards.add.view", format_func=lambda id_: views[id_].name)
    view = views[picked] if picked in views else next(iter(views.values()))
    width = st.segmented_control("Width", list(WIDTHS), default=HALF, key="dashboards.add.view.width", format_func=WIDTHS.__getitem__, required=True)
    values = {"kind": EXPLORATION, "what": EXPLORE, "title": view.name, "width": width or HALF, "parameters": {"address": view.address}}
    if st.button("Add block", type="primary", key="dashboards.add.save") and acts.in_dialog(
        person, lambda session: use_cases.add_block(session, found, values, source="page"), f"“{view.name}” is added."
    ):
        st.rerun()


@st.dialog("Change the block", width="small")
def draw_block(found: Dashboard, block: Block, person: Person, lookups: Lookups) -> None:
    values = _ask_block(block.what, block, person, lookups, f"block.{block.id}")
    if st.button("Save", type="primary", key="dashboards.block.save") and acts.in_dialog(
        person, lambda session: use_cases.change_block(session, found, block, block.version, values, source="page"), f"“{catalogue.title_of(block)}” is saved."
    ):
        st.rerun()


def _ask_block(what: str, block: Block | None, person: Person, lookups: Lookups, of: str) -> dict[str, Any]:
    """Title, width, and what it is narrowed to by itself."""
    title = st.text_input(
        "Title", (block.title or "") if block else "", key=f"dashboards.{of}.title", max_chars=LONGEST_TITLE, placeholder=FIGURES.get(what, ""),
    )  # fmt: skip
    usual = FULL if what.endswith((".summary", ".movement", ".cohorts")) else HALF
    widths = list(WIDTHS)
    width = st.segmented_control(
        "Width", widths, default=block.width if block else usual, key=f"dashboards.{of}.width", format_func=WIDTHS.__getitem__, required=True
    )
    figure = catalogue.figure_of(what)
    parameters = dict(block.parameters) if block else {}
    if figure is not None:
        st.caption("Narrowed by itself, where the dashboard's own filters leave it open:")
        for name, (options, labels) in _narrowings(person, lookups).items():
            if figure.takes(name) and (len(options) > 1 or name in parameters):
                parameters[name] = _ask_one(name, options, labels, parameters.get(name), of)
    return {"title": title.strip() or None, "width": width or usual, "parameters": {name: value for name, value in parameters.items() if value}}


def _narrowings(person: Person, lookups: Lookups) -> dict[str, tuple[list[Any], dict[Any, str]]]:
    reach = person.reach("report", "view")
    teams = {id_: name for id_, name in lookups.names.teams.items() if reach.everywhere or id_ in reach.teams}
    pipelines = {each.id: lookups.pipeline_label(each.id) for each in lookups.pipelines}
    people = {id_: lookups.names.people.get(id_, "Somebody") for id_ in lookups.whose} if closed.shows(person, "owner_id") else {}
    markets = dict(lookups.markets) if closed.shows(person, "market") else {}
    return {"pipeline": (list(pipelines), pipelines), "team": (list(teams), teams), "owner": (list(people), people), "market": (list(markets), markets)}


def _ask_one(name: str, options: list[Any], labels: dict[Any, str], standing: Any, of: str) -> Any:
    """What stands and is not in sight stays, unless another is chosen."""
    known = [None, *options, *([standing] if standing and standing not in options else [])]
    return st.selectbox(
        name.capitalize(), known, index=known.index(standing), key=f"dashboards.{of}.{name}",
        format_func=lambda each: f"Any {name}" if each is None else labels.get(each, "Not in your sight"),
    )  # fmt: skip
