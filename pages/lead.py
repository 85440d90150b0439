"""Lead: what is this lead, what happened with it, what do I note down or change? For everybody who sees it; also as of a past day."""

from typing import Any

import streamlit as st

from crm import clock
from crm.access import acting_as
from crm.leads import reads
from crm.leads.as_of import lead_as_of, past_of
from crm.ui import (
    alert_panel,
    company_card,
    conflict_dialog,
    facts,
    lead_absent,
    lead_head,
    lead_links,
    lead_why,
    look,
    messages,
    orders,
    past_day,
    story,
    unsaved_guard,
    words,
)  # fmt: skip
from crm.ui.lookups import look_up
from crm.ui.templates import write
from crm.ui.viewer import viewer

person = viewer("lead")
today = clock.today(person.time_zone)
lead_id = lead_absent.asked_for()
lookups = look_up(person)
with acting_as(person) as session:
    row: Any = reads.lead(session, lead_id) if lead_id else None

with st.container(horizontal=True, key="lead_top", vertical_alignment="center"):
    st.page_link("pages/leads.py", label="Leads", icon=":material/arrow_back:", query_params=st.session_state.get("leads.address", {}))
    st.space("stretch")
    st.html("<span class='tl-muted'>as of</span>", width="content")
    as_of = st.date_input("As of", None, max_value=today, key="as_of", bind="query-params", format="YYYY-MM-DD", label_visibility="collapsed", width=150)
    known_on = past_day.ask_known(today, as_of)
messages.draw(person, on_undo=facts.begin_anew)
if row is None or row["deleted_at"] or row["merged_into_id"]:
    lead_absent.draw(row, person, lookups)
    st.stop()

day = as_of if as_of and as_of < today else known_on
past = past_of(clock.end_of(day, person.time_zone), known_on, person.time_zone) if day else None
if past:
    with acting_as(person) as session:
        then = lead_as_of(session, row["id"], past)
    lead_absent.draw_past_line(words.day(day, today=today), exists=then is not None, known=words.day(known_on, today=today) if known_on else "")
    if then is None:
        st.stop()
    row = then

look.head(
    row["name"],
    row["company"] if row["company"] != row["name"] else "",
    row["team"],
    f"{row['pipeline']} pipeline",
    "USD",
    words.day(day, today=today) if past else "now",
)
with st.container(horizontal=True, key="lead_line", vertical_alignment="center"):
    lead_head.facts_line(row, lookups, person, at=past.before if past else clock.now())
    if not past:
        write.draw_button(row, person)
        lead_head.draw_menu(row, person, lookups)
if not past:
    lead_links.draw_links(row, person, lookups)

with st.container(key="lead_columns"):
    left, right, side = st.columns([5, 6, 4], gap="medium") if not past else (*st.columns([5, 7], gap="medium"), None)
with left, st.container(key="lead_facts"):
    may_edit = not past and person.reach("lead", "edit").covers(team_id=row["team_id"], owner_id=row["owner_id"], person_id=person.id)
    if not past:
        company_card.draw(row, person, lookups, may_change=may_edit)
    if may_edit:
        facts.draw_form(row, person, lookups)
    else:
        facts.draw_plain(row, lookups, with_company=past is not None)
    if not past:
        lead_why.draw(row, person, lookups)


@st.fragment
def tell() -> None:
    """The story runs alone while somebody writes a note or filters it."""
    person = viewer("lead")
    if not past and person.may("activity", "create"):
        story.draw_composer(row["id"], person)
    story.draw(row, person, lookups, past=past)


with right, st.container(key="lead_story"):
    tell()
if side:
    with side, st.container(key="lead_side"):
        alert_panel.draw(row, person, lookups)
        orders.draw_of_lead(row["id"], person)
unsaved_guard.guard_forms({"lead_facts": facts.filled_from(), "lead_story": story.filled_from(lead_id)})
if st.session_state.pop(facts.LOOK, False):
    conflict_dialog.open_for(person, lookups, row["id"])
