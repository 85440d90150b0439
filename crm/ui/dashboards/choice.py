"""Which dashboard one looks at: named in the address (`?dashboard=12`), with filters that it opens with unless the address says others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from crm.access import Person, acting_as
from crm.dashboards import reads
from crm.dashboards.reads import Dashboard
from crm.dashboards.rules import PERIODS
from crm.ui import messages, past_day
from crm.ui.lookups import Lookups
from crm.ui.reports import asked as asking
from crm.ui.saved_view_dialogs import said as audience_said

ASKED, WHICH, LAST, OPENED, EDITING = "dashboard", "dashboards.which", "dashboards.last", "dashboards.opened", "dashboards.editing"
GONE = "That dashboard is not there any more, or it is not shared with you."
FILTERS = ("of_team", "of_owner", "of_market", "period", past_day.AS_OF, "against")
DAYS: Mapping[str, int] = dict(zip(PERIODS, (30, 90, asking.QUARTER, 365), strict=True))


def choose(person: Person) -> tuple[Sequence[Dashboard], Dashboard | None]:
    """All in sight, and the one that the address names, or that was looked at last; None where there is none."""
    with acting_as(person) as session:
        listed = reads.dashboards(session)
    by_id = {found.id: found for found in listed}
    named = st.query_params.get(ASKED, "")
    chosen = by_id.get(int(named)) if named.isascii() and named.isdecimal() and len(named) < 19 else None
    if named and chosen is None:
        messages.leave(GONE)
    chosen = chosen or by_id.get(st.session_state.get(LAST, 0)) or next(iter(listed), None)
    if chosen:
        turn_to(chosen.id)
    elif named:
        del st.query_params[ASKED]
    return listed, chosen


def turn_to(dashboard_id: int) -> None:
    """Have this run, or the next, show it."""
    if st.session_state.get(LAST) != dashboard_id:
        st.session_state[EDITING] = False
    st.session_state[LAST] = dashboard_id
    if st.query_params.get(ASKED) != str(dashboard_id):
        st.query_params[ASKED] = str(dashboard_id)


def draw(listed: Sequence[Dashboard], chosen: Dashboard, person: Person, lookups: Lookups) -> None:
    """The list to choose from."""
    by_id = {found.id: found for found in listed}
    st.session_state[WHICH] = chosen.id
    st.selectbox(
        "Dashboard", list(by_id), key=WHICH, label_visibility="collapsed", width=290, on_change=_chosen,
        format_func=lambda id_: f"{by_id[id_].name} · {whose(by_id[id_], person, lookups)}" if id_ in by_id else "",
    )  # fmt: skip


def _chosen() -> None:
    turn_to(st.session_state[WHICH])


def whose(found: Dashboard, person: Person, lookups: Lookups) -> str:
    """ "only me", "team Gulf, by Mona", "everyone"."""
    by = "" if found.owner_id in (person.id, None) else f", by {lookups.names.people.get(found.owner_id or 0, 'somebody')}"
    return f"{audience_said((found.audience, found.for_team_id), lookups).lower() if found.audience != 'team' else _team(found, lookups)}{by}"


def _team(found: Dashboard, lookups: Lookups) -> str:
    return f"team {lookups.names.teams.get(found.for_team_id or 0, '')}"


def open_with(found: Dashboard, person: Person, lookups: Lookups) -> None:
    """Set the filters that it opens with, once: when one comes to it. An address that names filters of its own is left alone.

    The list's own widget is there only while the page is: without it, one has come from elsewhere.
    """
    has_come = WHICH not in st.session_state
    is_another = st.session_state.get(OPENED) != found.id
    st.session_state[OPENED] = found.id
    if not (has_come or is_another) or (has_come and any(name in st.query_params for name in FILTERS)):
        return
    values = known(found.filters, person, lookups)
    for name in ("team", "owner", "market"):
        st.session_state[f"of_{name}"] = values.get(name)
    st.session_state["period"] = DAYS[values.get("period", PERIODS[0])]
    if len(values) < len(found.filters):
        messages.leave(f"“{found.name}” also opens with something that is not here any more, or not in your sight. The rest of it is shown.")


def known(filters: Mapping[str, Any], person: Person, lookups: Lookups) -> dict[str, Any]:
    """Those that mean something to whoever looks."""
    reach = person.reach("report", "view")
    teams = [team for team in lookups.names.teams if reach.everywhere or team in reach.teams]
    offered: Mapping[str, Any] = {"team": teams, "owner": lookups.names.people, "market": lookups.markets, "period": PERIODS}
    return {name: value for name, value in filters.items() if value in offered[name]}


def filters_now() -> dict[str, Any]:
    """What the filters ask for now, as a dashboard keeps it."""
    period = {days: word for word, days in DAYS.items()}.get(st.session_state.get("period", 30), PERIODS[0])
    chosen = {name: st.session_state.get(f"of_{name}") for name in ("team", "owner", "market")}
    return {**{name: value for name, value in chosen.items() if value}, "period": period}
