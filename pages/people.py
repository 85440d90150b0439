"""People: who can sign in, where do they work, and when were they last here? For those who look after people."""

from html import escape

import streamlit as st

from crm import clock
from crm.access import acting_as
from crm.people import reads
from crm.ui import look, messages, people_dialogs, words
from crm.ui.viewer import viewer

person = viewer("person", "configure", everywhere=True)
with acting_as(person) as session:
    rows = reads.list_people(session)

disabled = sum(row.disabled_at is not None for row in rows)
look.head("People", words.count(len(rows), "person", "people"), f"{disabled} disabled" if disabled else "", "whole organisation")
messages.draw(person)

with st.container(horizontal=True, vertical_alignment="bottom"):
    sought = st.text_input("Find", key="people.filter.q", placeholder="Name, mail, team or role", label_visibility="collapsed", bind="query-params", width=320)
    if st.button("Add person", key="people.add_button", type="primary", icon=":material/person_add:"):
        people_dialogs.add()

shown = [row for row in rows if row.mentions(sought)]
if not shown:
    look.empty("Nobody here", "Try fewer letters, or add a person.")
with st.container(key="people_list", gap=None):
    for row in shown[:200]:
        with st.container(horizontal=True, vertical_alignment="center", key=f"people_row_{row.id}"):
            places = "; ".join(f"{place.role} in {place.team}" if place.team else place.role for place in row.places) or "no role yet"
            seen = f"seen {clock.ago(row.last_seen_at)}" if row.last_seen_at else ""
            st.html(
                f"<div class='tl-person{' tl-off' if row.disabled_at else ''}'><div><b>{escape(row.name)}</b><span>{escape(row.email)}</span></div>"
                f"<div>{escape(places)}</div><div class='tl-muted'>{row.state}{' · ' if row.state and seen else ''}{seen}</div></div>",
                width="stretch",
            )
            if st.button("Manage", key=f"people.manage.{row.id}", type="tertiary", help=f"Teams, roles and sign-in of {row.name}"):
                people_dialogs.manage(row)
if len(shown) > 200:
    st.caption(f"The first 200 of {len(shown):,}. Search to narrow them down.")
