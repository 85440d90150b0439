"""A dashboard being put together: its blocks as lines, to be ordered, widened, changed and removed. Each act stands at once, and can be undone."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from crm.access import Person, acting_as
from crm.dashboards import reads
from crm.dashboards.reads import Block, Dashboard
from crm.dashboards.rules import EXPLORATION, FULL, HALF
from crm.ui import look, order
from crm.ui.dashboards import acts, catalogue, dialogs
from crm.ui.lookups import Lookups


def draw(found: Dashboard, person: Person, lookups: Lookups) -> None:
    with acting_as(person) as session:
        blocks = reads.blocks_of(session, [found.id])[found.id]
    if not blocks:
        look.empty("Nothing stands on this dashboard yet.", "Add its first block: a figure of any report. You can order and change blocks afterwards.")
    with st.container(key="dashboards_blocks", gap=None):
        for place, block in enumerate(blocks):
            _draw_line(found, block, person, lookups, is_first=place == 0, is_last=place == len(blocks) - 1)
    keys = [block.id for block in blocks]
    order.draw_listener(found.id, keys, page="dashboards", rows="dashboards_blocks", row="dashboards_line_")
    if (wanted := order.heard(found.id, keys, page="dashboards")) is not None:
        acts.order(person, found, wanted)
        st.rerun()
    if st.button("Add a block", icon=":material/add:", key="dashboards.add", type="secondary" if blocks else "primary"):
        dialogs.draw_add(found, person, lookups)


def _draw_line(found: Dashboard, block: Block, person: Person, lookups: Lookups, *, is_first: bool, is_last: bool) -> None:
    title = catalogue.title_of(block)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"dashboards_line_{block.id}"):
        st.html(order.grip(block.id, title), width="content")
        for by, icon, word, is_end in ((-1, "arrow_upward", "up", is_first), (1, "arrow_downward", "down", is_last)):
            if st.button("", icon=f":material/{icon}:", key=f"dashboards.{word}.{block.id}", type="tertiary", disabled=is_end, help=f"Move {title} {word}"):
                acts.move(person, found, block, by)
                st.rerun()
        st.html(f"<div class='tl-blockline'><b>{escape(title)}</b><span>{escape(_says(block, lookups))}</span></div>", width="stretch")
        other = HALF if block.width == FULL else FULL
        if st.button(
            "Whole page" if block.width == FULL else "Half", icon=f":material/{'fullscreen' if block.width == FULL else 'view_column'}:",
            key=f"dashboards.width.{block.id}", type="tertiary", help=f"Press for {dialogs.WIDTHS[other].lower()}",
        ):  # fmt: skip
            acts.widen(person, found, block, other)
            st.rerun()
        if st.button("Change", icon=":material/edit:", key=f"dashboards.change.{block.id}", type="tertiary"):
            dialogs.draw_block(found, block, person, lookups)
        if st.button("", icon=":material/close:", key=f"dashboards.remove.{block.id}", type="tertiary", help=f"Remove {title}"):
            acts.take_out(person, found, block)
            st.rerun()


def _says(block: Block, lookups: Lookups) -> str:
    """Where it comes from, and what it is narrowed to by itself."""
    if block.kind == EXPLORATION:
        return " · ".join(["Explore", *(text for texts in block.parameters.get("address", {}).values() for text in texts)])
    family = catalogue.family_of(block.what)
    names: dict[str, Mapping[Any, str]] = {"team": lookups.names.teams, "owner": lookups.names.people, "market": lookups.markets}
    own = [lookups.pipeline_label(value) if name == "pipeline" else str(names.get(name, {}).get(value, value)) for name, value in block.parameters.items()]
    return " · ".join([family.title if family else "Gone", *own])
