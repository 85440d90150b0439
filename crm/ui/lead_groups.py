"""The sums above the grid: one for each stage, owner or market, which narrows the list to itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st
from sqlalchemy.orm import Session

from crm import money
from crm.leads import reads
from crm.leads.groups import Group, groups
from crm.leads.reads import LeadFilter
from crm.ui.filters import Asked
from crm.ui.kept import kept
from crm.ui.lookups import Lookups

SUMS = "leads.groups"
MOST = 30


def read(session: Session, asked: Asked) -> list[Group]:
    """The groups asked for, without what the list was narrowed to within them; none for words that thousands share."""
    if not asked.group or (asked.wanted.q and reads.is_common(session, asked.wanted.q)):
        return []
    is_narrowed = asked.group != "owner" or asked.view != "mine"
    wanted = _opened(asked.wanted, asked.group) if is_narrowed else asked.wanted
    return kept(session, SUMS, (asked.group, wanted), lambda: groups(session, wanted, asked.group))


def _opened(wanted: LeadFilter, group: str) -> LeadFilter:
    if group == "stage":
        return replace(wanted, stage_ids=())
    return replace(wanted, owner_ids=()) if group == "owner" else replace(wanted, markets=())


def draw(found: list[Group], asked: Asked, lookups: Lookups) -> None:
    """A button a group: press it to see its leads only, once more to see all of them."""
    if not found:
        return
    lines: dict[str, list[Any]] = {}
    for group in found:
        line = lines.setdefault(_said(group.key, asked.group, lookups), [_choice(group.key, asked.group, lookups), 0, 0])
        line[1] += group.leads
        line[2] += group.value_usd
    picked = st.session_state.get(asked.group) or []
    with st.container(horizontal=True, key="leads_groups", gap="small"):
        for place, (name, (choice, leads, usd)) in enumerate(list(lines.items())[:MOST]):
            st.button(
                f"{name} **{leads:,}** · {money.short(usd).replace('$', chr(92) + '$')}", key=f"leads.group.{place}", disabled=choice is None,
                type="primary" if choice in picked else "secondary", on_click=_narrow, args=(asked.group, choice),
            )  # fmt: skip
        if len(lines) > MOST:
            st.caption(f"and {len(lines) - MOST} more")


def _said(key: Any, group: str, lookups: Lookups) -> str:
    if group == "stage":
        return lookups.stages[key].name if key in lookups.stages else "Another stage"
    if group == "owner":
        return lookups.names.people.get(key, "Nobody") if key else "Nobody"
    return lookups.markets.get(key, key) if key else "No market"


def _choice(key: Any, group: str, lookups: Lookups) -> Any:
    """What the filter is set to; None where it has no such choice."""
    if group == "stage":
        return lookups.stages[key].name if key in lookups.stages else None
    if group == "owner":
        return (key if key in lookups.names.people else None) if key else 0
    return key if key in lookups.markets and len(lookups.markets) > 1 else None


def _narrow(group: str, choice: Any) -> None:
    is_alone = st.session_state.get(group) == [choice]
    st.session_state[group] = [] if is_alone else [choice]
    if group == "owner" and st.session_state.get("view") == "mine":
        st.session_state["view"] = "team"
    st.session_state.pop("page", None)
