"""Adding somebody, and looking after one person: what the People page opens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from crm import settings
from crm.access import Person, acting_as
from crm.errors import CrmError
from crm.people import reads, use_cases
from crm.people.use_cases import HandOver, Place
from crm.ui import messages, words
from crm.ui.lookups import look_up
from crm.ui.viewer import viewer

NO_ROLE = 0


def ask_for_link(by: Person, person_id: int) -> None:
    """Make a one-time link and show it, this once."""
    token = use_cases.make_reset_link(by, person_id)
    st.markdown("Send them this link. It works once, within 24 hours, and is not shown again.")
    st.code(f"{settings.current().address}/?reset={token}", language=None, wrap_lines=True)


def ask_for_places(teams: Sequence[reads.Choice], roles: Sequence[reads.Choice], *, key: str, now: Sequence[reads.Place] = ()) -> list[Place]:
    """A role for the whole organisation, or one in each team; answers (team id, role id)."""
    held = {place.team_id: place.role_id for place in now}
    wide, narrow = [r for r in roles if r.is_organisation_wide], [r for r in roles if not r.is_organisation_wide]
    places: list[Place] = [(None, _ask_role("Whole organisation", wide, held.get(None), key=f"{key}.wide"))]
    places += [(team.id, _ask_role(team.name, narrow, held.get(team.id), key=f"{key}.team.{team.id}")) for team in teams]
    return [(team_id, role_id) for team_id, role_id in places if role_id != NO_ROLE]


def _ask_role(label: str, roles: Sequence[reads.Choice], held: int | None, *, key: str) -> int:
    names = {NO_ROLE: "no role", **{role.id: role.name for role in roles}}
    ids = list(names)
    return st.selectbox(label, ids, index=ids.index(held) if held in names else 0, format_func=lambda role_id: names[role_id], key=key)


def add() -> None:
    """Open the dialog that adds somebody."""
    st.dialog("Add a person", width="medium")(draw_add)()


def manage(row: reads.Row) -> None:
    """Open the dialog that looks after this person."""
    st.dialog(row.name, width="medium")(draw_person)(row.id)


def draw_add() -> None:
    """Name, mail, teams and roles; then the link with which they choose a password."""
    person = viewer("person", "configure", everywhere=True)
    with acting_as(person) as session:
        teams, roles = reads.teams(session), reads.roles(session)
    with st.form("people.add", border=False):
        name = st.text_input("Name", key="people.add.name")
        email = st.text_input("Mail address", key="people.add.email")
        places = ask_for_places(teams, roles, key="people.add")
        is_sent = st.form_submit_button("Add", type="primary", key="people.add.send")
    if not is_sent:
        return
    try:
        with acting_as(person) as session:
            person_id = use_cases.add_person(session, {"name": name.strip(), "email": email}, places, source="page")
        st.success(f"{name.strip()} is in.", icon=":material/check_circle:")
        ask_for_link(person, person_id)
    except CrmError as error:
        st.error(str(error))


def draw_person(person_id: int) -> None:
    """Name and address, teams and roles, a reset link, disable or enable."""
    person = viewer("person", "configure", everywhere=True)
    with acting_as(person) as session:
        row = reads.one_person(session, person_id)
        teams, roles = reads.teams(session), reads.roles(session)
    if row.state:
        st.caption(row.state.capitalize())
    _ask_changes(person, row, teams, roles)
    st.divider()
    hand_over = _ask_hand_over(person, row)
    with st.container(horizontal=True):
        wants_link = st.button("Make a reset link", key="people.link", icon=":material/link:", disabled=row.disabled_at is not None)
        wants_switch = st.button("Enable" if row.disabled_at else "Disable", key="people.switch", type="tertiary")
    try:
        if wants_link:
            ask_for_link(person, row.id)
        if wants_switch:
            _switch(person, row, hand_over)
            st.rerun()
    except CrmError as error:
        st.error(str(error))


KEEP = -1
NOBODY = 0


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
    said = {KEEP: "stay as they are", NOBODY: "become nobody's, for the team to pick up"}
    to = st.selectbox(
        f"When {row.name} is disabled, their {words.count(leads, 'lead')}", [KEEP, NOBODY, *owners], key=f"people.hand_over.{row.id}",
        format_func=lambda owner: said.get(owner) or f"go to {lookups.names.owner(owner)}",
    )  # fmt: skip
    return None if to == KEEP else HandOver(to or None)


def _ask_changes(person: Person, row: reads.Row, teams: Sequence[reads.Choice], roles: Sequence[reads.Choice]) -> None:
    with st.form("people.change", border=False):
        wanted: dict[str, Any] = {
            "name": st.text_input("Name", row.name, key=f"people.name.{row.id}").strip(),
            "email": st.text_input("Mail address", row.email, key=f"people.email.{row.id}").strip(),
            "time_zone": st.text_input("Time zone", row.time_zone, key=f"people.zone.{row.id}").strip(),
        }
        left, right = st.columns(2)
        wanted["absent_from"] = left.date_input("Away from", row.absent_from, key=f"people.away_from.{row.id}", format="YYYY-MM-DD")
        wanted["absent_until"] = right.date_input("Until, that day included", row.absent_until, key=f"people.away_until.{row.id}", format="YYYY-MM-DD")
        places = ask_for_places(teams, roles, key=f"people.{row.id}", now=row.places)
        is_sent = st.form_submit_button("Save", type="primary", key="people.save")
    if is_sent:
        try:
            _save(person, row, {name: value for name, value in wanted.items() if value != getattr(row, name)}, places)
        except CrmError as error:
            st.error(str(error))
        else:
            st.rerun()


def _save(person: Person, row: reads.Row, changed: dict[str, Any], places: list[Place]) -> None:
    with acting_as(person) as session:
        if changed:
            use_cases.change_person(session, row.id, row.version, changed, source="page")
        if set(places) != {(place.team_id, place.role_id) for place in row.places}:
            use_cases.place_person(session, row.id, places)
    messages.leave(f"{row.name}: saved. It holds for their open pages within five seconds.")


def _switch(person: Person, row: reads.Row, hand_over: HandOver | None) -> None:
    with acting_as(person) as session:
        if row.disabled_at:
            use_cases.enable_person(session, row.id, row.version, source="page")
            messages.leave(f"{row.name} is enabled. Make a reset link if they need a password.")
            return
        done = use_cases.disable_person(session, row.id, row.version, hand_over=hand_over, source="page")
    leads = f"{words.count(len(done.results) - 1, 'lead')} handed over; the history stays." if hand_over else "Their leads and history stay."
    messages.leave(f"{row.name} is disabled: signed out everywhere within five seconds. {leads}", done.change_set_id)
