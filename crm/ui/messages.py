"""What the last action came to, shown on the page where one lands, with a way back; and the latest saves with one each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

import streamlit as st

from crm import clock
from crm.access import Person, acting_as
from crm.changes import left_by_name, undo
from crm.changes.recent import recent_change_sets
from crm.errors import CrmError
from crm.ui import words

STATE = "message"


@dataclass(frozen=True, slots=True)
class Message:
    text: str
    change_set_id: int | None = None
    details: tuple[str, ...] = ()


def leave(text: str, change_set_id: int | None = None, details: tuple[str, ...] = ()) -> None:
    """Say this at the top of whichever page comes next; with a change set, offer to undo it."""
    st.session_state[STATE] = Message(text, change_set_id, details)


def draw(person: Person, *, on_undo: Callable[[], None] | None = None) -> None:
    """The message that was left, until it is closed. `on_undo`: what the page forgets when the action is taken back."""
    found: Message | None = st.session_state.get(STATE)
    if found is None:
        return
    with st.container(horizontal=True, key="message", vertical_alignment="center", gap="small"):
        details = "".join(f"<li>{escape(line)}</li>" for line in found.details)
        st.html(f"<span>{escape(found.text)}</span>" + (f"<ul>{details}</ul>" if details else ""), width="stretch")
        if found.change_set_id and st.button("Undo", key="message.undo", type="tertiary"):
            take_back(person, found.change_set_id)
            if on_undo:
                on_undo()
            st.rerun()
        if st.button("", icon=":material/close:", key="message.close", type="tertiary", help="Close"):
            del st.session_state[STATE]
            st.rerun()


def take() -> Message | None:
    """The message that was left, for a page that has its own place for it."""
    found: Message | None = st.session_state.pop(STATE, None)
    return found


def take_back(person: Person, change_set_id: int) -> None:
    """Undo a change set and leave a message that says what came of it."""
    try:
        with acting_as(person) as session:
            done = undo(session, change_set_id)
            left = left_by_name(session, done.left_alone)
    except CrmError as error:
        leave(error.detail)
        return
    kept = tuple(dict.fromkeys(f"{name}: {reason.rstrip('.')}. Left as it is." for name, reason in left))
    leave(f"Taken back: {words.count(done.records, 'record')}." if done.records else "There was nothing left to take back.", None, kept)


def draw_recent(person: Person) -> None:
    """A list of one's latest saves, each with Undo; read only when it is opened."""
    with st.popover("Saves", icon=":material/history:", type="tertiary", key="recent_saves", on_change="rerun") as popover:
        if not popover.open:
            return
        with acting_as(person) as session:
            rows = recent_change_sets(session)
        if not rows:
            st.caption("Nothing saved yet. What you save shows here, and can be taken back.")
        for row in rows:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                label = escape(row["label"] or row["source"].capitalize())
                st.html(
                    f"<div class='tl-recent'><b>{label}</b><span>{words.count(row['records'], 'record')}, {clock.ago(row['created_at'])}</span></div>",
                    width="stretch",
                )
                if st.button("Undo", key=f"recent.undo.{row['id']}", type="tertiary"):
                    take_back(person, row["id"])
                    st.rerun()
