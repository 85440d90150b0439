"""The head of a lead's page: what it is called, where it stands and for how long, whose it is, what it is worth; and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from html import escape
from typing import Any

import streamlit as st

from crm import clock, money
from crm.access import Person, acting_as
from crm.errors import CrmError
from crm.leads.use_cases import delete_leads, edit_leads
from crm.ui import closed, lead_links, messages, words
from crm.ui.lookups import Lookups

Row = Mapping[Any, Any]


def facts_line(row: Row, lookups: Lookups, person: Person, *, at: datetime) -> None:
    """Stage with its days, owner, value, close: one line, dense."""
    names = lookups.names
    today = words.local_day(at, names.time_zone)
    owner = "Nobody's yet" if row["owner_id"] is None else "yours" if row["owner_id"] == names.me else escape(str(row["owner"]))
    if (absence := names.absence(row["owner_id"])) and today == words.local_day(clock.now(), names.time_zone):
        owner += f" <i>{escape(absence)}</i>"
    parts = [
        f"<span class='tl-stage tl-{escape(str(row['stage_kind']))}'>{escape(str(row['stage']))}</span>{_days(row, at)}",
        f"<span class='tl-pair'><small>owner</small>{owner}</span>",
        f"<span class='tl-pair'><small>value</small>{_value(row)}</span>" if closed.shows(person, "value") else "",
        f"<span class='tl-pair'><small>close</small>{_close(row['expected_close_on'], today)}</span>" if closed.shows(person, "expected_close_on") else "",
        f"<span class='tl-pair'><small>last contact</small>{words.ago_html(row['last_contacted_at'], names.time_zone) or words.NOTHING}</span>",
    ]
    st.html(f"<div class='tl-lead-line'>{''.join(parts)}</div>")


def _days(row: Row, at: datetime) -> str:
    """ "9 d of 7": amber when near the target, red when over."""
    days = max((at - row["stage_entered_at"]).days, 0)
    target = row["target_days"]
    if row["stage_kind"] != "open" or not target:
        return f"<span class='tl-days'>{days} d</span>"
    mood = "over" if days > target else "near" if days >= target * 0.8 else ""
    return f"<span class='tl-days {mood}'>{days} d of {target}</span>"


def _value(row: Row) -> str:
    if row["value_amount"] is None:
        return words.NOTHING
    own = words.amount({"amount": row["value_amount"], "currency": row["value_currency"]})
    if row["value_currency"] == money.BASE_CURRENCY or row["value_usd"] is None:
        return escape(own)
    return f"{escape(money.short(row['value_usd']))} <i>{escape(own)}</i>"


def _close(day: date | None, today: date) -> str:
    if day is None:
        return words.NOTHING
    late = " class='tl-late'" if day < today else ""
    return f"<span{late}>{escape(words.day(day, today=today))}</span>"


def draw_menu(row: Row, person: Person, lookups: Lookups) -> None:
    """Hand over, delete: what is not done every day."""
    actions = {"hand over": "Hand over to another team…"} if _other_teams(row, person, lookups) else {}
    if lead_links.targets(row, person, lookups):
        actions["continue"] = "Hand over to another pipeline…"
    if person.reach("lead", "delete").covers(team_id=row["team_id"], owner_id=row["owner_id"], person_id=person.id):
        actions["delete"] = "Delete this lead"
    if not actions:
        return
    picked = st.menu_button(
        "", list(actions), format_func=lambda name: actions[name], key="lead.menu", icon=":material/more_horiz:", help="More", type="tertiary"
    )
    if picked == "delete":
        _delete(row, person)
    elif picked == "hand over":
        hand_over(row, person, lookups)
    elif picked == "continue":
        lead_links.draw_dialog(row, lookups)


def _delete(row: Row, person: Person) -> None:
    try:
        with acting_as(person) as session:
            outcome = delete_leads(session, [(row["id"], row["version"])], source="form", on_conflict="refuse")
    except CrmError as error:
        messages.leave(error.detail)
        st.rerun()
    messages.leave(f"{row['name']} is deleted.", outcome.change_set_id)
    st.switch_page("pages/leads.py", query_params=st.session_state.get("leads.address", {}))


def _other_teams(row: Row, person: Person, lookups: Lookups) -> list[int]:
    reach = person.reach("lead", "assign")
    if not person.reach("lead", "edit").covers(team_id=row["team_id"], owner_id=row["owner_id"], person_id=person.id):
        return []
    return [team_id for team_id in lookups.names.teams if team_id != row["team_id"] and (reach.everywhere or team_id in reach.teams)]


@st.dialog("Hand over to another team")
def hand_over(row: Row, person: Person, lookups: Lookups) -> None:
    """The lead begins in the other team's first pipeline. You may not see it afterwards, but you can take it back until somebody changes it."""
    with st.form("lead.hand_over", border=False):
        team_id = st.selectbox("Team", _other_teams(row, person, lookups), format_func=lambda i: lookups.names.teams[i])
        owner_id = st.selectbox("Owner there", [None, *lookups.owners], format_func=lambda i: lookups.names.people[i] if i else "Nobody yet")
        st.caption("It begins in that team's first pipeline. You can undo this until somebody there changes it.")
        is_sent = st.form_submit_button("Hand over", type="primary")
    if not is_sent:
        return
    try:
        with acting_as(person) as session:
            wanted = {"team_id": team_id, "owner_id": owner_id}
            outcome = edit_leads(session, [(row["id"], row["version"], wanted)], source="form", label=f"Handed over {row['name']}", on_conflict="refuse")
    except CrmError as error:
        st.error(error.detail)
        return
    messages.leave(f"{row['name']} now belongs to {lookups.names.teams[team_id]}.", outcome.change_set_id)
    st.switch_page("pages/leads.py", query_params=st.session_state.get("leads.address", {}))
