"""What is done with a dashboard and its blocks: each one change set, said and with a way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st
from sqlalchemy.orm import Session

from crm.access import Person, acting_as
from crm.changes import Outcome
from crm.dashboards import use_cases
from crm.dashboards.reads import Block, Dashboard
from crm.errors import CrmError, Stale
from crm.ui import messages
from crm.ui.dashboards import catalogue, choice, wall

MET = "Somebody changed this since you looked. It is shown as it is now; nothing of yours was written."
Write = Callable[[Session], Outcome]


def act(person: Person, write: Write, said: str) -> Outcome | None:
    """Do it, or say why not; the page then runs anew."""
    outcome: Outcome | None = None
    try:
        with acting_as(person) as session:
            outcome = write(session)
    except Stale:
        messages.leave(MET)
    except CrmError as error:
        messages.leave(error.detail)
    else:
        messages.leave(said, outcome.change_set_id)
    wall.forget()
    return outcome


def in_dialog(person: Person, write: Write, said: str) -> Outcome | None:
    """Do it, or say in the dialog why not, so that nothing typed is lost."""
    try:
        with acting_as(person) as session:
            outcome = write(session)
    except CrmError as error:
        st.error(error.detail)
        return None
    messages.leave(said, outcome.change_set_id)
    wall.forget()
    return outcome


def copy(person: Person, found: Dashboard) -> None:
    made = act(person, lambda session: use_cases.copy_dashboard(session, found, source="page"), f"“{found.name}” is copied. The copy is yours alone.")
    if made:
        choice.turn_to(made.results[0].record_id or 0)


def keep_filters(person: Person, found: Dashboard) -> None:
    values = {"filters": choice.filters_now()}
    act(
        person, lambda session: use_cases.change_dashboard(session, found, found.version, values, source="page"),
        f"“{found.name}” now opens with the filters that are set.",
    )  # fmt: skip


def remove(person: Person, found: Dashboard) -> None:
    if act(person, lambda session: use_cases.remove_dashboard(session, found, found.version, source="page"), f"“{found.name}” is removed."):
        st.session_state.pop(choice.LAST, None)
        st.query_params.pop(choice.ASKED, None)


def move(person: Person, found: Dashboard, block: Block, by: int) -> None:
    act(person, lambda session: use_cases.move_block(session, found, block.id, by, source="page"), f"“{catalogue.title_of(block)}” is moved.")


def order(person: Person, found: Dashboard, wanted: Sequence[int]) -> None:
    act(person, lambda session: use_cases.order_blocks(session, found, wanted, source="page"), "The blocks stand in another order.")


def widen(person: Person, found: Dashboard, block: Block, width: str) -> None:
    act(
        person, lambda session: use_cases.change_block(session, found, block, block.version, {"width": width}, source="page"),
        f"“{catalogue.title_of(block)}” is {'as wide as the page' if width == 'full' else 'half as wide as the page'}.",
    )  # fmt: skip


def take_out(person: Person, found: Dashboard, block: Block) -> None:
    act(person, lambda session: use_cases.remove_block(session, found, block, block.version, source="page"), f"“{catalogue.title_of(block)}” is removed.")
