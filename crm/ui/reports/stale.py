"""Stale and neglected: which leads stand too long, in which stages, and who ordered and heard nothing from us?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from crm import clock
from crm.charts.pipeline import MOST_STAGES, in_use
from crm.ui import words
from crm.ui.reports import asked as asking
from crm.ui.reports import charts, parts, picking
from crm.ui.reports.asked import Asked
from crm.ui.reports.figure import Figure
from crm.ui.reports.parts import Tile, change, days, share, usd
from crm.ui.reports.reading import Read, Reader
from crm.ui.reports.shell import Page

TAKES = ("team", "owner", "pipeline", "source", "market", "period", "known_on")
STAGES = "stale.stages"
MOST_LEADS = 20
LEAD, CUSTOMERS = "pages/lead.py", "pages/customers.py"
BACK_WEEKS = 4


@dataclass(frozen=True, slots=True)
class Found:
    """`weeks`, `customer_weeks`: how it went, for the tiles."""

    stages: Read
    leads: Read
    customers: Read
    weeks: Read
    customer_weeks: Read


def read(reader: Reader, asked: Asked) -> Found:
    return Found(
        reader("stage_velocity", asked), reader("stale_leads", asked), reader("neglected_customers", asked), reader.course("stale_by_week", asked),
        reader.course("neglected_by_week", asked),
    )  # fmt: skip


def headline(found: Found) -> str:
    late = [row for row in found.stages.rows if row["over_target"]]
    slow = max(late, key=lambda row: (row["over_target"], row["over_target"] / row["leads"]), default=None)
    waiting = words.count(len(found.leads.rows), "open lead")
    if slow is None:
        return (
            f"No lead is over its stage's target. {waiting} {'waits' if len(found.leads.rows) == 1 else 'wait'} for a contact."
            if found.leads.rows
            else "No lead waits too long."
        )
    took = (
        f" Half of the leads that moved on took longer than {days(slow['median_days'])} there, against a target of {days(slow['target_days'])}."
        if slow["median_days"] is not None
        else ""
    )
    over = f"{words.count(slow['over_target'], 'lead')} of {slow['leads']:,} {'is' if slow['over_target'] == 1 else 'are'} over target."
    return f"{slow['stage']} is where it stalls: {over}{took}"


def draw(found: Found, page: Page) -> None:
    parts.draw_headline(headline(found))
    _draw_tiles(found)
    stage = picking.picked_stage(STAGES, found.stages.rows)
    left, right = st.columns(2, gap="small")
    with left:
        _draw_stages(found.stages, page)
    with right:
        _draw_leads(found.leads, page, stage)
        _draw_customers(found.customers)


def _draw_tiles(found: Found) -> None:
    late, late_usd, standing = (found.stages.sum(column) for column in ("over_target", "over_target_usd", "leads"))
    weeks, customers = found.weeks, _in_all(found.customers)
    in_time, in_time_before = (_in_time(weeks.rows[since:until]) for since, until in ((-BACK_WEEKS, None), (-2 * BACK_WEEKS, -BACK_WEEKS)))
    parts.draw_tiles(
        (
            Tile("Over target", f"{late or 0:,}", change(late, _then(weeks, "over_target")), is_more_good=False, trend=weeks.column("over_target"),
                 hint=f"Open leads longer in their stage than its target, of {standing or 0:,}."),
            Tile("Their value", usd(late_usd), change(late_usd, _then(weeks, "over_target_usd")), is_more_good=False, trend=weeks.column("over_target_usd")),
            Tile("Moved on in time", share(in_time), change(in_time, in_time_before, unit="points"), trend=[_in_time([row]) for row in weeks.rows],
                 hint="Of the leads that left a stage with a target in four weeks, those within it."),
            Tile("Neglected customers", words.NOTHING if customers is None else f"{customers:,}", change(customers, _then(found.customer_weeks, "customers")),
                 is_more_good=False, trend=found.customer_weeks.column("customers"), hint="Ordered in the last 90 days, not contacted since."),
        ),
        "in 4 weeks",
    )  # fmt: skip


def _in_all(customers: Read) -> int | None:
    """How many there are, listed or not; None where the person sees no customers."""
    if not customers.result:
        return None
    return int(customers.rows[0]["in_all"]) if customers.rows else 0


def _then(weeks: Read, column: str) -> Any:
    """How it was four weeks before the last; None where it is hidden or not known."""
    values = weeks.column(column)
    return values[-BACK_WEEKS - 1] if len(values) > BACK_WEEKS else None


def _in_time(weeks: Sequence[Mapping[str, Any]]) -> float | None:
    """The share of those that moved on in these weeks; None where nobody did."""
    moved_on = sum(week["moved_on"] for week in weeks)
    return sum(week["in_time"] for week in weeks) / moved_on if moved_on else None


def _draw_stages(read: Read, page: Page) -> None:
    empty, hint = "No stage has leads here.", "Choose another pipeline, or fewer filters."
    with parts.block("How long do leads stay in each stage?", read, key="stale_stages", empty=empty, hint=hint) as any_:
        if not any_:
            return
        if not in_use(read.rows):
            parts.draw_empty(empty, hint)
            return
        several = len({row["pipeline_id"] for row in read.rows}) > 1
        rows = in_use(read.rows)
        names = [f"{row['stage']} · {row['pipeline']}" if several else row["stage"] for row in rows]
        charts.draw(STAGES, read)
        lines = [
            (name, asking.behind(page.lookups, page.asked, pipeline=page.lookups.pipeline_label(row["pipeline_id"]), stage=row["stage"],
                sort="Longest in stage"),
             (f"{row['leads']:,}", f"{row['over_target']:,}", days(row["median_days"]), days(row["target_days"]), share(row["in_time_share"])))
            for name, row in zip(names, rows, strict=True)
        ]  # fmt: skip
        parts.draw_lines("stale_stages", lines, ("Leads", "Over", "Median", "Target", "In time"), most=MOST_STAGES)


def _draw_leads(read: Read, page: Page, stage: str | None) -> None:
    empty, hint = "No lead waits too long: well done.", "Leads over their stage's target, or not contacted for 14 days, show here."
    with parts.block("Which leads wait?", read, key="stale_leads", empty=empty, hint=hint) as any_:
        rows = [row for row in read.rows if stage in (None, str(row["stage_id"]))]
        if any_ and not rows:
            st.html("<p class='tl-muted'>None of them is in this stage.</p>")
        elif any_:
            parts.draw_lines("stale_leads", [_lead_line(row) for row in rows], ("Stage", "In it", "Silent", "Value"), page=LEAD, most=MOST_LEADS)


def _lead_line(row: Mapping[str, Any]) -> tuple[str, Mapping[str, Any], Sequence[str]]:
    return (
        row["lead"] or f"Lead {row['lead_id']}",
        {"id": str(row["lead_id"])},
        (row["stage"], days(row["days_in_stage"]), days(row["days_silent"]), usd(row["value_usd"])),
    )


def _draw_customers(read: Read) -> None:
    empty, hint = "Nobody ordered and heard nothing.", "Customers who ordered in the last 90 days and were not contacted since show here."
    with parts.block("Who ordered and heard nothing from us?", read, key="stale_customers", empty=empty, hint=hint) as any_:
        if any_:
            lines = [(row["customer"], {"q": row["customer"], "view": "All"}, (f"{row['last_order_on']:%-d %b %Y}",
                clock.ago(row["last_contacted_at"]) or "never",
                      usd(row["lifetime_usd"]))) for row in read.rows]  # fmt: skip
            parts.draw_lines("stale_customers", lines, ("Last order", "Contact", "Lifetime"), page=CUSTOMERS)


def _draw_summary(found: Found, page: Page) -> None:
    empty, hint = "No stage has leads here.", "Choose another pipeline, or fewer filters."
    with parts.block("What waits, in four figures", found.stages, key="stale_summary", empty=empty, hint=hint) as any_:
        if any_:
            parts.draw_headline(headline(found))
            _draw_tiles(found)


FIGURES: Mapping[str, Figure] = {
    "summary": Figure("stage_velocity", lambda reader, page: read(reader, page.asked), _draw_summary),
    "stages": Figure("stage_velocity", lambda reader, page: reader("stage_velocity", page.asked), _draw_stages),
    "leads": Figure("stale_leads", lambda reader, page: reader("stale_leads", page.asked), lambda found, page: _draw_leads(found, page, None)),
    "customers": Figure("neglected_customers", lambda reader, page: reader("neglected_customers", page.asked), lambda found, page: _draw_customers(found)),
}
