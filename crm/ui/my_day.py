"""What waits for somebody at the start of a day: figures that open their rows, what to do next, what moved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from html import escape
from zoneinfo import ZoneInfo

import streamlit as st
from sqlalchemy.orm import Session

from crm import clock, money
from crm.access import Person, acting_as
from crm.leads import reads
from crm.leads.reads import LeadFilter, MyDay
from crm.ui import filters, look, words
from crm.ui.lookups import Lookups

NEXT = 8
LEADS = "pages/leads.py"


def read(session: Session, person: Person, *, own: bool) -> MyDay:
    """The day's figures, over one's own open leads where one has any."""
    today = clock.today(person.time_zone)
    return reads.my_day(
        session, owner_id=person.id if own else None, today=today, closing_before=filters.first_of_next_month(today), moved_since=_yesterday(person),
        quiet_days=filters.QUIET_DAYS,
    )  # fmt: skip


def _yesterday(person: Person) -> datetime:
    """The beginning of yesterday where the person is."""
    return words.at(clock.today(person.time_zone) - timedelta(days=1), 0, 0, person.time_zone)


def greeting(person: Person) -> str:
    hour = clock.now().astimezone(ZoneInfo(person.time_zone)).hour
    part = "morning" if hour < 12 else "afternoon" if hour < 18 else "evening"
    return f"Good {part}, {person.name.split()[0]}"


def draw_figures(day: MyDay, waiting: int, *, own: bool) -> None:
    """Each figure is a link to its rows."""
    all_pipelines = {"pipeline": "All pipelines"}
    whose = {} if own else {"view": filters.VIEWS["team"]}
    with st.grid(5, min_column_width=150, gap="small"):
        _figure(
            "My open value" if own else "Open value", money.short(day.open_usd), words.count(day.open_leads, "open lead"), LEADS, {**all_pipelines, **whose}
        )
        _figure("Closing this month", f"{day.closing:,}", "expected to close", LEADS, {**all_pipelines, "view": filters.VIEWS["closing"]})
        _figure("Overdue", f"{day.overdue:,}", "past their date", LEADS, {**all_pipelines, "view": filters.VIEWS["overdue"]})
        _figure(
            f"Not contacted {filters.QUIET_DAYS} d",
            f"{day.not_contacted:,}",
            "waiting for you",
            LEADS,
            {**all_pipelines, "view": filters.VIEWS["quiet"]},
        )
        _figure("Conflicts", f"{waiting:,}", "edits that met another's" if waiting else "nothing waits", "pages/conflicts.py", {})


def _figure(label: str, figure: str, hint: str, page: str, query: Mapping[str, str]) -> None:
    with st.container(border=True, key=f"figure_{label.lower().replace(' ', '_')}", gap=None):
        st.html(f"<div class='tl-figure'><small>{escape(label)}</small><b>{escape(figure)}</b></div>")
        st.page_link(page, label=hint, icon=":material/chevron_right:", icon_position="right", query_params=query)


def draw_next(person: Person, lookups: Lookups, *, own: bool) -> None:
    """Open leads whose close date comes first, with their next step."""
    st.subheader("Do next")
    today = clock.today(person.time_zone)
    wanted = LeadFilter(owner_ids=(person.id,) if own else (), open_only=True, closes_from=today - timedelta(days=7), closes_before=today + timedelta(days=31))
    with acting_as(person) as session:
        rows = reads.list_leads(session, wanted, sort="expected_close_on", limit=NEXT).rows
    if not rows:
        look.empty("Nothing is due.", "Give a lead an expected close date, and it shows here when the day is near.")
        return
    for row in rows:
        late = (today - row["expected_close_on"]).days
        when = f"overdue {late} d" if late > 0 else "today" if late == 0 else words.day(row["expected_close_on"], today=today)
        _line(row["id"], row["name"], row["next_step"] or "no next step yet", f"{when} · {money.short(row['value_usd']) or words.NOTHING}", is_late=late > 0)


def draw_moves(person: Person, lookups: Lookups, *, own: bool) -> None:
    """Leads that came into their stage since yesterday."""
    st.subheader("Moved since yesterday")
    wanted = LeadFilter(owner_ids=(person.id,) if own else (), in_stage_since=_yesterday(person))
    with acting_as(person) as session:
        rows = reads.list_leads(session, wanted, sort="-updated_at", limit=NEXT).rows
    if not rows:
        look.empty("Nothing moved.", "Move a lead to another stage, and it shows here for two days.")
        return
    for row in rows:
        _line(
            row["id"],
            row["name"],
            f"→ {row['stage']}",
            f"{words.when(row['stage_entered_at'], person.time_zone)} · {money.short(row['value_usd']) or words.NOTHING}",
        )


def _line(lead_id: int, name: str, what: str, right: str, *, is_late: bool = False) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False, key=f"next_{lead_id}_{'→' in what}"):
        st.page_link("pages/lead.py", label=name, query_params={"id": str(lead_id)})
        st.html(f"<div class='tl-next'><span>{escape(what)}</span><span{' class=tl-late' if is_late else ''}>{escape(right)}</span></div>", width="stretch")
