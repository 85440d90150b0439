"""The story beside a lead's facts: add a note, call or meeting; read what happened; take a change back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from crm.access import Person, acting_as
from crm.activities.use_cases import add_activity
from crm.errors import CrmError
from crm.leads.as_of import Past
from crm.leads.use_cases import take_back_change
from crm.ui import facts, look, messages, timeline, words
from crm.ui.lookups import Lookups

Row = Mapping[Any, Any]
KINDS = ("note", "call", "meeting")
ROUND = "lead.note.round"
UNDOABLE = 12


def draw_composer(lead_id: int, person: Person) -> None:
    """What happened, with minutes and an earlier time where they matter. Emptied only when it is saved."""
    turn = st.session_state.setdefault(ROUND, 0)
    with st.form(f"lead.note.{lead_id}.{turn}", border=True):
        body = st.text_area(
            "What happened", placeholder="Write a note, or what was said…", height=76, label_visibility="collapsed", key=f"lead.note.{turn}.body"
        )
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            kind = st.segmented_control(
                "Kind",
                KINDS,
                default="note",
                required=True,
                format_func=lambda name: words.ACTIVITIES[name],
                label_visibility="collapsed",
                key=f"lead.note.{turn}.kind",
            )
            minutes = st.text_input("Minutes", placeholder="min", width=70, label_visibility="collapsed", key=f"lead.note.{turn}.minutes")
            at = st.datetime_input("When", value=None, format="YYYY-MM-DD", width=190, label_visibility="collapsed", key=f"lead.note.{turn}.at")
            st.space("stretch")
            is_sent = st.form_submit_button("Add", type="primary")
    if is_sent:
        _add(lead_id, person, {"kind": kind, "body": body, "duration_minutes": minutes, "happened_at": _moment(at, person)})


def filled_from(lead_id: int) -> str:
    """Which note is being written, for which lead."""
    return f"{lead_id}.{st.session_state.get(ROUND, 0)}"


def _moment(at: datetime | None, person: Person) -> datetime | None:
    return at.replace(tzinfo=ZoneInfo(person.time_zone)) if at else None


def _add(lead_id: int, person: Person, values: dict[str, Any]) -> None:
    try:
        with acting_as(person) as session:
            add_activity(session, lead_id, {name: value for name, value in values.items() if value not in (None, "")}, source="form")
    except CrmError as error:
        st.error(f"{error.detail} What you wrote is still here.")
        return
    st.session_state[ROUND] += 1
    st.rerun()


def draw(row: Row, person: Person, lookups: Lookups, *, past: Past | None, undoable_most: int = UNDOABLE) -> None:
    """The list with its filter; past: only what had happened by then, as far as it was known. The newest `undoable_most` changes can be taken back here."""
    show = st.segmented_control(
        "Show", list(timeline.SHOWN), default="all", required=True, format_func=lambda name: timeline.SHOWN[name], key="story", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    most = st.session_state.setdefault("lead.story.most", {}).get(row["id"], timeline.PAGE)
    with acting_as(person) as session:
        entries = timeline.story(session, row["id"], lookups.names, show=show or "all", most=most, past=past)
    if not entries:
        look.empty("Nothing here yet.", "Write a note or log a call above." if past is None else "Nothing had happened by then.")
    may_undo = past is None and person.reach("lead", "edit").covers(team_id=row["team_id"], owner_id=row["owner_id"], person_id=person.id)
    undoable = {id(entry) for entry in [entry for entry in entries if entry.change][:undoable_most]} if may_undo else set()
    for group in timeline.grouped(entries[:most], lambda entry: id(entry) in undoable):
        html = "".join(timeline.html_of(entry, lookups.names) for entry in group)
        if id(group[0]) in undoable and group[0].change:
            _draw_undoable(html, group[0].change, row, person)
        else:
            st.html(html)
    if len(entries) > most and st.button("Show more", key="lead.story.more", type="tertiary"):
        st.session_state["lead.story.most"][row["id"]] = most * 2
        st.rerun(scope="fragment")


def _draw_undoable(html: str, change: Row, row: Row, person: Person) -> None:
    with st.container(horizontal=True, vertical_alignment="top", gap="small", wrap=False, key=f"change_{change['id']}"):
        st.html(html, width="stretch")
        if st.button("undo", key=f"lead.undo.{change['id']}", type="tertiary"):
            try:
                with acting_as(person) as session:
                    left = take_back_change(session, row["id"], change["version"])
            except CrmError as error:
                messages.leave(error.detail)
            else:
                messages.leave("Taken back." if not left else "Left as it is: " + ", ".join(left) + " changed since.")
            facts.begin_anew()
            st.rerun()
