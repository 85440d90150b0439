"""What a text comes to for a lead, as it is typed: plain, with its gaps marked and told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from crm.access import Person, acting_as
from crm.errors import CrmError
from crm.leads.reads import LeadFilter, list_leads
from crm.templates import use_cases
from crm.templates.merging import Gap
from crm.ui import look
from crm.ui.lookups import Lookups

MOST_LEADS = 50


def draw(person: Person, lookups: Lookups, team_id: int | None, *, subject: str, body: str) -> None:
    """The preview, with the lead it is for; the lead stays while one goes from template to template."""
    leads = _leads(person, lookups, team_id)
    with st.container(key="templates_preview"):
        if not leads:
            look.empty("No lead to try it on.", "As soon as you see a lead of this team, the text is shown here as it would read.")
            return
        lead_id = st.selectbox("Preview with", list(leads), format_func=leads.__getitem__, key="templates.preview.lead")
        if not body.strip() and not subject.strip():
            look.empty("Nothing written yet.", "What you write shows here, with the values of the lead above.")
            return
        try:
            with acting_as(person) as session:
                use_cases.check(session, team_id, subject=subject, body=body)
                found = use_cases.write(session, lead_id, subject=subject, body=body)
        except CrmError as error:
            st.html(f"<p class='tl-text-wrong'>{escape(error.detail)}</p>")
            return
        st.html(letter_html(found.subject, found.body, found.gaps))
        say_gaps(found.gaps)


def _leads(person: Person, lookups: Lookups, team_id: int | None) -> Mapping[int, str]:
    """One's own first, else whichever one sees, of teams that the template is for."""
    teams = tuple(each for each in lookups.names.teams if team_id in lookups.catalogue.line(each))
    with acting_as(person) as session:
        own = list_leads(session, LeadFilter(team_ids=teams, owner_ids=(person.id,)), limit=MOST_LEADS).rows
        rows = own or list_leads(session, LeadFilter(team_ids=teams), limit=MOST_LEADS).rows
    return {row["id"]: f"{row['name']} · {row['stage']}" for row in rows} if teams else {}


def letter_html(subject: str, body: str, gaps: Sequence[Gap] = ()) -> str:
    """Subject and text, as plain as they are sent; gaps are marked."""
    head = f"<b>{_marked(escape(subject), gaps)}</b>" if subject else "<i>no subject</i>"
    return f"<div class='tl-letter'><div>{head}</div><p>{_marked(escape(body), gaps)}</p></div>"


def _marked(html: str, gaps: Sequence[Gap]) -> str:
    for mark in {gap.mark for gap in gaps if gap.mark}:
        html = html.replace(escape(mark), f"<mark>{escape(mark)}</mark>")
    return html


def say_gaps(gaps: Sequence[Gap]) -> None:
    """Each gap in a line of its own."""
    if gaps:
        st.html(f"<ul class='tl-refused'>{''.join(f'<li>{escape(gap.why)}</li>' for gap in gaps)}</ul>")
