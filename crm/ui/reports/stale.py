"""Stale and neglected: which leads stand too long, in which stages, and who ordered and heard nothing from us?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from crm import clock
from crm.ui import words
from crm.ui.reports import asked as asking
from crm.ui.reports import charts, parts, picking
from crm.ui.reports.asked import Asked
from crm.ui.reports.figure import Figure
from crm.ui.reports.parts import Tile, days, share, usd
from crm.ui.reports.reading import Read, Reader
from crm.ui.reports.shell import Page

TAKES = ("team", "owner", "pipeline", "source", "market", "period")
STAGES = "stale.stages"
MOST_STAGES, MOST_LEADS = 14, 20
LEAD, CUSTOMERS = "pages/lead.py", "pages/customers.py"
WHY: Mapping[str, str] = {"target": "over target", "contact": "not contacted", "both": "over target, not contacted"}


@dataclass(frozen=True, slots=True)
class Found:
    stages: Read
    leads: Read
    customers: Read


def read(reader: Reader, asked: Asked) -> Found:
    return Found(reader("stage_velocity", asked), reader("stale_leads", asked), reader("neglected_customers", asked))


def headline(found: Found) -> str:
    slow = max((row for row in found.stages.rows if row["over_target"]), key=lambda row: row["over_target"], default=None)
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
    stage = picking.picked(STAGES)
    name = next((row["stage"] for row in found.stages.rows if str(row["stage_id"]) == stage), None)
    picking.draw_chips({"Stage": name})
    left, right = st.columns(2, gap="small")
    with left:
        _draw_stages(found.stages, page)
    with right:
        _draw_leads(found.leads, page, stage if name else None)
        _draw_customers(found.customers)


def _draw_tiles(found: Found) -> None:
    late, standing = found.stages.sum("over_target"), found.stages.sum("leads")
    silent = [row for row in found.leads.rows if row["why"] in ("contact", "both")]
    parts.draw_tiles((
        Tile("Over target", f"{late or 0:,}", is_more_good=False, hint=f"Open leads longer in their stage than its target, of {standing or 0:,}."),
        Tile("Their value", usd(found.stages.sum("over_target_usd"))),
        Tile("Not contacted", f"{len(silent):,}", hint="Among the leads below."),
        Tile("Neglected customers", f"{len(found.customers.rows):,}" if found.customers.result else words.NOTHING,
            hint="Ordered in the last 90 days, not contacted since."),
    ))  # fmt: skip


def _draw_stages(read: Read, page: Page) -> None:
    empty, hint = "No stage has leads here.", "Choose another pipeline, or fewer filters."
    with parts.block("How long do leads stay in each stage?", read, key="stale_stages", empty=empty, hint=hint) as any_:
        if not any_:
            return
        several = len({row["pipeline_id"] for row in read.rows}) > 1
        rows = [row for row in read.rows if row["moved_on"] or row["leads"]][:MOST_STAGES]
        names = [f"{row['stage']} · {row['pipeline']}" if several else row["stage"] for row in rows]
        ids = [row["stage_id"] for row in rows]
        if rows:
            target = {
                "type": "scatter", "mode": "markers", "x": charts.numbers([row["target_days"] for row in rows]), "y": names, "name": "Target",
                "marker": {"symbol": "line-ns", "size": 16, "line": {"width": 2, "color": charts.COLOURS["muted"]}},
                "hovertemplate": "%{y}<br>target <b>%{x:,} d</b><extra></extra>",
            }  # fmt: skip
            charts.draw(
                STAGES, charts.lying(names, [row["median_days"] for row in rows], name="Median", tone="accent", stands_for=ids, unit=" d"),
                charts.lying(names, [row["p90_days"] for row in rows], name="9 of 10 within", tone="soft", stands_for=ids, unit=" d"), target,
                x_title="Days in the stage", height=90 + 46 * max(2, len(rows)),
                    says="Median and ninetieth percentile of days per stage against its target",
            )  # fmt: skip
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
