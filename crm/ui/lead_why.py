""" "Why is it mine?": what made the lead and what gave it to whoever has it now."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from crm import clock
from crm.access import Person, acting_as
from crm.assignment.reads import Reason, reasons_of
from crm.customers.reads import reason_of
from crm.ui import words
from crm.ui.lookups import Lookups

Row = Mapping[Any, Any]


def draw(row: Row, person: Person, lookups: Lookups) -> None:
    """A small line that opens; read only when it is asked for."""
    whose = "mine" if row["owner_id"] == person.id else "nobody's" if row["owner_id"] is None else f"{row['owner']}'s"
    with st.popover(f"Why is it {whose}?", icon=":material/info:", type="tertiary", key="lead_why", on_change="rerun") as popover:
        if not popover.open:
            return
        with acting_as(person) as session:
            made, given = reason_of(session, row["id"]), reasons_of(session, row["id"])
        lines = [_line(_said(reason, lookups), reason.at) for reason in given]
        lines += [_line(f"Created from {made['text']}", made["created_at"])] if made else []
        st.html(f"<ul class='tl-why'>{''.join(lines)}</ul>" if lines else "<span class='tl-muted'>It was nobody's from the beginning.</span>")


def _line(said: str, at: Any) -> str:
    return f"<li>{escape(said)} <span class='tl-muted'>{escape(clock.ago(at))}</span></li>"


def _said(reason: Reason, lookups: Lookups) -> str:
    """ "Assigned by round robin of team Gulf…", "Mona made it Ana's, in the grid"."""
    if reason.text:
        return reason.text
    by = lookups.names.person(reason.by_id, otherwise="The system")
    by = by[:1].upper() + by[1:]
    whose = (
        "nobody's" if reason.owner_id is None else "theirs" if reason.owner_id == reason.by_id else f"{lookups.names.people.get(reason.owner_id, 'somebody')}'s"
    )
    return f"{by} made it {whose}, {words.door(reason.source)}".removesuffix(", ")
