"""A lead's alerts: what is due when and for whom; set one, finish it, put it off, hand it over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from crm import clock
from crm.access import Person, acting_as
from crm.alerts import reads, rules
from crm.alerts.reads import AlertFilter
from crm.ui import alert_acts
from crm.ui.alert_acts import Alert
from crm.ui.lookups import Lookups

Row = Mapping[Any, Any]
ROUND = "lead.alert.round"


def draw(row: Row, person: Person, lookups: Lookups) -> None:
    """The open alerts of this lead, and the way to a new one."""
    with acting_as(person) as session:
        alerts = reads.list_alerts(session, AlertFilter(lead_id=row["id"], is_done=False), limit=20)
    may_set = person.reach("alert", "create").covers(team_id=row["team_id"], owner_id=person.id, person_id=person.id)
    with st.container(horizontal=True, key="alerts_head", vertical_alignment="center", gap="small"):
        st.html("<div class='tl-panel-title'>Alerts</div>", width="stretch")
        if may_set:
            _draw_new(row, person, lookups)
    if not alerts:
        st.html("<span class='tl-muted'>Nothing to remember here.</span>")
    for alert in alerts:
        _draw_alert(alert, person, lookups)


def _draw_alert(alert: Alert, person: Person, lookups: Lookups) -> None:
    due = alert_acts.due(alert["due_at"], person.time_zone)
    is_late = alert["due_at"] < clock.now()
    whose = "" if alert["person_id"] == person.id else f" · for {escape(lookups.names.people.get(alert['person_id'], 'somebody'))}"
    with st.container(horizontal=True, key=f"alert_{alert['id']}", vertical_alignment="center", gap="small"):
        st.html(
            f"<div class='tl-alert'><b>{escape(alert['text'] or 'Follow up')}</b><span{' class=tl-late' if is_late else ''}>{escape(due)}</span>"
            f"<small>{whose.removeprefix(' · ')}</small></div>",
            width="stretch",
        )
        if not alert_acts.may_change(alert, person):
            return
        if st.button("Done", key=f"alert.done.{alert['id']}", type="secondary"):
            alert_acts.finish(alert, person)
            st.rerun()
        if person.may("activity", "create") and st.button(
            "Call made", key=f"alert.call.{alert['id']}", type="tertiary", help="Log the call and finish the alert"
        ):
            log_call(alert, person)
        _draw_later(alert, person, lookups)


def _draw_later(alert: Alert, person: Person, lookups: Lookups) -> None:
    choices = {**rules.LATER, "change": "Another time, or a colleague…"}
    if alert_acts.may_change(alert, person, "delete"):
        choices["remove"] = "Remove"
    picked = st.menu_button(
        "", list(choices), format_func=choices.__getitem__, key=f"alert.later.{alert['id']}", icon=":material/snooze:", type="tertiary", help="Later"
    )
    if picked is not None and picked in rules.LATER:
        alert_acts.snooze(alert, person, picked, lookups)
        st.rerun()
    elif picked == "remove":
        alert_acts.remove(alert, person)
        st.rerun()
    elif picked == "change":
        change(alert, person, lookups)


@st.dialog("Call made")
def log_call(alert: Alert, person: Person) -> None:
    """What was said goes into the story, and the alert is done: both at once."""
    with st.form(f"alert.call.{alert['id']}.{alert['version']}", border=False):
        body = st.text_area("What was said", placeholder="What was said, what comes next…", height=96, label_visibility="collapsed")
        minutes = st.text_input("Minutes", placeholder="min", width=90, label_visibility="collapsed")
        is_sent = st.form_submit_button("Log and finish", type="primary")
    if is_sent:
        alert_acts.finish_with_call(alert, person, {"kind": "call", "body": body, "duration_minutes": minutes.strip() or None})
        st.rerun()


@st.dialog("Alert")
def change(alert: Alert, person: Person, lookups: Lookups) -> None:
    """Another time, other words, another person."""
    with st.form(f"alert.change.{alert['id']}.{alert['version']}", border=False):
        at = st.datetime_input("Due", alert["due_at"].astimezone(ZoneInfo(person.time_zone)).replace(tzinfo=None), format="YYYY-MM-DD")
        to = st.selectbox("Reminds", *_people(alert["person_id"], person, lookups), format_func=lookups.names.owner)
        is_sent = st.form_submit_button("Save", type="primary")
    if not is_sent or at is None:
        return
    if to != alert["person_id"]:
        alert_acts.hand_over(alert, person, to, lookups.names)
    else:
        alert_acts.snooze_until(alert, person, _moment(at, person), lookups)
    st.rerun()


def _people(chosen: int, person: Person, lookups: Lookups) -> tuple[list[int], int]:
    people = list(dict.fromkeys([chosen, person.id, *lookups.owners]))
    return people, 0


def _moment(at: datetime, person: Person) -> datetime:
    return at.replace(tzinfo=ZoneInfo(person.time_zone))


def _draw_new(row: Row, person: Person, lookups: Lookups) -> None:
    turn = st.session_state.setdefault(ROUND, 0)
    with st.popover("Alert", icon=":material/alarm_add:", type="tertiary", key=f"alert_new_{turn}"), st.form(f"alert.new.{row['id']}.{turn}", border=False):
        text = st.text_input("What to do", placeholder="call about the samples", max_chars=300, key=f"alert.new.{turn}.text")
        off = lookups.days_off(row["market"])
        begins = datetime.combine(rules.working_day(clock.today(person.time_zone) + timedelta(days=1), off), rules.MORNING)
        at = st.datetime_input("Due", begins, format="YYYY-MM-DD", key=f"alert.new.{turn}.at")
        to = st.selectbox(
            "Reminds", *_people(person.id, person, lookups), format_func=lambda i: "me" if i == person.id else lookups.names.people.get(i, "somebody"),
            key=f"alert.new.{turn}.to",
        )  # fmt: skip
        is_sent = st.form_submit_button("Set alert", type="primary")
    if is_sent and at is not None and alert_acts.set_new(row["id"], person, {"text": text, "due_at": _moment(at, person), "person_id": to}, off):
        st.session_state[ROUND] = turn + 1
        st.rerun()
    elif is_sent:
        st.rerun()
