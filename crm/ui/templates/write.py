"""Writing to somebody from a lead's page: a template filled in, to change, and to take along into one's own mail program; then noted down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from crm.access import Person, acting_as
from crm.activities.use_cases import add_activity
from crm.errors import CrmError, NotFound
from crm.leads import reads as leads
from crm.templates import reads, use_cases
from crm.templates.reads import Template
from crm.templates.use_cases import Written
from crm.ui import dialogs, look, messages
from crm.ui.lookups import Lookups, look_up
from crm.ui.templates import hand_over, preview
from crm.ui.templates.shelf import EVERYBODY, whose
from crm.ui.viewer import viewer

Row = Mapping[Any, Any]
TEMPLATE = "lead.write.template"


def draw_button(row: Row, person: Person) -> None:
    """For whoever sees templates."""
    if person.may("template", "view") and st.button("Write", key="lead.write", icon=":material/mail:", type="tertiary", help="Write from a template"):
        dialogs.show("Write", draw_one, row["id"], width="large")


def draw_one(lead_id: int) -> None:
    """Which template, to whom, the text, and what becomes of it."""
    person = viewer("lead")
    lookups = look_up(person)
    with acting_as(person) as session:
        row = leads.lead(session, lead_id)
        listed = {each.id: each for each in reads.templates_for(session, row["team_id"])} if row else {}
    if not listed or row is None:
        may = person.may("template", "create")
        look.empty("No templates for this team yet.", "Write one under Templates." if may else "A manager writes them under Templates.")
        return
    template, found = _choose(person, lookups, lead_id, listed)
    if template is None or found is None:
        return
    key = f"lead.write.{lead_id}.{template.id}.{template.version}.{found.contact_id}"
    with st.container(key="lead_write_texts"):
        subject = _ask(st.text_input, "Subject", f"{key}.subject", found.subject, max_chars=1000)
        body = _ask(st.text_area, "Text", f"{key}.body", found.body, height=280, max_chars=100_000)
    preview.say_gaps([gap for gap in found.gaps if not gap.mark or gap.mark in subject or gap.mark in body])
    with st.container(horizontal=True, key="lead_write_acts", vertical_alignment="center", gap="small"):
        hand_over.draw(found.address)
        st.space("stretch")
        if person.may("activity", "create") and st.button("Log as sent", key="lead.write.log", type="primary", icon=":material/outbox:"):
            _log(person, lead_id, subject=subject, body=body)


def _ask(ask: Any, label: str, key: str, text: str, **more: Any) -> str:
    """The text as it was filled in, until somebody types."""
    st.session_state.setdefault(key, text)
    return str(ask(label, key=key, **more) or "")


def _choose(person: Person, lookups: Lookups, lead_id: int, listed: Mapping[int, Template]) -> tuple[Template | None, Written | None]:
    """The template, and what it comes to for whom it is written to."""
    left, right = st.columns(2)
    template_id = left.selectbox("Template", list(listed), key=TEMPLATE, format_func=lambda each: _said(listed[each], lookups))
    template = listed[template_id]
    try:
        found = _written(person, lead_id, template)
        names = {each.id: f"{each.name} · {each.email}" if each.email else each.name for each in found.contacts}
        if not names:
            right.text_input("To", found.address, disabled=True, placeholder="No address is known", key=f"lead.write.to.{lead_id}.{found.address}")
            return template, found
        picked = right.selectbox(
            "To", list(names), index=list(names).index(found.contact_id) if found.contact_id else None, placeholder="Choose whom you write to",
            format_func=names.__getitem__, key=f"lead.write.to.{lead_id}",
        )  # fmt: skip
        return template, found if picked == found.contact_id else _written(person, lead_id, template, contact_id=picked)
    except NotFound:
        look.empty("The lead or its contact is not there any more.", "Close this, and look at the lead anew.")
    except CrmError as error:
        st.error(error.detail)
    return None, None


def _said(template: Template, lookups: Lookups) -> str:
    team = whose(template.team_id, lookups)
    return f"{template.name} · {team.lower() if team == EVERYBODY else team}"


def _written(person: Person, lead_id: int, template: Template, contact_id: int | None = None) -> Written:
    with acting_as(person) as session:
        return use_cases.write(session, lead_id, subject=template.subject, body=template.body, contact_id=contact_id)


def _log(person: Person, lead_id: int, *, subject: str, body: str) -> None:
    """Note it down with the lead, as it was sent; or say in the dialog why not."""
    try:
        with acting_as(person) as session:
            text = "\n\n".join(part for part in (subject.strip(), body.strip()) if part)
            done = add_activity(session, lead_id, {"kind": "mail_out", "body": text}, source="form")
    except CrmError as error:
        st.error(f"{error.detail} What you wrote is still here.")
        return
    messages.leave("Noted down as sent.", done.change_set_id)
    st.rerun()
