"""Where two people changed the same field: what you saw, how they made it, what you want; theirs or mine, field by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

import streamlit as st

from crm.access import Person, acting_as
from crm.changes import Outcome, open_conflicts, resolve
from crm.changes.conflicts import Choice
from crm.changes.records import type_of
from crm.errors import CrmError
from crm.leads.reads import leads_by_id
from crm.ui import messages, words
from crm.ui.lookups import Lookups

Conflict = Mapping[str, Any]


@st.dialog("A colleague was first", width="large")
def open_for(person: Person, lookups: Lookups, lead_id: int | None = None) -> None:
    """The person's open conflicts (of one lead, where given) to settle or keep for later."""
    with acting_as(person) as session:
        found = [row for row in open_conflicts(session) if lead_id is None or (row["record_type"], row["record_id"]) == ("lead", lead_id)]
        names = names_of(session, found)
    if not found:
        st.html("<p>Nothing waits for you any more.</p>")
        return
    choices = draw(found, names, lookups, key="dialog")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep for later", key="conflict.keep"):
            st.rerun()
        if st.button("Apply", key="conflict.apply", type="primary"):
            settle(person, choices)
            st.rerun()


def names_of(session: Any, found: Sequence[Conflict]) -> dict[int, str]:
    """What the leads in conflict are called, as far as they are still seen."""
    ids = sorted({row["record_id"] for row in found if row["record_type"] == "lead"})
    return {lead_id: row["name"] for lead_id, row in leads_by_id(session, ids).items()} if ids else {}


def draw(found: Sequence[Conflict], names: Mapping[int, str], lookups: Lookups, *, key: str, opens: bool = False) -> dict[int, Choice]:
    """Every conflict with its choice, grouped by record; theirs stands unless one chooses mine. `opens`: with a link to each lead."""
    choices: dict[int, Choice] = {}  # only of what was on the screen before: nobody has chosen yet about one that arrives with the click
    for (record_type, record_id), rows in groupby(sorted(found, key=lambda row: (row["record_type"], row["record_id"], row["id"])), key=_record):
        group = list(rows)
        with st.container(key=f"conflict_{key}_{record_type}_{record_id}"):
            title = names.get(record_id, "A lead you no longer see") if record_type == "lead" else f"{type_of(record_type).label} {record_id}"
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.html(f"<div class='tl-conflict-head'><b>{escape(title)}</b> {_who(group[0], lookups)}</div>", width="stretch")
                if opens and record_id in names:
                    st.page_link("pages/lead.py", label="Open", icon=":material/chevron_right:", query_params={"id": str(record_id)})
            for row in group:
                was_shown = _key(row, key) in st.session_state
                choice = _draw_one(row, lookups, key)
                if was_shown:
                    choices[row["id"]] = choice
    return choices


def _key(row: Conflict, key: str) -> str:
    return f"conflict.{key}.{row['id']}"


def _record(row: Conflict) -> tuple[str, int]:
    return row["record_type"], row["record_id"]


def _who(row: Conflict, lookups: Lookups) -> str:
    who = lookups.names.person(row["their_person_id"], otherwise="somebody")
    when = words.ago_html(row["their_at"], lookups.names.time_zone)
    return f"was changed by {escape(who)} {when}, {escape(words.door(row['their_source']))}." if row["their_at"] else "was changed meanwhile."


def _draw_one(row: Conflict, lookups: Lookups, key: str) -> Choice:
    kind = type_of(row["record_type"])
    label = "Deleted" if row["field"] == "deleted_at" else kind.field(row["field"]).label
    seen, theirs, mine = (_value(row, name, lookups) for name in ("seen", "theirs", "mine"))
    with st.container(horizontal=True, vertical_alignment="center", key=f"conflict_row_{key}_{row['id']}"):
        st.html(
            f"<div class='tl-conflict'><div class='tl-field'>{escape(label)}</div>"
            f"<div><small>you saw</small>{seen}</div><div><small>they made it</small>{theirs}</div><div><small>you want</small>{mine}</div></div>",
            width="stretch",
        )  # fmt: skip
        picked = st.segmented_control(
            label,
            ["theirs", "mine"],
            default="theirs",
            required=True,
            format_func=str.capitalize,
            key=_key(row, key),
            label_visibility="collapsed",
        )
    return "mine" if picked == "mine" else "theirs"


def _value(row: Conflict, which: str, lookups: Lookups) -> str:
    value = row[which]
    if row["field"] == "deleted_at":
        return "deleted" if value else "not deleted"
    return escape(lookups.names.plain(row["field"], value)) or f"<i>{words.NOTHING}</i>"


def settle(person: Person, choices: Mapping[int, Choice]) -> None:
    """Apply the choices and leave a message that says what came of them."""
    if not choices:
        messages.leave("This was settled already, in another window.")
        return
    try:
        with acting_as(person) as session:
            outcome = resolve(session, choices)
    except CrmError as error:
        messages.leave(error.detail)
        return
    messages.leave(*_said(outcome, choices))


def _said(outcome: Outcome, choices: Mapping[int, Choice]) -> tuple[str, int | None, tuple[str, ...]]:
    mine = sum(choice == "mine" for choice in choices.values())
    theirs = len(choices) - mine
    text = f"Settled: {mine} your way, {theirs} theirs." if mine and theirs else "Settled your way." if mine else "Settled: theirs stands."
    refused = tuple(result.error.detail for result in outcome.results if result.error)
    again = outcome.count("conflict")
    details = (*refused, *((f"{words.count(again, 'field')} had been changed once more; look again.",) if again else ()))
    return text, outcome.change_set_id, details
