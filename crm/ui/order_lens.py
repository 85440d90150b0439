"""What the Orders page draws: the connection and its proof, the rules that make leads, the latest readings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from html import escape
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from crm import clock, settings
from crm.access import Person, acting_as
from crm.connectors.metabase import connected
from crm.customers import configuring
from crm.customers.asking import ask_for_sync
from crm.customers.configuring import Rule
from crm.customers.mirror_state import LARGEST_NUMBER, MirrorState, RunState, checked
from crm.errors import CrmError, Stale
from crm.organisation.reads import Standing
from crm.ui import dialogs, look, messages
from crm.ui.lookups import Lookups, look_up
from crm.ui.viewer import viewer

LABELS: Mapping[str, str] = {"customers": "Question for customers", "orders": "Question for orders", "rates": "Question for exchange rates"}
CONNECTION = "orders.connection.seen"
LOOKS_BACK = timedelta(days=7)
EVERYONE = "Every segment"
NEW = Rule(0, 0, "", True, 0, "B2B", None, 120, None, None)


def draw_alarms(state: MirrorState) -> None:
    """What an admin should look at, first of all."""
    for alarm in state.alarms:
        times = f" {alarm.times:,} times, last {clock.ago(alarm.last_at)}." if alarm.times > 1 else f" {clock.ago(alarm.last_at)}."
        st.html(f"<div class='tl-refused tl-alarm'><b>{escape(alarm.text)}</b><span>{escape(times)}</span></div>")


def draw_connection(person: Person, standing: Standing) -> None:
    """Which saved questions are read; saving proves first that the key cannot write."""
    st.subheader("Where orders come from")
    url = settings.current().metabase_url
    if not url or not settings.current().metabase_api_key:
        look.empty("No production is connected.", "Set METABASE_URL and METABASE_API_KEY to a Metabase and a key that may only view, then start again.")
        return
    st.html(f"<p class='tl-muted'>Metabase at <b>{escape(urlsplit(url).hostname or '')}</b>, read with a key from METABASE_API_KEY and never written to.</p>")
    seen = _as_seen(standing)
    with st.form("orders.connection", border=False):
        given = {name: st.number_input(label, 1, LARGEST_NUMBER, seen.value[name], key=_key(name, seen)) for name, label in LABELS.items()}
        is_sent = st.form_submit_button("Test and save", type="primary", key="orders.connection.save")
    if is_sent:
        with st.spinner("Reading a little, and trying to write..."):
            _test_and_save(person, {name: int(number or 0) for name, number in given.items()}, seen)


def _as_seen(standing: Standing) -> Standing:
    """What the form was filled from, as long as something else is typed in it: a save is checked against that."""
    kept: Standing | None = st.session_state.get(CONNECTION)
    if kept is None or not any(st.session_state.get(_key(name, kept), kept.value[name]) != kept.value[name] for name in LABELS):
        kept = st.session_state[CONNECTION] = standing
    return kept


def _key(name: str, seen: Standing) -> str:
    """Another version is another widget, which begins with that version's number."""
    return f"orders.{name}.{seen.version}"


def _test_and_save(person: Person, numbers: dict[str, int], seen: Standing) -> None:
    try:
        person.require("settings", "configure")
        proof = configuring.prove(connected(checked(numbers)), since=clock.now() - LOOKS_BACK)
        if not proof.is_proven:
            st.error(f"{proof.sentence} Nothing was saved.")
            return
        with acting_as(person) as session:
            done = configuring.save_questions(session, numbers, seen_version=seen.version)
    except Stale:
        _begin_anew("Somebody else saved other questions since you looked. Nothing of yours was saved; theirs stand below.", None)
    except CrmError as error:
        st.error(f"{error.detail} Nothing was saved.")
    else:
        _begin_anew(f"{proof.sentence} The connection is saved.", done.change_set_id)


def _begin_anew(says: str, change_set_id: int | None) -> None:
    """The form as it stands now, under what came of the last one."""
    st.session_state.pop(CONNECTION, None)
    messages.leave(says, change_set_id)
    st.rerun()


def draw_rules(rules: Sequence[Rule], lookups: Lookups) -> None:
    """Who becomes a lead by itself, in the order in which the rules are tried."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Who becomes a lead by itself", width="stretch")
        if st.button("Add rule", key="orders.rule.add", icon=":material/add:"):
            _open(replace(NEW, position=len(rules)))
    if not rules:
        look.empty("No rule makes leads.", "Add one, and customers who order become leads with the next reading.")
    for rule in rules:
        with st.container(horizontal=True, vertical_alignment="center", key=f"orders_rule_{rule.id}"):
            st.html(
                f"<div class='tl-rule{'' if rule.is_active else ' tl-off'}'><b>{escape(rule.name)}</b><span>{escape(said(rule, lookups))}</span></div>",
                width="stretch",
            )
            if st.button("Edit", key=f"orders.rule.{rule.id}", type="tertiary"):
                _open(rule)


def said(rule: Rule, lookups: Lookups) -> str:
    """The rule in one sentence."""
    who = f"{rule.segment} customers" if rule.segment else "Customers"
    where = f" in {rule.market}" if rule.market else ""
    team = lookups.names.teams.get(rule.team_id, "a team") if rule.team_id else "the team of their market"
    made = f" {rule.leads:,} so far." if rule.leads else ""
    off = "" if rule.is_active else " Switched off."
    return f"{who}{where} who ordered in the last {rule.ordered_within_days:,} days and have no lead become one in {team}.{made}{off}"


def _open(rule: Rule) -> None:
    dialogs.show(rule.name or "New rule", draw_rule, rule, width="medium")


def draw_rule(rule: Rule) -> None:
    """The dialog that changes, adds or removes one rule."""
    person = viewer("settings", "configure", everywhere=True)
    lookups = look_up(person)
    with st.form("orders.rule", border=False):
        wanted: dict[str, Any] = {"name": st.text_input("Name", rule.name, key="orders.rule.name")}
        wanted["segment"] = st.text_input(
            "Segment", rule.segment or "", key="orders.rule.segment", placeholder=EVERYONE, help="As production says it, such as B2B."
        )
        wanted["market"] = st.text_input("Market", rule.market or "", key="orders.rule.market", placeholder="Every market", max_chars=2)
        wanted["ordered_within_days"] = int(st.number_input("Ordered in the last days", 1, 3660, rule.ordered_within_days, key="orders.rule.days") or 0)
        teams = [None, *lookups.names.teams]
        wanted["team_id"] = st.selectbox(
            "Team", teams, index=teams.index(rule.team_id) if rule.team_id in teams else 0, key="orders.rule.team",
            format_func=lambda team: lookups.names.teams.get(team, "") if team else "The team of their market",
        )  # fmt: skip
        wanted["is_active"] = st.toggle("Switched on", rule.is_active, key="orders.rule.active")
        with st.container(horizontal=True):
            is_sent = st.form_submit_button("Save", type="primary", key="orders.rule.save")
            is_removed = bool(rule.id) and st.form_submit_button("Remove", key="orders.rule.remove")
    if not (is_sent or is_removed):
        return
    try:
        with acting_as(person) as session:
            if is_removed:
                done = configuring.remove_rule(session, rule.id, rule.version, source="form")
            else:
                values = wanted if rule.id else {**wanted, "position": rule.position}
                done = configuring.save_rule(session, rule.id or None, rule.version or None, values, source="form")
    except CrmError as error:
        st.error(error.detail)
        return
    messages.leave(f"{'Removed' if is_removed else 'Saved'} the rule “{wanted['name'] or rule.name}”.", done.change_set_id)
    st.rerun()


def draw_runs(person: Person, state: MirrorState, runs: Sequence[RunState]) -> None:
    """The latest readings, how they went, and the way to ask for one."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Latest readings", width="stretch")
        if state.is_configured:
            for label, is_full in (("Read what changed", False), ("Read everything", True)):
                if st.button(label, key=f"orders.read.{'full' if is_full else 'difference'}", disabled=state.running is not None and not is_full):
                    _ask(person, is_full=is_full)
    if not runs:
        look.empty("Nothing was read yet.", "Orders are read when somebody looks, every quarter of an hour, and all of them every night.")
        return
    titles = ("When", "What", "How it went", "Customers", "Orders", "Changed", "New leads", "Asked by")
    head = f"<tr>{''.join(f'<th>{title}</th>' for title in titles)}</tr>"
    st.html(f"<div class='tl-scroll'><table class='tl-table tl-words'>{head}{''.join(_line(run) for run in runs)}</table></div>")


def _ask(person: Person, *, is_full: bool) -> None:
    try:
        is_asked = ask_for_sync(person, by_hand=True, is_full=is_full)
    except CrmError as error:
        messages.leave(error.detail)
    else:
        messages.leave("Orders are being read now." if is_asked else "Orders are being read already.")
    st.rerun()


def _line(run: RunState) -> str:
    went = {"running": run.step or "begins", "done": "well"}.get(run.state, "failed")
    note = f"{went}: {run.problem}" if run.problem else went
    counts = run.counts
    figures = (
        counts["customers_read"], counts["orders_read"], counts["customers_changed"] + counts["orders_changed"], counts["leads_created"],
    )  # fmt: skip
    cells = "".join(f"<td>{figure:,}</td>" for figure in figures)
    kind = "everything" if run.kind == "full" else "what changed"
    return (
        f"<tr><th>{escape(clock.ago(run.started_at))}</th><td>{kind}</td><td class='tl-run-{escape(run.state)}'>{escape(note)}</td>{cells}"
        f"<td>{escape(run.asked_by or 'by itself')}</td></tr>"
    )
