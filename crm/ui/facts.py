"""A lead's facts, in place: what one changes is checked against the lead as one saw it, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from crm import clock, money
from crm.access import Person, acting_as
from crm.errors import CrmError, Invalid
from crm.fields.kinds import typed
from crm.leads.records import LEAD
from crm.leads.use_cases import edit_leads
from crm.ui import closed, custom_fields, messages, words
from crm.ui.lookups import Lookups

Row = Mapping[Any, Any]
STATE = "lead.base"
LOOK = "lead.look"
TEXTS = ("name", "next_step", "source", "market", "email", "phone")


@dataclass(slots=True)
class Base:
    """The lead as the form was filled from: typed values are compared with it, whatever happens to the lead meanwhile."""

    row: Row
    generation: int

    def key(self, name: str) -> str:
        return f"lead.{self.row['id']}.{self.generation}.{name}"


def base_of(row: Row) -> Base:
    """The base of this showing; made anew for another lead, after a save, and when one comes from another page."""
    found: Base | None = st.session_state.get(STATE)
    if found is None or found.row["id"] != row["id"] or found.key("name") not in st.session_state:
        found = st.session_state[STATE] = Base(row, found.generation + 1 if found else 1)
    return found


def filled_from() -> str:
    """Which lead and which showing of it the form holds."""
    found: Base | None = st.session_state.get(STATE)
    return found.key("") if found else ""


def begin_anew() -> None:
    """Fill the form from the lead as it stands now."""
    found: Base | None = st.session_state.get(STATE)
    if found is not None:
        st.session_state[STATE] = Base({"id": 0}, found.generation)


def is_begun_anew() -> bool:
    """Whether the form was saved, or taken back, since it was drawn last."""
    found: Base | None = st.session_state.get(STATE)
    return found is not None and not found.row["id"]


def draw_form(row: Row, person: Person, lookups: Lookups) -> None:
    """The facts to edit; Save writes what differs."""
    base = base_of(row)
    if base.row["version"] != row["version"]:
        _say_that_it_moved(base, row, lookups)
    with st.form(f"lead.facts.{row['id']}.{base.generation}", border=False):
        given = _draw_fields(base, person, lookups)
        if st.form_submit_button("Save", type="primary", key=base.key("save"), shortcut="Ctrl+S"):
            _save(base, given, person, lookups)


def _say_that_it_moved(base: Base, row: Row, lookups: Lookups) -> None:
    """Others (or a note's own page) moved on; what is typed in the form stays."""
    changed = [LEAD.fields[name].label.lower() for name in LEAD.fields if LEAD.fields[name].from_row(row) != LEAD.fields[name].from_row(base.row)]
    fields = lookups.catalogue.of_team("lead", row["team_id"])
    changed += [field.label.lower() for field in fields if row["custom"].get(field.key) != base.row["custom"].get(field.key)]
    with st.container(horizontal=True, key="lead_moved", vertical_alignment="center"):
        what = f"Changed since you opened it: {', '.join(changed)}." if changed else "Changed and changed back since you opened it."
        st.html(f"<span>{escape(what)} Your own edits are checked against that.</span>", width="stretch")
        if st.button("Show", key="lead.show_now", type="tertiary"):
            begin_anew()
            st.rerun()


def _draw_fields(base: Base, person: Person, lookups: Lookups) -> dict[str, Any]:
    row, key = base.row, base.key
    given: dict[str, Any] = {"name": st.text_input("Name", row["name"], key=key("name"), max_chars=300)}
    left, right = st.columns(2)
    stages = [s.id for p in lookups.pipelines if p.id == row["pipeline_id"] for s in p.stages] or [row["stage_id"]]
    given["stage_id"] = left.selectbox(
        "Stage", stages, index=stages.index(row["stage_id"]) if row["stage_id"] in stages else None, key=key("stage"),
        format_func=lambda i: lookups.stages[i].name if i in lookups.stages else str(row["stage"]),
    )  # fmt: skip
    owners = list(dict.fromkeys([*lookups.owners, *([row["owner_id"]] if row["owner_id"] else [])]))
    given["owner_id"] = right.selectbox(
        "Owner", [None, *owners], index=1 + owners.index(row["owner_id"]) if row["owner_id"] else 0, key=key("owner"),
        format_func=lookups.names.owner, disabled=not person.may("lead", "assign"),
    )  # fmt: skip
    shut = {name: not closed.is_open(person, name) for name in LEAD.fields}
    if closed.shows(person, "value"):
        given["value"] = _draw_value(base, left, lookups, is_shut=shut["value"])
    if closed.shows(person, "expected_close_on"):
        beside = right if closed.shows(person, "value") else left  # no hole where the value would be
        given["expected_close_on"] = beside.date_input(
            "Expected close", row["expected_close_on"], key=key("close"), format="YYYY-MM-DD", disabled=shut["expected_close_on"]
        )
    if closed.shows(person, "next_step"):
        given["next_step"] = st.text_input("Next step", row["next_step"] or "", key=key("next_step"), max_chars=300, disabled=shut["next_step"])
    left, right = st.columns(2)
    for place, name in ((left, "email"), (right, "phone"), (left, "source"), (right, "market")):
        if closed.shows(person, name):
            most = 2 if name == "market" else 300
            given[name] = place.text_input(LEAD.fields[name].label, row[name] or "", key=key(name), max_chars=most, disabled=shut[name])
    if closed.shows(person, "lost_reason"):
        _ask_lost_reason(given, base, lookups, is_shut=shut["lost_reason"])
    fields = [field for field in lookups.catalogue.of_team("lead", row["team_id"]) if closed.is_open(person, field.name)]
    return given | custom_fields.draw_inputs(fields, row["custom"], key, lookups)


def _draw_value(base: Base, place: DeltaGenerator, lookups: Lookups, *, is_shut: bool) -> dict[str, str] | None:
    row, key = base.row, base.key
    with place.container(horizontal=True, gap="small", vertical_alignment="bottom", wrap=False):
        amount = st.text_input("Value", _plain_amount(row["value_amount"]), key=key("value"), placeholder="12400", disabled=is_shut)
        listed = list(dict.fromkeys([*lookups.currencies, *([row["value_currency"]] if row["value_currency"] else [])]))
        code = st.selectbox(
            "Currency", listed, index=listed.index(row["value_currency"] or money.BASE_CURRENCY), key=key("currency"), width=84, label_visibility="hidden",
            disabled=is_shut,
        )  # fmt: skip
    return {"amount": amount, "currency": code} if amount.strip() else None


def _ask_lost_reason(given: dict[str, Any], base: Base, lookups: Lookups, *, is_shut: bool) -> None:
    """Out of the list of the pipeline's stages, where they have one; then also before the lead is lost, for it is asked on the way there."""
    row, stages = base.row, [s for p in lookups.pipelines if p.id == base.row["pipeline_id"] for s in p.stages]
    reasons = dict.fromkeys(reason for stage in stages for reason in stage.lost_reasons)
    if reasons:
        listed = list(dict.fromkeys(["", *reasons, row["lost_reason"] or ""]))
        given["lost_reason"] = st.selectbox(
            "Lost reason", listed, listed.index(row["lost_reason"] or ""), key=base.key("lost_reason"), format_func=lambda reason: reason or "None",
            disabled=is_shut,
        )  # fmt: skip
    elif row["stage_kind"] == "lost" or row["lost_reason"] or any("lost_reason" in stage.required_fields for stage in stages):
        given["lost_reason"] = st.text_input("Lost reason", row["lost_reason"] or "", key=base.key("lost_reason"), max_chars=300, disabled=is_shut)


def _plain_amount(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:,.2f}".removesuffix(".00")


def _differs(name: str, value: Any, row: Row, lookups: Lookups) -> bool:
    """Whether what was given is another value than the one the form was filled from."""
    field = typed(lookups.names.fields[name]) if name in lookups.names.fields else LEAD.field(name)
    if value in (None, "", []) and field.from_row(row) is None:
        return False
    try:
        return not field.same(field.read(value), field.from_row(row))
    except Invalid:
        return not (name in lookups.names.fields and custom_fields.shown(lookups.names.fields[name], field.from_row(row), lookups) == value)


def _save(base: Base, given: dict[str, Any], person: Person, lookups: Lookups) -> None:
    """Write what differs from the base; what a colleague changed first opens the dialog, the rest is saved."""
    try:
        if given.get("value"):
            given["value"]["amount"] = given["value"]["amount"].replace(",", "")
        wanted = {name: value for name, value in given.items() if _differs(name, value, base.row, lookups)}
        if not wanted:
            st.html("<span class='tl-muted'>Nothing differs, nothing to save.</span>")
            return
        with acting_as(person) as session:
            outcome = edit_leads(session, [(base.row["id"], base.row["version"], wanted)], source="form", label=base.row["name"])
        result = outcome.results[0]
        if result.error:
            raise result.error
    except CrmError as error:
        st.error(f"{error.detail} What you typed is still here.")
        return
    begin_anew()
    st.session_state[LOOK] = bool(result.conflicts)
    labels = ", ".join(lookups.names.field(name, LEAD.field(name).label).lower() for name in result.applied)
    met = f" {words.count(len(result.conflicts), 'field')} met a colleague's change." if result.conflicts else ""
    messages.leave(
        (f"Saved: {labels}." if labels else "Saved." if result.applied else "Nothing of it was saved yet.") + met,
        outcome.change_set_id if result.applied else None,
    )
    st.rerun()


def draw_plain(row: Row, lookups: Lookups, *, with_company: bool = True) -> None:
    """The facts to read: for those who may not edit, and for a past day."""
    names, today = lookups.names, clock.today(lookups.names.time_zone)
    shown = {
        "Company": row["company"] if with_company else "", "Stage": row["stage"], "Owner": row["owner"],
        "Value": words.amount({"amount": row["value_amount"], "currency": row["value_currency"]}) if row["value_amount"] is not None else "",
        "Expected close": words.day(row["expected_close_on"], today=today), "Next step": row["next_step"], "Mail": row["email"], "Phone": row["phone"],
        "Source": row["source"], "Market": row["market"], "Lost reason": row["lost_reason"], "Team": names.teams.get(row["team_id"]),
        **{field.label: custom_fields.shown(field, row["custom"].get(field.key), lookups) for field in lookups.catalogue.of_team("lead", row["team_id"])},
    }  # fmt: skip
    lines = "".join(f"<dt>{escape(label)}</dt><dd>{escape(str(value))}</dd>" for label, value in shown.items() if value not in (None, ""))
    st.html(f"<dl class='tl-facts'>{lines}</dl>")
