"""One template to write: its name, whose it is, subject and text with fields; what a colleague wrote first is shown beside one's own."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import streamlit as st

from crm import clock
from crm.access import Person, acting_as
from crm.changes import Outcome
from crm.errors import CrmError, Stale
from crm.templates import reads, use_cases
from crm.templates.merge_fields import fields_for
from crm.templates.reads import Template
from crm.templates.records import LONGEST_NAME, TEMPLATE
from crm.ui import messages
from crm.ui.lookups import Lookups
from crm.ui.templates import preview, sheets
from crm.ui.templates.sheets import NEW, Sheet
from crm.ui.templates.shelf import whose

EMPTY_HINT = 'Hello {{ contact.name | default("there") }},\n\n…\n\n{{ me.name }}'


def empty_one(person: Person, lookups: Lookups) -> Template:
    """What a new template is filled from."""
    return Template(NEW, 0, next(iter(places(person, lookups)), None), "", "", "", clock.now(), clock.now())


def places(person: Person, lookups: Lookups, action: str = "create") -> list[int | None]:
    """The teams, and everybody (None), for whom they may write templates: their own team first."""
    reach = person.reach("template", action)
    teams = [team_id for team_id in lookups.names.teams if reach.everywhere or team_id in reach.teams]
    own = [team_id for team_id in teams if team_id in person.team_ids]
    return [*own, *(team_id for team_id in teams if team_id not in own), *([None] if reach.everywhere else [])]


def covers(person: Person, action: str, template: Template) -> bool:
    return not person.is_viewed and person.reach("template", action).covers(team_id=template.team_id, owner_id=None, person_id=person.id)


def draw(person: Person, lookups: Lookups, template: Template) -> None:
    """The form and, beside it, what it comes to; for whoever may not change it, the text alone."""
    may_write = person.may("template", "create") if template.id == NEW else covers(person, "edit", template)
    sheet = sheets.sheet_of(template)
    left, right = st.columns([6, 5], gap="medium")
    with left, st.container(key="templates_form"):
        if may_write:
            _say_met(person, lookups, sheet)
            _draw_form(person, lookups, sheet)
            _draw_acts(person, lookups, sheet)
        else:
            _draw_plain(template, lookups)
    with right:
        preview.draw(person, lookups, sheet.value("team_id"), subject=sheet.value("subject"), body=sheet.value("body"))


def _draw_plain(template: Template, lookups: Lookups) -> None:
    """The text with its fields as they are written."""
    st.html(preview.letter_html(template.subject, template.body))
    st.caption(f"{whose(template.team_id, lookups)}. You write with it on a lead's page. To change it takes the grant “template: edit”.")


def _draw_form(person: Person, lookups: Lookups, sheet: Sheet) -> None:
    for name in sheets.FIELDS:  # what was typed stays while one looks at another template
        st.session_state.setdefault(sheet.key(name), sheet.value(name))
    name_side, team_side = st.columns([3, 2])
    name_side.text_input("Name", key=sheet.key("name"), max_chars=LONGEST_NAME, placeholder="First contact")
    options = _places_of(person, lookups, sheet.base)
    team_side.selectbox(
        "For", options, key=sheet.key("team_id"), format_func=lambda each: whose(each, lookups), disabled=len(options) == 1,
        help="Its team's leads and those of teams below it. Everybody's takes the grant everywhere.",
    )  # fmt: skip
    st.text_input("Subject", key=sheet.key("subject"), max_chars=300, placeholder="{{ lead.company }} and us")
    st.text_area(
        "Text", key=sheet.key("body"), height=320, max_chars=20_000, placeholder=EMPTY_HINT,
        help="Plain text. The preview follows when you leave the field, or press Ctrl+Enter.",
    )  # fmt: skip
    sheet.take_in()


def _places_of(person: Person, lookups: Lookups, base: Template) -> list[int | None]:
    if base.id == NEW:
        return places(person, lookups)
    return list(dict.fromkeys([base.team_id, *(places(person, lookups, "assign"))]))


def _draw_acts(person: Person, lookups: Lookups, sheet: Sheet) -> None:
    with st.container(horizontal=True, key="templates_acts", vertical_alignment="center", gap="small"):
        known = fields_for(lookups.catalogue, sheet.value("team_id"))
        st.selectbox(
            "Insert a field", list(known), index=None, key=sheet.key("insert"), placeholder="Insert a field", label_visibility="collapsed", width=230,
            format_func=known.__getitem__, on_change=_insert, args=(sheet,), help="It comes to the end of the text; move it where you want it.",
        )  # fmt: skip
        st.space("stretch")
        if sheet.base.id != NEW and covers(person, "delete", sheet.base) and st.button("Remove", key="templates.remove", type="tertiary"):
            _remove(person, sheet)
        if st.button("Save", key="templates.save", type="primary", shortcut="Ctrl+S"):
            save(person, sheet)


def _insert(sheet: Sheet) -> None:
    """At the end of the text, on its last line."""
    name, body = st.session_state.get(sheet.key("insert")), st.session_state.get(sheet.key("body"), "")
    if name:
        gap = "" if not body or body.endswith((" ", "\n")) else " "
        st.session_state[sheet.key("body")] = f"{body}{gap}{{{{ {name} }}}}"
        st.session_state[sheet.key("insert")] = None


def save(person: Person, sheet: Sheet) -> None:
    """Write what differs, or say here why not: what was typed stays."""
    if not sheet.changed:
        st.caption("Nothing differs, nothing to save.")
        return
    try:
        with acting_as(person) as session:
            done, template_id = _write(session, sheet)
    except Stale as stale:
        sheet.met = tuple(stale.facts["conflicts"])
        st.rerun()
    except CrmError as error:
        st.error(f"{error.detail} What you typed is still here.")
        return
    name = sheet.typed["name"]
    sheets.begin_anew(sheet.base.id)
    sheets.turn_to(template_id)
    messages.leave(f"“{name}” is saved.", done.change_set_id)
    st.rerun()


def _write(session: Any, sheet: Sheet) -> tuple[Outcome, int]:
    base = sheet.base
    if base.id == NEW:
        done = use_cases.add_template(session, {name: sheet.typed[name] for name in sheets.FIELDS}, source="page")
        return done, done.results[0].record_id or 0
    return use_cases.edit_template(session, base.id, base.version, sheet.changed, name=base.name, source="page"), base.id


def _remove(person: Person, sheet: Sheet) -> None:
    base = sheet.base
    try:
        with acting_as(person) as session:
            done = use_cases.remove_template(session, base.id, base.version, name=base.name, source="page")
    except CrmError as error:
        st.error(error.detail)
        return
    sheets.begin_anew(base.id)
    st.query_params.pop(sheets.ASKED, None)
    messages.leave(f"“{base.name}” is removed. What was written with it stays.", done.change_set_id)
    st.rerun()


def _say_met(person: Person, lookups: Lookups, sheet: Sheet) -> None:
    """What one saw, how a colleague made it, what one wants: field by field, and the two ways on."""
    if not sheet.met:
        return
    with st.container(key="templates_met", border=True):
        who = next((lookups.names.person(met.their_person_id, otherwise="somebody") for met in sheet.met), "somebody")
        st.html(f"<b>{escape(who.capitalize())} changed the same while you wrote.</b> <span class='tl-muted'>Nothing of yours is lost.</span>")
        st.html("".join(_met_html(met.field, _texts(met, lookups)) for met in sheet.met))
        with st.container(horizontal=True, horizontal_alignment="right", gap="small"):
            if st.button("Take theirs", key="templates.theirs"):
                sheets.begin_anew(sheet.base.id)
                st.rerun()
            if st.button("Save mine over it", key="templates.mine", type="primary"):
                _save_mine(person, sheet)


def _texts(met: Any, lookups: Lookups) -> Sequence[str]:
    return [whose(each, lookups) if met.field == "team_id" else str(each or "–") for each in (met.seen, met.theirs, met.mine)]


def _met_html(field: str, texts: Sequence[str]) -> str:
    label = "Removed" if field == "deleted_at" else TEMPLATE.fields[field].label
    cells = "".join(f"<div><small>{head}</small><p>{escape(text)}</p></div>" for head, text in zip(("you saw", "they made it", "you want"), texts, strict=True))
    return f"<div class='tl-conflict tl-met'><div class='tl-field'>{escape(label)}</div>{cells}</div>"


def _save_mine(person: Person, sheet: Sheet) -> None:
    with acting_as(person) as session:
        newest = reads.template(session, sheet.base.id)
    if newest is None:
        sheet.met = ()
        st.error("It was removed meanwhile. Copy your text into a new template.")
        return
    sheets.rebase(sheet, newest)
    save(person, sheet)
