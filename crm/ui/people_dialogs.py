"""Adding somebody, and looking after one person: what the People page opens."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import streamlit as st

from crm import settings
from crm.access import Person, acting_as
from crm.errors import CrmError
from crm.people import reads, use_cases
from crm.people.use_cases import HandOver, Place
from crm.ui import dialogs, messages, people_places, words
from crm.ui.lookups import look_up
from crm.ui.viewer import viewer

ADD = "people.add"


def ask_for_link(by: Person, person_id: int) -> None:
    """Make a one-time link and show it, this once."""
    made = use_cases.make_link(by, person_id)
    until = words.moment(made.until, by.time_zone)
    what = "Send them this invitation" if made.is_invitation else "Send them this link for a new password"
    st.markdown(f"{what}. It works once, until {until}, and is not shown again; one that was made before no longer works.")
    st.code(f"{settings.current().address}{made.path}", language=None, wrap_lines=True)


def add() -> None:
    """Open the dialog that adds somebody."""
    people_places.forget(ADD)
    dialogs.show("Add a person", draw_add, width="medium")


def manage(row: reads.Row) -> None:
    """Open the dialog that looks after this person."""
    people_places.forget(f"people.{row.id}")
    dialogs.show(row.name, draw_person, row.id, width="medium")


def draw_add() -> None:
    """Name, mail, teams and roles; then the invitation with which they choose a password."""
    person = viewer("person", "configure", everywhere=True)
    with acting_as(person) as session:
        teams, roles = reads.teams(session), reads.roles(session)
    left, right = st.columns(2)
    name = left.text_input("Name", key=f"{ADD}.name", max_chars=300).strip()
    email = right.text_input("Mail address", key=f"{ADD}.email", max_chars=300)
    places = people_places.ask(teams, roles, key=ADD)
    if not st.button("Add and invite", type="primary", key=f"{ADD}.send"):
        return
    try:
        with acting_as(person) as session:
            person_id = use_cases.add_person(session, {"name": name, "email": email}, people_places.require(places), source="page")
        st.success(f"{name} is in.", icon=":material/check_circle:")
        if not places:
            st.warning("They have no team and role yet, so they would see nothing. Give them one with “Manage” in the list.")
        ask_for_link(person, person_id)
    except CrmError as error:
        st.error(error.detail)


def draw_person(person_id: int) -> None:
    """Name and address, teams and roles, a way in, disable or enable."""
    person = viewer("person", "configure", everywhere=True)
    with acting_as(person) as session:
        now = reads.one_person(session, person_id)
        row = dialogs.seen(f"person {person_id}", lambda: now)
        teams, roles = reads.teams(session), reads.roles(session)
    if row.disabled_at:
        st.caption("Disabled: they cannot sign in. What they did stays.")
    _ask_changes(person, row, teams, roles)
    st.divider()
    try:
        _draw_way_in(person, now)
        _draw_switch(person, row)
    except CrmError as error:
        st.error(error.detail)


def _draw_way_in(person: Person, row: reads.Row) -> None:
    """How somebody comes to a password: an invitation until they have one, then a reset link."""
    if row.disabled_at:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="people_way_in"):
        st.html(f"<span class='tl-muted'>{escape(_said_of_way_in(row, person.time_zone))}</span>", width="stretch")
        wants_out = row.is_invited and st.button("Withdraw", key="people.withdraw", type="tertiary")
        label = "Make a reset link" if row.has_password else "New invitation" if row.invited_until else "Invite"
        wants_link = st.button(label, key="people.link", icon=":material/link:")
    if wants_out:
        use_cases.withdraw_invitation(person, row.id)
        messages.leave(f"The invitation of {row.name} is withdrawn: its link opens nothing any more. You can invite them anew.")
        st.rerun()
    if wants_link:
        ask_for_link(person, row.id)


def _said_of_way_in(row: reads.Row, time_zone: str) -> str:
    if row.has_password:
        return "They sign in with a password of their own."
    if row.invited_until is None:
        return "They have no password yet, and no invitation."
    until = words.moment(row.invited_until, time_zone)
    return f"Invited: the link works until {until}." if row.is_invited else f"The invitation ran out on {until}."


def _draw_switch(person: Person, row: reads.Row) -> None:
    hand_over = _ask_hand_over(person, row)
    if st.button("Enable" if row.disabled_at else "Disable", key="people.switch", type="tertiary"):
        _switch(person, row, hand_over)
        st.rerun()


KEEP, NOBODY, BY_RULES = -1, 0, -2


def _ask_hand_over(person: Person, row: reads.Row) -> HandOver | None:
    """Whose the leads of somebody who is about to be disabled become; None leaves them."""
    if row.disabled_at:
        return None
    with acting_as(person) as session:
        leads = use_cases.count_leads_of(session, row.id)
    if not leads:
        return None
    lookups = look_up(person)
    owners = [owner for owner in lookups.owners if owner != row.id]
    said = {KEEP: "stay as they are", BY_RULES: "go where the team's assignment rules say", NOBODY: "become nobody's, for the team to pick up"}
    to = st.selectbox(
        f"When {row.name} is disabled, their {words.count(leads, 'lead')}", [KEEP, BY_RULES, NOBODY, *owners], key=f"people.hand_over.{row.id}",
        format_func=lambda owner: said.get(owner) or f"go to {lookups.names.owner(owner)}",
    )  # fmt: skip
    if to == KEEP:
        return None
    return HandOver(by_rules=True) if to == BY_RULES else HandOver(to or None)


def _ask_changes(person: Person, row: reads.Row, teams: Sequence[reads.Choice], roles: Sequence[reads.Choice]) -> None:
    left, right = st.columns(2)
    wanted: dict[str, Any] = {
        "name": left.text_input("Name", row.name, key=f"people.name.{row.id}").strip(),
        "email": right.text_input("Mail address", row.email, key=f"people.email.{row.id}").strip(),
    }
    places = people_places.ask(teams, roles, key=f"people.{row.id}", now=row.places)
    zone, begins, ends = st.columns(3)
    wanted["time_zone"] = zone.text_input("Time zone", row.time_zone, key=f"people.zone.{row.id}").strip()
    wanted["absent_from"] = begins.date_input("Away from", row.absent_from, key=f"people.away_from.{row.id}", format="YYYY-MM-DD")
    wanted["absent_until"] = ends.date_input("Last day away", row.absent_until, key=f"people.away_until.{row.id}", format="YYYY-MM-DD")
    if not st.button("Save", type="primary", key="people.save"):
        return
    try:
        _save(person, row, {name: value for name, value in wanted.items() if value != getattr(row, name)}, people_places.require(places))
    except CrmError as error:
        st.error(error.detail)
    else:
        st.rerun()


def _save(person: Person, row: reads.Row, changed: dict[str, Any], places: list[Place]) -> None:
    with acting_as(person) as session:
        if changed:
            use_cases.change_person(session, row.id, row.version, changed, source="page")
        seen = {(place.team_id, place.role_id) for place in row.places}
        if set(places) != seen:
            use_cases.place_person(session, row.id, places, seen=seen)
    messages.leave(f"{row.name}: saved. It holds for their open pages within five seconds.")


def _switch(person: Person, row: reads.Row, hand_over: HandOver | None) -> None:
    with acting_as(person) as session:
        if row.disabled_at:
            use_cases.enable_person(session, row.id, row.version, source="page")
            messages.leave(f"{row.name} is enabled. Make them a link if they need a password.")
            return
        done = use_cases.disable_person(session, row.id, row.version, hand_over=hand_over, source="page")
    leads = f"{words.count(len(done.results) - 1, 'lead')} handed over; the history stays." if hand_over else "Their leads and history stay."
    messages.leave(f"{row.name} is disabled: signed out everywhere within five seconds. {leads}", done.change_set_id)
