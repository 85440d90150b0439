"""What waits for somebody at the start of a day: figures that open their rows, what to do next, what moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st
from sqlalchemy.orm import Session

from crm import clock, money
from crm.access import Person
from crm.alerts import reads as alerts
from crm.alerts.reads import AlertFilter
from crm.changes import hiding
from crm.customers import reads as customers
from crm.customers.reads import CustomerFilter
from crm.db.queries import load
from crm.leads import reads
from crm.leads.moves import moves_since
from crm.leads.reads import LeadFilter
from crm.ledger.fold import zone_of_days
from crm.ui import alert_acts, filters, goal_progress, lead_list, look, orders, words
from crm.ui.goal_progress import Progress
from crm.ui.kept import kept
from crm.ui.lookups import Lookups

NEXT = 8
NEGLECTED_DAYS = 90
LEADS, LEAD, CUSTOMERS = "pages/leads.py", "pages/lead.py", "pages/customers.py"
MOST_DUE = 200
ALL_DUE = "home.due.all"
WHOSE: Mapping[str, str] = {"mine": "Mine", "everybody": "Everybody"}
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Day:
    """A day's figures and lists; `desks`: a row per owner (see queries/home/open_leads_by_owner.sql)."""

    desks: Sequence[Row]
    due: Sequence[Row]
    closing: Sequence[Row]
    quiet: Sequence[Row]
    moves: Sequence[Row]
    weeks: Sequence[Decimal]
    neglected: tuple[int, Decimal] | None
    load: Mapping[int, tuple[int, int]]
    progress: Progress | None
    """None where what it adds up is hidden from whoever looks."""

    def sum(self, name: str) -> Any:
        """None where the figures are hidden from whoever looks."""
        return None if any(row[name] is None for row in self.desks) else sum(row[name] for row in self.desks)


def read(session: Session, person: Person, *, own: bool) -> Day:
    """Over one's own open leads, or (`own` false) over those of everybody in sight."""
    now, today = clock.now(), clock.today(person.time_zone)
    owner_id = person.id if own else None
    ends_at = clock.end_of(today, person.time_zone)
    zone = zone_of_days(session)
    quiet_before, since = now - timedelta(days=filters.QUIET_DAYS), _yesterday(person)
    quarter = goal_progress.quarter_of(session, clock.today(zone))
    desks = kept(session, "home.desks", (owner_id, quarter.begins), lambda: load("home/open_leads_by_owner").run(
        session, owner_id=owner_id, quiet_before=quiet_before, moved_since=since, now=now,
        closes_from=quarter.begins, closes_before=quarter.ends + timedelta(days=1),
    ))  # fmt: skip
    weeks = kept(session, "home.weeks", owner_id, lambda: load("home/open_value_by_week").run(
        session, owner_id=owner_id, today=clock.today(zone), time_zone=zone,
    ))  # fmt: skip
    due = alerts.list_alerts(session, AlertFilter(person_id=person.id, due_before=ends_at, is_done=False), limit=MOST_DUE)
    mine = LeadFilter(owner_ids=(person.id,) if own else (), open_only=True)
    late = replace(mine, closes_from=today - timedelta(days=14), closes_before=today + timedelta(days=1))
    quiet = replace(mine, not_contacted_days=filters.QUIET_DAYS)
    desks = list(hiding.blank(session, "lead", [dict(row) for row in desks]))
    shows_value = not hiding.is_hidden(session, "lead", "value")
    sees_close = not hiding.is_hidden(session, "lead", "expected_close_on")
    return Day(
        desks, due, reads.list_leads(session, late, sort="expected_close_on", limit=NEXT).rows if len(due) < NEXT and sees_close else (),
        reads.list_leads(session, quiet, sort="last_contacted_at", limit=NEXT).rows if len(due) < NEXT else (),
        moves_since(session, since, owner_id=owner_id, most=NEXT), [row["value_usd"] for row in weeks] if shows_value else [], _neglected(session, person),
        {} if own else alerts.due_by_person(session, now=now, before=ends_at),
        goal_progress.read(session, person, desks, quarter, own=own) if shows_value and sees_close else None,
    )  # fmt: skip


def _neglected(session: Session, person: Person) -> tuple[int, Decimal] | None:
    """Customers who ordered lately and were not contacted since, and their worth. None for whom customers are not theirs to see."""
    if not person.may("customer", "view"):
        return None
    return kept(session, "home.neglected", None, lambda: customers.totals(session, CustomerFilter(ordered_days=NEGLECTED_DAYS, contacted=False)))


def _yesterday(person: Person) -> datetime:
    """The beginning of yesterday where the person is."""
    return words.at(_day_before(person), 0, 0, person.time_zone)


def _day_before(person: Person) -> date:
    return clock.today(person.time_zone) - timedelta(days=1)


def greeting(person: Person) -> str:
    hour = clock.now().astimezone(ZoneInfo(person.time_zone)).hour
    part = "morning" if hour < 12 else "afternoon" if hour < 18 else "evening"
    return f"Good {part}, {person.name.split()[0]}"


def ask_whose(person: Person, *, owns: bool) -> bool:
    """Whether the day is about one's own leads; asked of whoever also sees others'. Who sets a team's goals begins with the team's."""
    if lead_list.sees_only_own(person):
        return True
    begins_with = "mine" if owns and not person.may("goal", "configure") else "everybody"
    whose = st.segmented_control("Whose", list(WHOSE), default=begins_with, required=True, format_func=WHOSE.__getitem__, key="whose_day",
                                 bind="query-params", label_visibility="collapsed", width="content")  # fmt: skip
    return (whose or begins_with) == "mine"


def draw_figures(day: Day, waiting: int, person: Person, *, own: bool) -> None:
    """Each figure is a link to its rows."""
    behind = {"pipeline": "All pipelines", "view": filters.VIEWS["mine" if own else "team"], "kind": "open"}
    late = sum(row["due_at"] < clock.now() for row in day.due)
    with st.grid(4, min_column_width=150, gap="small"):
        with st.container(border=True, key="figure_due", gap=None):
            st.html(_figure_html("Due today", f"{len(day.due):,}{'+' if len(day.due) == MOST_DUE else ''}"))
            st.html(f"<div class='tl-hint{' tl-late' if late else ''}'>{f'{late:,} overdue' if late else 'alerts for you'}</div>")
        quiet = {**behind, "quiet": str(filters.QUIET_DAYS), "sort": filters.SORTS["last_contacted_at"]}
        _figure("Not contacted 14 d+", f"{day.sum('quiet'):,}", "open leads to call", LEADS, quiet)
        _figure("Moved since yesterday", f"{day.sum('moved'):,}", "newest first", LEADS, {**behind, "moved": _day_before(person).isoformat()})
        title, hint = "My open value" if own else "Open value", words.count(day.sum("leads"), "open lead")
        _figure(
            title, money.short(day.sum("value_usd")) or words.NOTHING, hint, LEADS, behind,
            orders.spark(day.weeks, "Open value at the end of each of eight weeks") if day.weeks else "",
        )  # fmt: skip
    if waiting:
        st.page_link(
            "pages/conflicts.py", label=f"{words.count(waiting, 'edit')} of yours met a colleague's. Look at {'it' if waiting == 1 else 'them'}",
            icon=":material/call_split:",
        )  # fmt: skip


def _figure_html(label: str, figure: str, beside: str = "") -> str:
    return f"<div class='tl-figure'><small>{escape(label)}</small><b>{escape(figure)}{beside}</b></div>"


def _figure(label: str, figure: str, hint: str, page: str, query: Mapping[str, str], beside: str = "") -> None:
    with st.container(border=True, key=f"figure_{label.lower().replace(' ', '_').replace('+', '')}", gap=None):
        st.html(_figure_html(label, figure, beside))
        st.page_link(page, label=hint, icon=":material/chevron_right:", icon_position="right", query_params=query)


def draw_neglected(day: Day) -> None:
    """Who ordered and heard nothing from us, as one link."""
    if day.neglected is None:
        return
    count, usd = day.neglected
    with st.container(key="home_neglected"):
        label = f"Ordered, not contacted ({NEGLECTED_DAYS} d): {words.count(count, 'customer')}, {money.short(usd)}"
        st.page_link(CUSTOMERS, label=label, icon=":material/arrow_forward:", icon_position="right", query_params={"view": "Ordered 90 d, not contacted"})


def draw_next(day: Day, person: Person, lookups: Lookups) -> None:
    """Overdue alerts, what is due today, leads past their close date, then those that heard nothing for longest."""
    st.subheader("Do next")
    if not (day.due or day.closing or day.quiet):
        look.empty("Nothing is due.", "Set an alert on a lead, and it shows here when its day has come.")
        return
    shown = MOST_DUE if st.session_state.get(ALL_DUE) else NEXT
    for alert in day.due[:shown]:
        _draw_alert(alert, person, lookups)
    if len(day.due) > shown and st.button(f"Show {len(day.due) - shown:,} more that are due", key="home.due.more", type="tertiary"):
        st.session_state[ALL_DUE] = True
        st.rerun()
    today = clock.today(person.time_zone)
    known = {alert["lead_id"] for alert in day.due}
    lines = [(row, _closes((today - row["expected_close_on"]).days)) for row in day.closing if row["id"] not in known]
    known |= {row["id"] for row in day.closing}
    lines += [(row, f"last contact {clock.ago(row['last_contacted_at']) or 'never'}") for row in day.quiet if row["id"] not in known]
    for row, why in lines[: max(NEXT - len(day.due), 0)]:
        _line(row["id"], row["name"], row["next_step"] or "get in touch", f"{why} · {money.short(row['value_usd']) or words.NOTHING}", "lead")


def _closes(late_days: int) -> str:
    return f"close overdue {late_days} d" if late_days else "closes today"


def _draw_alert(alert: Row, person: Person, lookups: Lookups) -> None:
    is_late = alert["due_at"] < clock.now()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False, key=f"next_alert_{alert['id']}"):
        st.page_link(LEAD, label=alert["lead"], query_params={"id": str(alert["lead_id"])})
        due = alert_acts.due(alert["due_at"], person.time_zone)
        st.html(
            f"<div class='tl-next'><span>{escape(alert['text'] or 'follow up')}</span>"
            f"<span><em{' class=tl-late' if is_late else ''}>{escape(due)}</em> · {money.short(alert['value_usd']) or words.NOTHING}</span></div>",
            width="stretch",
        )
        if alert_acts.may_change(alert, person):
            if st.button("Done", key=f"home.done.{alert['id']}"):
                alert_acts.finish(alert, person)
                st.rerun()
            if st.button("+1 d", key=f"home.day.{alert['id']}", type="tertiary", help="A day later"):
                alert_acts.snooze(alert, person, "day", lookups)
                st.rerun()


def draw_moves(day: Day, lookups: Lookups) -> None:
    """What came into its stage since yesterday, by whom; the new ones say where they come from."""
    st.subheader("Since yesterday")
    if not day.moves:
        look.empty("Nothing moved.", "Move a lead to another stage, and it shows here for two days.")
        return
    for row in day.moves:
        stage = lookups.stages.get(row["stage_id"])
        _line(row["id"], row["name"], _what(row, stage.name if stage else "another stage", lookups), _moved(row, lookups), "moved")


def _what(row: Row, stage: str, lookups: Lookups) -> str:
    if row["reason"] and row["version"] == 1:
        return f"new from orders: {row['reason']}"
    who = lookups.names.person(row["person_id"], otherwise="the system")
    return f"{who} added it to {stage}" if row["version"] == 1 else f"{who} → {stage}"


def _moved(row: Row, lookups: Lookups) -> str:
    return f"{words.when(row['stage_entered_at'], lookups.names.time_zone)} · {money.short(row['value_usd']) or words.NOTHING}"


def draw_team(day: Day, lookups: Lookups) -> None:
    """Who is loaded and what stalls: a line per owner, each opening their leads."""
    st.subheader("Who is loaded, what stalls")
    rows = [row for row in day.desks if row["leads"]][:12]
    if not rows:
        look.empty("No open leads yet.", "Add a lead, or import a file, and the team's desks show here.")
        return
    most = max(row["leads"] for row in rows)
    for row in rows:
        name = lookups.names.people.get(row["owner_id"], "Nobody yet")
        due, overdue = day.load.get(row["owner_id"], (0, 0))
        with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False, key=f"desk_{row['owner_id'] or 0}"):
            query = {"pipeline": "All pipelines", "view": filters.VIEWS["team"], "kind": "open", "owner": name if row["owner_id"] else "Nobody"}
            st.page_link(LEADS, label=name, query_params=query)
            st.html(
                f"<div class='tl-desk'><i><u style='width:{round(row['leads'] / most * 100)}%'></u></i><span>{row['leads']:,}</span>"
                f"<span>{money.short(row['value_usd'])}</span>"
                f"<span{' class=tl-days-over' if row['stalled'] * 4 > row['leads'] else ''}>{row['stalled']:,} over target</span>"
                f"<span>{row['quiet']:,} quiet</span>"
                f"<span{' class=tl-late' if overdue else ''}>{due:,} due</span></div>",
                width="stretch",
            )


def _line(lead_id: int, name: str, what: str, right: str, kind: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False, key=f"next_{kind}_{lead_id}"):
        st.page_link(LEAD, label=name, query_params={"id": str(lead_id)})
        st.html(f"<div class='tl-next'><span title='{escape(what)}'>{escape(what)}</span><span>{escape(right)}</span></div>", width="stretch")
