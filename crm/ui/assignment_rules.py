"""What the Assignment page draws: a team's rules in the order in which they are tried, the dialog for one, and the line that tries them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any

import streamlit as st

from crm.access import Person, acting_as
from crm.assignment import reads, use_cases
from crm.assignment.reads import RuleRow
from crm.assignment.rules import FIELDS, LEAST_BUSY, PERSON, ROUND_ROBIN
from crm.errors import CrmError
from crm.leads.records import LEAD
from crm.ui import dialogs, look, messages
from crm.ui.lookups import Lookups, look_up
from crm.ui.viewer import viewer

METHODS: Mapping[str, str] = {
    ROUND_ROBIN: "Round robin: each in turn", LEAST_BUSY: "Least busy: fewest open leads", PERSON: "A person: the first who is there",
}  # fmt: skip
COMPARED = ("text", "number", "date", "flag", "choice", "choices", "link")
"""Kinds of custom fields whose values can be written down as a rule's condition."""
MOST_TRIED = 3
NEW = RuleRow(0, 0, 0, "", 0, True, None, {}, ROUND_ROBIN, {})


def teams_of(person: Person, lookups: Lookups) -> list[int]:
    """The teams whose rules this person keeps."""
    reach = person.reach("pipeline", "configure")
    return [team_id for team_id in lookups.names.teams if reach.everywhere or team_id in reach.teams]


def draw_rules(person: Person, team_id: int, every: Sequence[RuleRow], lookups: Lookups) -> None:
    """One team's rules, each in a sentence, with its place in the order; where it has none, whose act instead."""
    rules = [rule for rule in every if rule.team_id == team_id]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(lookups.names.teams[team_id], width="stretch")
        if st.button("Add rule", key=f"assignment.add.{team_id}", icon=":material/add:"):
            _open(replace(NEW, team_id=team_id, position=len(rules)))
    if not rules:
        _draw_none(team_id, every, lookups)
    for place, rule in enumerate(rules):
        with st.container(horizontal=True, vertical_alignment="center", key=f"assignment_rule_{rule.id}"):
            look_of = "tl-rule" if rule.is_active else "tl-rule tl-off"
            sentence = f"{said(rule, lookups)}{_hidden_by(rule, rules[:place])}"
            words = f"<b>{place + 1}. {escape(rule.name)}</b><span>{escape(sentence)}</span>"
            st.html(f"<div class='{look_of}'>{words}</div>", width="stretch")
            if st.button("", icon=":material/arrow_upward:", key=f"assignment.up.{rule.id}", type="tertiary", disabled=place == 0, help="Try it earlier"):
                _move(person, rules, place)
            if st.button("Edit", key=f"assignment.rule.{rule.id}", type="tertiary"):
                _open(rule)


def _draw_none(team_id: int, every: Sequence[RuleRow], lookups: Lookups) -> None:
    above = lookups.catalogue.line(team_id)
    names = dict.fromkeys(lookups.names.teams.get(rule.team_id, "a team above") for rule in every if rule.team_id in above and rule.is_active)
    if names:
        st.html(f"<p class='tl-muted'>No rules of its own: those of {escape(' and '.join(names))} give out its new leads.</p>")
        return
    look.empty("No rule gives out this team's new leads.", "They go to whoever makes them; imported ones and those from orders are nobody's. Add a rule.")


def _hidden_by(rule: RuleRow, earlier: Sequence[RuleRow]) -> str:
    """ " “Everybody in turn” comes first and takes every lead."; empty where the rule's turn can come."""
    taker = next((each for each in earlier if each.is_active and not each.conditions and each.pipeline_id in (None, rule.pipeline_id)), None)
    return f" But “{taker.name}” comes first and takes {'every lead' if taker.pipeline_id is None else 'every lead there'}." if taker and rule.is_active else ""


def said(rule: RuleRow, lookups: Lookups) -> str:
    """The rule in a sentence."""
    wants = rule.conditions
    markets = " or ".join(lookups.markets.get(code, code) for code in wants.get("markets", ()))
    parts = [f"from {markets}" if markets else "", f"by {' or '.join(wants['sources'])}" if wants.get("sources") else ""]
    parts.append(f"in {lookups.pipeline_label(rule.pipeline_id)}" if rule.pipeline_id else "")
    parts.append(f"whose {_field_words(wants['field'], lookups)} is {wants['value']}" if "field" in wants else "")
    which = " ".join(part for part in parts if part)
    people = ", ".join(lookups.names.people.get(person_id, "somebody") for person_id in rule.ids) or "everybody who works the team's leads"
    how = {ROUND_ROBIN: f"in turn to {people}", LEAST_BUSY: f"to the least busy of {people}", PERSON: f"to {people.replace(', ', ', else ')}"}[rule.method]
    given = f" {rule.leads:,} so far." if rule.leads else ""
    return f"{'Leads ' + which if which else 'Every new lead'} {'go' if which else 'goes'} {how}.{given}{'' if rule.is_active else ' Switched off.'}"


def _move(person: Person, rules: Sequence[RuleRow], place: int) -> None:
    """One place up; all positions are written, since rules may share one."""
    order = [*rules]
    order[place - 1], order[place] = order[place], order[place - 1]
    try:
        with acting_as(person) as session:
            moved = [(rule.id, rule.version, position) for position, rule in enumerate(order) if rule.position != position]
            done = use_cases.put_in_order(session, moved, source="page")
    except CrmError as error:
        messages.leave(error.detail)
    else:
        messages.leave(f"“{rules[place].name}” is tried earlier now.", done.change_set_id)
    st.rerun()


def _open(rule: RuleRow) -> None:
    dialogs.show(rule.name or "New rule", draw_rule, rule, width="medium")


def draw_rule(rule: RuleRow) -> None:
    """The dialog that changes, adds or removes one rule."""
    person = viewer("pipeline", "configure")
    lookups = look_up(person)
    with st.form("assignment.rule", border=False):
        wanted = _ask(rule, lookups)
        with st.container(horizontal=True):
            is_sent = st.form_submit_button("Save", type="primary", key="assignment.rule.save")
            is_removed = bool(rule.id) and st.form_submit_button("Remove", key="assignment.rule.remove")
    if not (is_sent or is_removed):
        return
    try:
        with acting_as(person) as session:
            if is_removed:
                done = use_cases.remove_rule(session, rule.id, rule.version, source="page")
            else:
                values = wanted if rule.id else {**wanted, "team_id": rule.team_id, "position": rule.position}
                done = use_cases.save_rule(session, rule.id or None, rule.version or None, values, source="page")
    except CrmError as error:
        st.error(error.detail)
        return
    messages.leave(f"{'Removed' if is_removed else 'Saved'} the rule “{wanted['name'] or rule.name}”.", done.change_set_id)
    st.rerun()


def _ask(rule: RuleRow, lookups: Lookups) -> dict[str, Any]:
    key, wants = "assignment.rule", rule.conditions
    wanted: dict[str, Any] = {"name": st.text_input("Name", rule.name, key=f"{key}.name", placeholder="Website leads from the Gulf").strip()}
    left, right = st.columns(2)
    codes = list(dict.fromkeys([*lookups.markets, *wants.get("markets", ())]))
    markets = left.multiselect(
        "From markets",
        codes,
        wants.get("markets", []),
        key=f"{key}.markets",
        placeholder="Every market",
        format_func=lambda code: lookups.markets.get(code, code),
    )
    sources = right.text_input("By source", ", ".join(wants.get("sources", ())), key=f"{key}.sources", placeholder="Every source", help="Several with commas.")
    pipelines = [None, *(p.id for p in lookups.pipelines)]
    wanted["pipeline_id"] = left.selectbox(
        "In pipeline", pipelines, index=pipelines.index(rule.pipeline_id) if rule.pipeline_id in pipelines else 0, key=f"{key}.pipeline",
        format_func=lambda each: lookups.pipeline_label(each) if each else "Every pipeline",
    )  # fmt: skip
    with right.container(horizontal=True, gap="small", wrap=False):
        fields = _fields(rule, lookups)
        name = st.selectbox(
            "Field", fields, index=fields.index(wants["field"]) if "field" in wants else None, key=f"{key}.field", placeholder="Any",
            format_func=lambda each: _field_words(each, lookups),
        )  # fmt: skip
        value = st.text_input("Is", wants.get("value", ""), key=f"{key}.value", placeholder="Horeca")
    wanted["conditions"] = _conditions(markets, sources, name or "", value.strip())
    wanted["method"] = st.radio("They go", list(METHODS), index=list(METHODS).index(rule.method), key=f"{key}.method", format_func=METHODS.__getitem__)
    known = list(dict.fromkeys([*lookups.owners, *rule.ids]))
    people = st.multiselect(
        "To", known, list(rule.ids), key=f"{key}.people", placeholder="Everybody who works the team's leads",
        format_func=lambda person_id: lookups.names.people.get(person_id, "somebody"), help="In this order. Who is away or disabled is passed over.",
    )  # fmt: skip
    wanted["people"] = {"ids": people} if people else {}
    wanted["is_active"] = st.toggle("Switched on", rule.is_active, key=f"{key}.active")
    return wanted


def _conditions(markets: Sequence[str], sources: str, name: str, value: str) -> dict[str, Any]:
    found: dict[str, Any] = {"markets": list(markets), "sources": [part.strip() for part in sources.split(",") if part.strip()]}
    if name:
        found["field"] = name
    return {**found, "value": value} if value else found


def _fields(rule: RuleRow, lookups: Lookups) -> list[str]:
    """What a rule may ask for, by name; what this one asks for already is among them."""
    team = [each.name for each in lookups.catalogue.of_team("lead", rule.team_id) if each.kind in COMPARED]
    standing = [rule.conditions["field"]] if "field" in rule.conditions else []
    return list(dict.fromkeys([*team, *FIELDS, *standing]))


def _field_words(name: str, lookups: Lookups) -> str:
    return lookups.catalogue.label("lead", name) if name.startswith("custom.") else LEAD.fields[name].label


def draw_trial(person: Person, teams: Sequence[int], rules: Sequence[RuleRow], lookups: Lookups) -> None:
    """ "A lead from AE by Website would go to Ana: …", without taking her turn."""
    st.subheader("Try it")
    with st.container(horizontal=True, vertical_alignment="bottom", key="assignment_trial"):
        team_id = st.selectbox("A lead of", list(teams), key="assignment.trial.team", format_func=lookups.names.teams.__getitem__, width=180)
        market = st.selectbox(
            "from", [None, *lookups.markets], key="assignment.trial.market", width=200, format_func=lambda code: lookups.markets[code] if code else "no market"
        )
        source = st.text_input("by source", key="assignment.trial.source", placeholder="Website", width=180).strip()
        lines = [pipeline for pipeline in lookups.pipelines if pipeline.team_id == team_id]
        pipeline_id = (
            st.selectbox("in", [p.id for p in lines], key="assignment.trial.pipeline", format_func=lookups.pipeline_label, width=180) if lines else None
        )
        line = lookups.catalogue.line(team_id)
        asked = dict.fromkeys(rule.conditions["field"] for rule in rules if rule.team_id in line and rule.is_active and "field" in rule.conditions)
        held = {
            name: st.text_input(f"whose {_field_words(name, lookups)} is", key=f"assignment.trial.{name}", width=150).strip() for name in [*asked][:MOST_TRIED]
        }
    lead = {"team_id": team_id, "market": market, "source": source or None, "pipeline_id": pipeline_id, **{name: said or None for name, said in held.items()}}
    with acting_as(person) as session:
        (found,) = reads.try_out(session, [lead])
    where = f" from {escape(lookups.markets[market])}" if market else ""
    by = f" by {escape(source)}" if source else ""
    by += "".join(f" whose {escape(_field_words(name, lookups))} is {escape(value)}" for name, value in held.items() if value)
    if found is None:
        words = "would be its maker's; imported or from orders, nobody's: no rule fits, or everybody it names is away."
    else:
        away = ", ".join(lookups.names.people.get(each, "somebody") for each in found.away)
        words = (
            f"would go to <b>{escape(lookups.names.people.get(found.person_id, 'somebody'))}</b>. {escape(found.text)}{escape(f' ({away})' if away else '')}."
        )
    st.html(f"<div class='tl-trial'>A lead of {escape(lookups.names.teams[team_id])}{where}{by} {words}</div>")
