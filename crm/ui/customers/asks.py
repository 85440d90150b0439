"""What the Customers page is asked for: a quick view, market, segment, recency, contact, lead, words, order. All of it lives in the URL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from crm.customers.reads import CustomerFilter
from crm.ui import fold

VIEWS: Mapping[str, str] = {"all": "All", "neglected": "Ordered 90 d, not contacted", "quiet": "No order for 90 d", "fresh": "Without a lead"}
ORDERED: Mapping[str, int | None] = {"Ordered any time": None, "Last 30 d": 30, "Last 90 d": 90, "Last 120 d": 120, "Last 365 d": 365}
NOT_ORDERED: Mapping[str, int] = {"Not for 30 d": 30, "Not for 90 d": 90, "Not for 120 d": 120, "Not for 365 d": 365}
CONTACT: Mapping[str, CustomerFilter] = {
    "Contacted or not": CustomerFilter(), "Not since their last order": CustomerFilter(contacted=False),
    "Since their last order": CustomerFilter(contacted=True),
    "Not for 14 d": CustomerFilter(not_contacted_days=14), "Not for 30 d": CustomerFilter(not_contacted_days=30),
    "Not for 90 d": CustomerFilter(not_contacted_days=90),
}  # fmt: skip
LEADS: Mapping[str, bool | None] = {"Lead or none": None, "With a lead": True, "Without a lead": False}
SORTS: Mapping[str, str] = {"-last_order_at": "Newest order", "-lifetime_usd": "Highest lifetime", "name": "Name", "last_order_at": "Longest without order"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One list of customers as asked for."""

    wanted: CustomerFilter
    sort: str
    view: str


@dataclass(frozen=True, slots=True)
class Places:
    """Where the page may draw beside the search: saved views, and what opens the filters on a phone."""

    views: DeltaGenerator
    fold: DeltaGenerator


def ask(markets: Mapping[str, str], segments: Sequence[str]) -> tuple[Asked, Places]:
    """Draw the filters; answers what they ask for, and the places beside them. A quick view sets what it is about, the filters narrow it further."""
    with st.container(horizontal=True, key="customers_views", vertical_alignment="center", gap="small"):
        view = st.segmented_control(
            "Quick view", list(VIEWS), default="all", required=True, format_func=VIEWS.__getitem__, key="view", bind="query-params",
            label_visibility="collapsed",
        ) or "all"  # fmt: skip
        q = st.text_input(
            "Search", key="q", bind="query-params", type="search", placeholder="Search name, mail or number", icon=":material/search:",
            label_visibility="collapsed", width=240, live="400ms",
        )  # fmt: skip
        fold_place = fold.place()
        views = st.container(horizontal=True, key="customers_saved_line", vertical_alignment="center", gap="small")
    with st.container(horizontal=True, key="customers_filters", vertical_alignment="center", gap="small"):
        picked = st.multiselect(
            "Market", list(markets), key="market", bind="query-params", placeholder="Any market", label_visibility="collapsed", width=170,
            format_func=lambda code: markets.get(code, code),
        )  # fmt: skip
        kinds = st.multiselect(
            "Segment", list(segments), key="segment", bind="query-params", placeholder="Any segment", label_visibility="collapsed", width=140
        )
        ordered = st.selectbox("Ordered", [*ORDERED, *NOT_ORDERED], key="ordered", bind="query-params", label_visibility="collapsed", width=150)
        contact = st.selectbox("Contact", list(CONTACT), key="contact", bind="query-params", label_visibility="collapsed", width=200)
        lead = st.selectbox("Lead", list(LEADS), key="lead", bind="query-params", label_visibility="collapsed", width=140)
        sort = st.selectbox("Order", list(SORTS), key="sort", bind="query-params", format_func=SORTS.__getitem__, label_visibility="collapsed", width=175)
    wanted = replace(
        CONTACT[contact], markets=tuple(picked), segments=tuple(kinds), ordered_days=ORDERED.get(ordered), not_ordered_days=NOT_ORDERED.get(ordered),
        has_lead=LEADS[lead], q=(q or "").strip()[:200],
    )  # fmt: skip
    return Asked(_of_view(wanted, view), sort or "-last_order_at", view), Places(views, fold_place)


def _of_view(wanted: CustomerFilter, view: str) -> CustomerFilter:
    if view == "neglected":
        return replace(wanted, ordered_days=min(wanted.ordered_days or 90, 90), contacted=False)
    if view == "quiet":
        return replace(wanted, not_ordered_days=max(wanted.not_ordered_days or 90, 90))
    return replace(wanted, has_lead=False) if view == "fresh" else wanted
