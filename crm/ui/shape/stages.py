"""The stages of a pipeline as a grid that is edited in place: what it shows is the draft, what it answers is what is wanted now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from typing import Any

import streamlit as st

from crm.configuration.drafts import Draft
from crm.configuration.order import Key
from crm.configuration.pipeline_impact import Counted, asked
from crm.configuration.pipeline_plan import Planned, moved, ordered
from crm.pipelines.reads import PipelineRow
from crm.pipelines.rules import ACTIVITY_WORDS, COLOURS, FIELD_WORDS, STAGE_KINDS
from crm.ui import order, words
from crm.ui.board.cards import FIRST_TINT, LAST_TINT
from crm.ui.shape import state

WIDTHS = (0.75, 0.5, 3.0, 1.5, 1.1, 1.1, 1.7, 3.0, 0.9, 0.6)
TITLES = ("", "", "Stage", "Kind", "Chance, %", "Days", "Colour", "Asks for", "Leads", "")
BY_PLACE = "by its place"


def draw(
    pipeline: PipelineRow, name: str, planned: Sequence[Planned], draft: Draft | None, held: Mapping[int, Counted], custom: Mapping[str, str]
) -> state.Wanted:  # fmt: skip
    """The grid; answers the stages in their order, and where removed stages' leads go, as they are wanted now.

    `name`: as `draw_name` answered. `custom`: the custom fields that a stage may ask for, and how a sentence says them.
    """
    places = dict(draft.places) if draft else {}
    staying = [stage for stage in planned if not stage.is_removed]
    found: list[Planned] = []
    with st.container(key="pipelines_grid", gap=None):
        _heads()
        for stage in planned:
            with st.container(key=f"pipelines_row_{state.slug(stage.key)}", gap=None):
                if stage.is_removed:
                    places.update(_removed(pipeline, stage, staying, places, held))
                    found.append(stage)
                else:
                    found.append(_row(pipeline, stage, staying.index(stage), len(staying), held, custom))
    keys = [stage.key for stage in staying]
    order.draw_listener(pipeline.id, keys, page="pipelines", rows="pipelines_grid", row="pipelines_row_")
    if (dragged := order.heard(pipeline.id, keys, page="pipelines")) is not None:
        state.act(pipeline.id, partial(ordered, keys=dragged))
    if st.button("Add a stage", key=f"pipelines.{pipeline.id}.add", icon=":material/add:", type="tertiary"):
        found = _with_new(found)
        state.ask_again()
    return state.Wanted(name, state.acted(pipeline.id, found), places)


def draw_name(pipeline: PipelineRow, draft: Draft | None) -> str:
    """The pipeline's own name, as it is wanted now."""
    edit = draft.edit_of("pipeline", pipeline.id) if draft else None
    standing = str(edit.wanted.get("name", pipeline.name)) if edit else pipeline.name
    given = st.text_input(
        "Name of the pipeline", standing, key=state.key(pipeline.id, "pipeline", "name"), max_chars=80, width=300, label_visibility="collapsed"
    )
    return given.strip() or pipeline.name


def _heads() -> None:
    for column, title in zip(st.columns(WIDTHS, vertical_alignment="center"), TITLES, strict=True):
        column.html(f"<span class='tl-muted tl-col{' tl-num' if title == 'Leads' else ''}'>{title}</span>")


def _row(pipeline: PipelineRow, stage: Planned, place: int, count: int, held: Mapping[int, Counted], custom: Mapping[str, str]) -> Planned:
    """One stage that stays; answers it as its widgets say."""
    at = st.columns(WIDTHS, vertical_alignment="center")

    def key(name: str) -> str:
        return state.key(pipeline.id, stage.key, name)

    step = COLOURS[stage.colour] if stage.colour else FIRST_TINT + (LAST_TINT - FIRST_TINT) * place // max(count - 1, 1)
    with at[0], st.container(horizontal=True, gap=None, key=f"pipelines_icon_way_{state.slug(stage.key)}"):
        for by, icon, word in ((-1, "arrow_upward", "up"), (1, "arrow_downward", "down")):
            is_end = place == 0 if by < 0 else place == count - 1
            if st.button(f"Move {stage.name or 'the new stage'} {word}", icon=f":material/{icon}:", key=key(word), type="tertiary", disabled=is_end):
                state.act(pipeline.id, partial(moved, key=stage.key, by=by))
    at[1].html(
        f"<span class='tl-held'>{order.grip(stage.key, stage.name or 'the new stage')}<i class='tl-swatch tl-{stage.kind}' style='--step:{step}%'></i></span>"
    )
    name = at[2].text_input("Stage", stage.name, key=key("name"), label_visibility="collapsed", max_chars=80, placeholder="Name of the stage")
    kind = at[3].selectbox("Kind", STAGE_KINDS, STAGE_KINDS.index(stage.kind), key=key("kind"), label_visibility="collapsed")
    percent = round(float(stage.probability) * 100)
    chance = at[4].number_input("Chance in percent", 0, 100, percent, key=key("chance"), label_visibility="collapsed")
    days = at[5].number_input("Target days", 0, 3650, stage.target_days, key=key("days"), label_visibility="collapsed", placeholder="none")
    colour = _colour(at[6], stage, key("colour"))
    with at[7]:
        requirements = _asks(stage, key, custom)
    leads = f"{held.get(stage.key, Counted()).leads:,}" if isinstance(stage.key, int) else "new"
    at[8].html(f"<span class='tl-num'>{leads}</span>")
    with at[9], st.container(key=f"pipelines_icon_out_{state.slug(stage.key)}"):
        if st.button(f"Remove {stage.name or 'the new stage'}", icon=":material/close:", key=key("remove"), type="tertiary"):
            state.act(pipeline.id, lambda stages: _without(stages, stage.key))
    return replace(
        stage, name=(name or "").strip(), kind=kind, probability=stage.probability if chance == percent else round(chance / 100, 3),
        target_days=None if days is None else int(days), colour=colour, requirements=requirements,
    )  # fmt: skip


def _colour(at: Any, stage: Planned, key: str) -> str | None:
    """Only open stages are drawn in the accent; the others carry the colour of their kind."""
    if stage.kind != "open":
        at.html("<span class='tl-muted tl-col'>by its kind</span>")
        return stage.colour
    options = [BY_PLACE, *COLOURS]
    picked = at.selectbox("Colour", options, options.index(stage.colour or BY_PLACE), key=key, label_visibility="collapsed")
    return None if picked == BY_PLACE else picked


def _asks(stage: Planned, key: Any, custom: Mapping[str, str]) -> dict[str, Any]:
    """What a lead needs before it may enter."""
    said, said_of = asked(stage.requirements, custom), {**FIELD_WORDS, **custom}
    with st.popover(said[:1].upper() + said[1:], key=key("asks"), type="tertiary", width="stretch", help="What a lead needs before it may enter"):
        known = dict.fromkeys([*said_of, *stage.requirements.get("fields", ())])
        fields = st.multiselect(
            "Filled in", list(known), stage.requirements.get("fields", []), key=key("fields"),
            format_func=lambda name: said_of.get(name, name.removeprefix("custom.").replace("_", " ")),
        )  # fmt: skip
        activity = st.selectbox(
            "Has happened", [None, *ACTIVITY_WORDS], [None, *ACTIVITY_WORDS].index(stage.requirements.get("activity")), key=key("activity"),
            format_func=lambda kind: ACTIVITY_WORDS[kind] if kind else "nothing",
        )  # fmt: skip
        reasons = st.text_area(
            "A lost reason out of these, one a line", "\n".join(stage.requirements.get("lost_reasons", ())), key=key("reasons"), height=120,
            placeholder="Price\nA competitor",
        )  # fmt: skip
    listed = list(dict.fromkeys(line.strip() for line in (reasons or "").splitlines() if line.strip()))
    found = {"fields": fields, "activity": activity, "lost_reasons": listed}
    return {name: value for name, value in found.items() if value}


def _removed(
    pipeline: PipelineRow, stage: Planned, staying: Sequence[Planned], places: Mapping[int, Key], held: Mapping[int, Counted]
) -> dict[int, Key]:  # fmt: skip
    """A removed stage, and the answer where its leads go."""
    leads = held.get(stage.key, Counted()).leads if isinstance(stage.key, int) else 0
    answer: dict[int, Key] = {}
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"pipelines_gone_{state.slug(stage.key)}"):
        st.html(f"<span class='tl-gone'><s>{escape(stage.name)}</s> removed</span>", width="content")
        st.space("stretch")
        if leads:
            st.html(f"<span>{words.count(leads, 'lead')} →</span>", width="content")
            options = [each.key for each in staying]
            names = {each.key: each.name or "the new stage" for each in staying}
            standing = places.get(int(stage.key))
            to = st.selectbox(
                "Where to", options, options.index(standing) if standing in options else None, key=state.key(pipeline.id, stage.key, "place"),
                format_func=lambda each: names.get(each, ""), placeholder="Where to?", label_visibility="collapsed", width=190,
            )  # fmt: skip
            if to is not None:
                answer[int(stage.key)] = to
        else:
            st.html("<span class='tl-muted'>no lead is in it</span>", width="content")
        if st.button("Keep it", key=state.key(pipeline.id, stage.key, "keep"), type="tertiary"):
            state.act(pipeline.id, lambda stages: [replace(each, is_removed=False) if each.key == stage.key else each for each in stages])
    return answer


def _without(stages: Sequence[Planned], key: Key) -> list[Planned]:
    """A new stage is simply forgotten; one that stands is marked."""
    return [replace(stage, is_removed=True) if stage.key == key else stage for stage in stages if stage.key != key or stage.was]


def _with_new(stages: Sequence[Planned]) -> list[Planned]:
    """One more open stage, behind the last open one."""
    known = {stage.key for stage in stages}
    ref = next(f"new{number}" for number in range(1, 1000) if f"new{number}" not in known)
    place = max((i + 1 for i, stage in enumerate(stages) if stage.kind == "open" and not stage.is_removed), default=0)
    return [*stages[:place], Planned(ref, "", probability=0.5), *stages[place:]]
