"""The quiet line's part about orders: how old they are; and the way to have them read now."""

from __future__ import annotations

import streamlit as st
from sqlalchemy.orm import Session

from crm import clock
from crm.access import Person
from crm.customers.asking import ask_for_sync
from crm.customers.mirror_state import MirrorState, mirror_state
from crm.errors import CrmError
from crm.ui import messages


def read(session: Session, person: Person) -> MirrorState | None:
    """How the mirror stands, for whoever sees customers."""
    return mirror_state(session) if person.may("customer", "view") else None


def said(state: MirrorState | None) -> str:
    """ "orders 4 min old", "orders 1 h old · being read"; empty for whom orders are none of theirs."""
    if state is None:
        return ""
    if state.as_of is None:
        return "reading orders…" if state.running else "no orders read yet" if state.is_configured else "no production connected"
    age = clock.ago(state.as_of).removesuffix(" ago")
    return f"orders {'just read' if age == 'now' else age + ' old'}" + (" · being read" if state.running else " · the last try failed" if state.failed else "")


def draw_button(state: MirrorState | None, person: Person) -> None:
    """Read production now; nothing where there is none or one may not ask."""
    if state is None or not state.is_configured or person.is_read_only:
        return
    if st.button("", icon=":material/refresh:", key="mirror.refresh", type="tertiary", help="Read orders now", disabled=state.running is not None):
        try:
            is_asked = ask_for_sync(person, by_hand=True)
        except CrmError as error:
            messages.leave(error.detail)
        else:
            messages.leave("Orders are being read now." if is_asked else "Orders are being read already.")
        st.rerun()
