"""One customer: who they are, what they ordered, which lead is theirs."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from crm.access import Person, acting_as
from crm.customers import reads
from crm.customers.use_cases import make_lead
from crm.errors import CrmError
from crm.ui import look, messages, orders, words
from crm.ui.customers import table
from crm.ui.lookups import Lookups, look_up
from crm.ui.viewer import viewer

NEWEST = 25
LEAD = "pages/lead.py"


@st.dialog("Customer", width="large")
def open_for(customer_id: int, markets: Mapping[str, str]) -> None:
    """Reads anew each time, as whoever looks."""
    person = viewer("customer")
    lookups = look_up(person)
    with acting_as(person) as session:
        row = reads.customer(session, customer_id)
    if row is None:
        look.empty("This customer is not here.", "Production has it no longer, or it is not yours to see.")
        return
    code = (row["market"] or "").strip()
    parts = [markets.get(code, code), row["segment"], row["email"], row["phone"], f"no. {row['external_id']}"]
    contact = words.ago_html(row["last_contacted_at"], person.time_zone) or "never"
    st.html(
        f"<h3>{escape(row['name'])}</h3><div class='tl-customer'>{''.join(f'<span>{escape(part)}</span>' for part in parts if part)}"
        f"<span>last contact <b>{contact}</b></span></div>"
    )
    _draw_lead(row, person, lookups)
    orders.draw_of_customer(row, person, most=NEWEST)


def _draw_lead(row: reads.Row, person: Person, lookups: Lookups) -> None:
    if row["lead_id"]:
        st.page_link(LEAD, label=f"{row['lead']}: {table.lead_words(row, lookups)}", icon=":material/article:", query_params={"id": str(row["lead_id"])})
    elif row["has_lead"]:
        st.html("<span class='tl-muted'>A colleague of another team works with this customer.</span>")
    elif person.may("lead", "create") and st.button("Make a lead", key=f"customer.make.{row['id']}", type="primary"):
        make(row, person)


def make(row: Mapping[Any, Any], person: Person) -> None:
    """A lead of this customer, and straight to it; where that does not work, the page says why."""
    try:
        with acting_as(person) as session:
            outcome = make_lead(session, row["id"], source="page")
    except CrmError as error:
        messages.leave(error.detail)
        st.rerun()
    messages.leave(f"{row['name']} is a lead of yours now.", outcome.change_set_id)
    st.switch_page(LEAD, query_params={"id": str(outcome.results[-1].record_id)})
