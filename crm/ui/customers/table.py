"""The list of customers as a component of the page: a row opens its customer, its lead stands beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from crm import clock, money
from crm.ui import words
from crm.ui.lookups import Lookups

KEY = "customers.table"
HERE = Path(__file__).parent
SCRIPT, STYLE = (HERE / "table.js").read_text(), (HERE / "table.css").read_text()
Row = Mapping[str, Any]


def _nothing() -> None:
    """What is heard is read by the page itself."""


def draw(rows: Sequence[Row], markets: Mapping[str, str], lookups: Lookups, *, may_make: bool) -> None:
    mount = st.components.v2.component("throughline_customers", html='<div class="list"></div>', css=STYLE, js=SCRIPT)
    mount(data={"rows": [_plain(row, markets, lookups, may_make=may_make) for row in rows]}, key=KEY, on_act_change=_nothing)


def heard(rows: Sequence[Row]) -> tuple[str, Row] | None:
    """("open", "lead" or "make", the customer's row) that was asked for in this run, as far as it is one of `rows`."""
    given = (st.session_state.get(KEY) or {}).get("act")
    if not isinstance(given, dict) or given.get("kind") not in ("open", "lead", "make"):
        return None
    row = next((row for row in rows if row["id"] == given.get("id")), None)
    return (given["kind"], row) if row else None


def lead_words(row: Row, lookups: Lookups) -> str:
    """ "Negotiation, yours", "Lead, Bruno", "a colleague's"; empty for none."""
    if row["lead_id"] is None:
        return "a colleague's" if row["has_lead"] else ""
    stage = lookups.stages.get(row["stage_id"])
    names = lookups.names
    owner = "yours" if row["owner_id"] == names.me else names.people.get(row["owner_id"], "nobody's yet")
    return f"{stage.name if stage else 'a lead'}, {owner}"


def _plain(row: Row, markets: Mapping[str, str], lookups: Lookups, *, may_make: bool) -> dict[str, Any]:
    zone = lookups.names.time_zone
    code = (row["market"] or "").strip()
    ordered, contacted = row["last_order_at"], row["last_contacted_at"]
    return {
        "id": row["id"], "name": row["name"], "market": code, "country": markets.get(code, ""), "segment": row["segment"] or "", "orders": f"{row['orders']:,}",
        "usd": money.short(row["lifetime_usd"]), "ordered": clock.ago(ordered), "orderedAt": words.moment(ordered, zone) if ordered else "",
        "contacted": clock.ago(contacted) or "never", "contactedAt": words.moment(contacted, zone) if contacted else "",
        "waits": bool(ordered and (contacted is None or contacted < ordered)), "lead": lead_words(row, lookups), "leadId": row["lead_id"],
        "mayMake": may_make and not row["has_lead"],
    }  # fmt: skip
