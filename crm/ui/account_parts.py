"""The parts of My account: name and time zone, password, sign-ins, API keys. All of one's own."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from html import escape
from typing import Any
from zoneinfo import available_timezones

import streamlit as st

from crm import clock
from crm.access import Person, acting_as, keys, passwords, sessions, sign_in
from crm.errors import CrmError
from crm.people import reads, use_cases
from crm.ui import messages, viewer, words

EXPIRIES = {"30 days": 30, "90 days": 90, "a year": 365, "no end": None}


@lru_cache(maxsize=1)
def _time_zones() -> tuple[str, ...]:
    """Those with a place in their name, and UTC."""
    return ("UTC", *sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/", "posix/", "right/"))))


def draw_myself(person: Person) -> None:
    """One's own name and time zone."""
    st.subheader("You")
    with acting_as(person) as session:
        me = reads.myself(session)
    today = clock.today(person.time_zone)
    zones = list(dict.fromkeys([me.time_zone, *_time_zones()]))
    with st.form("account.myself", border=False):
        wanted: dict[str, Any] = {
            "name": st.text_input("Name", me.name, key=f"account.name.{me.version}", max_chars=300, autocomplete="name"),
            "time_zone": st.selectbox("Time zone", sorted(zones), index=sorted(zones).index(me.time_zone), key=f"account.zone.{me.version}", help=ZONE_HELP),
        }
        left, right = st.columns(2)
        wanted["absent_from"] = left.date_input("Away from", me.absent_from, key=f"account.away_from.{me.version}", format="YYYY-MM-DD", help=AWAY_HELP)
        wanted["absent_until"] = right.date_input("Until, that day included", me.absent_until, key=f"account.away_until.{me.version}", format="YYYY-MM-DD")
        if me.absent_until and me.absent_until < today:
            st.caption("That is over. Empty both days, or set the next ones.")
        is_sent = st.form_submit_button("Save", key="account.myself.send")
    if is_sent:
        _change_myself(person, me, {name: value for name, value in wanted.items() if value != getattr(me, name)})


AWAY_HELP = "Shown beside your name where somebody chooses an owner. Leave the last day empty while you do not know it."
ZONE_HELP = "What “today” means to you, and the times that you read and write."


def _change_myself(person: Person, me: reads.Myself, changed: dict[str, Any]) -> None:
    if not changed:
        st.html("<span class='tl-muted'>Nothing differs, nothing to save.</span>")
        return
    try:
        with acting_as(person) as session:
            outcome = use_cases.change_myself(session, me.version, changed, source="page")
    except CrmError as error:
        st.error(str(error))
        return
    messages.leave("Saved.", outcome.change_set_id)
    st.rerun()


def draw_password(person: Person) -> None:
    """A new password, proved by the old one; the other sign-ins end."""
    st.subheader("Password")
    with st.form("account.password", border=False, clear_on_submit=True):
        old = st.text_input("Old password", type="password", key="account.password.old", autocomplete="current-password")
        new = st.text_input("New password", type="password", key="account.password.new", autocomplete="new-password", help=HELP)
        again = st.text_input("New password again", type="password", key="account.password.again", autocomplete="new-password")
        is_sent = st.form_submit_button("Change password", key="account.password.send")
    if not is_sent:
        return
    if new != again:
        st.error("The two new passwords differ. Nothing was changed.")
        return
    try:
        ended = sign_in.change_password(person.id, old=old, new=new, address=viewer.address(), token=viewer.token())
    except CrmError as error:
        st.error(str(error))
        return
    others = f" {words.count(ended, 'other sign-in')} ended." if ended else ""
    st.success(f"Your password is changed.{others}")


HELP = f"At least {passwords.SHORTEST} characters, up to {passwords.LONGEST_BYTES} bytes."


def draw_sessions(person: Person) -> None:
    """Where this person is signed in, each with a way out."""
    st.subheader("Where you are signed in")
    with st.container(key="account_sessions", gap=None):
        for open_one in sessions.of_person(person.id, this_token=viewer.token()):
            with st.container(horizontal=True, vertical_alignment="center", key=f"account_session_{open_one.id}"):
                used = "this page" if open_one.is_this_one else f"last used {clock.ago(open_one.last_used_at)}"
                since = words.moment(open_one.started_at, person.time_zone)
                st.html(
                    f"<div class='tl-line'><b>{escape(open_one.device)}</b>"
                    f"<span>{used} · since {since}{' · ' + escape(open_one.address) if open_one.address else ''}</span></div>",
                    width="stretch",
                )
                if not open_one.is_this_one and st.button("End", key=f"account.session.{open_one.id}", type="tertiary", help="Sign out there"):
                    _end(person, open_one.id)


def _end(person: Person, session_id: int) -> None:
    try:
        sessions.end_one(person.id, session_id)
        messages.leave("Signed out there. An open page closes within five seconds.")
    except CrmError as error:
        messages.leave(str(error))
    st.rerun()


def draw_keys(person: Person) -> None:
    """API keys: made, shown once, revoked."""
    st.subheader("API keys")
    st.caption("A key lets a program act as you, never with more than you may do. [What the API offers](/api/docs)")
    with st.form("account.key", border=False, clear_on_submit=True):
        name = st.text_input("What will use it?", key="account.key.name", placeholder="Nightly export", max_chars=keys.LONGEST_NAME)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            expiry = st.selectbox("Valid for", list(EXPIRIES), index=1, key="account.key.expiry", width=160)
            is_read_only = st.checkbox("May only read", value=True, key="account.key.read_only")
        is_sent = st.form_submit_button("Make a key", key="account.key.send")
    if is_sent:
        _make_key(person, name, is_read_only=is_read_only, days=EXPIRIES[expiry])
    now = clock.now()
    live = [key for key in keys.list_keys(person.id) if key.revoked_at is None and (key.expires_at is None or key.expires_at > now)]
    if not live:
        st.caption("No keys yet. Make one for each program: each can then be revoked by itself.")
    with st.container(key="account_keys", gap=None):
        for key in live:
            _draw_key(person, key)


def _make_key(person: Person, name: str, *, is_read_only: bool, days: int | None) -> None:
    try:
        made = keys.create_key(person.id, name, is_read_only, clock.now() + timedelta(days=days) if days else None)
    except CrmError as error:
        st.error(str(error))
        return
    st.success("Copy the key now: it is not shown again.")
    st.code(made, language=None, wrap_lines=True)


def _draw_key(person: Person, key: keys.KeyRow) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"account_key_{key.id}"):
        used = f"used {clock.ago(key.last_used_at)}" if key.last_used_at else "never used"
        until = f"until {words.moment(key.expires_at, person.time_zone)}" if key.expires_at else "no end"
        scope = "reads only" if key.is_read_only else "reads and writes"
        st.html(f"<div class='tl-line'><b>{escape(key.name)}</b><span>{scope} · {used} · {until}</span></div>", width="stretch")
        if st.button("Revoke", key=f"account.key.{key.id}", type="tertiary"):
            try:
                keys.revoke_key(person.id, key.id)
                messages.leave(f"The key “{key.name}” no longer works.")
            except CrmError as error:
                messages.leave(str(error))
            st.rerun()
