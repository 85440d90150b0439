"""What the Pipeline report asks, reads and draws: stage totals, the funnel, and what moved in a period."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from html import escape
from typing import Any

import streamlit as st
from sqlalchemy.orm import Session

from crm import clock, money
from crm.access import Person
from crm.reports.registry import report_named
from crm.reports.use_cases import ReportResult, run_report
from crm.ui import words
from crm.ui.lookups import Lookups
from crm.ui.words import count

PERIODS: Mapping[int, str] = {30: "30 days", 90: "90 days", 365: "A year"}
FUNNEL_DAYS = 180
"""Leads need time to get anywhere: a funnel looks back at least so far."""


@dataclass(frozen=True, slots=True)
class Asked:
    """`as_of`: None for now."""

    pipeline_id: int
    owner_id: int | None
    days: int
    as_of: date | None


@dataclass(frozen=True, slots=True)
class Found:
    """The three reports, read in one transaction."""

    stages: ReportResult
    funnel: ReportResult
    movement: ReportResult
    days: int


def ask(person: Person, lookups: Lookups) -> Asked | None:
    """Draw the filters, which live in the URL; None where no pipeline is in sight."""
    pipelines = [pipeline.id for pipeline in lookups.pipelines]
    if not pipelines:
        return None
    with st.container(horizontal=True, key="report_filters", vertical_alignment="center", gap="small"):
        pipeline_id = st.selectbox(
            "Pipeline", pipelines, key="pipeline", bind="query-params", format_func=lookups.pipeline_label, label_visibility="collapsed", width=190
        )
        owner_id = st.selectbox(
            "Owner", [None, *lookups.owners], key="owner", bind="query-params", label_visibility="collapsed", width=170,
            format_func=lambda owner: "Every owner" if owner is None else lookups.names.people.get(owner, "Somebody"),
        )  # fmt: skip
        days = st.segmented_control(
            "Period", list(PERIODS), default=30, required=True, format_func=lambda given: PERIODS[given], key="period", bind="query-params",
            label_visibility="collapsed",
        )  # fmt: skip
        st.html("<span class='tl-muted'>as of the end of</span>", width="content")
        as_of = st.date_input(
            "As of", value=None, key="as_of", bind="query-params", max_value=clock.today(person.time_zone), min_value=date(2000, 1, 1), format="YYYY-MM-DD",
            label_visibility="collapsed", width=150, help="The end of a past day; empty for now.",
        )  # fmt: skip
    today = clock.today(person.time_zone)
    return Asked(pipeline_id, owner_id, days or 30, as_of if isinstance(as_of, date) and as_of < today else None)


def context(lookups: Lookups, asked: Asked | None) -> Iterable[str]:
    """What one looks at, for the line on the top right."""
    if asked is None:
        return ()
    owner = lookups.names.people.get(asked.owner_id, "somebody") if asked.owner_id else "every owner"
    return f"{lookups.pipeline_label(asked.pipeline_id)} pipeline", owner, "USD", f"as of {asked.as_of:%-d %b %Y}" if asked.as_of else "now"


def read(session: Session, asked: Asked) -> Found:
    """The reports as asked for, in the caller's transaction."""
    filters = {"pipeline": str(asked.pipeline_id), **({"owner": str(asked.owner_id)} if asked.owner_id else {})}
    stages = run_report(session, report_named("pipeline_by_stage"), filters, asked.as_of)

    def over(name: str, days: int) -> ReportResult:
        begins = date.fromordinal(max(1, stages.as_of.toordinal() - days + 1))
        return run_report(session, report_named(name), {**filters, "from": begins.isoformat(), "to": stages.as_of.isoformat()}, asked.as_of)

    return Found(stages, over("funnel", max(asked.days, FUNNEL_DAYS)), over("movement", asked.days), asked.days)


def _sum(rows: Iterable[Mapping[str, Any]], name: str, *kinds: str) -> Any:
    """Hidden figures add up to nothing; the statement below says that they are left out."""
    return sum((row[name] or 0 for row in rows if not kinds or row["kind"] in kinds), 0)


def headline(found: Found) -> str:
    """The report in two sentences, computed from its rows."""
    open_rows = [row for row in found.stages.rows if row["kind"] == "open"]
    value, leads = _sum(open_rows, "value_usd"), _sum(open_rows, "leads")
    if not leads:
        return "Nothing is open in this pipeline" + ("" if found.stages.is_now else " on that day") + "."
    by = "value_usd" if value > 0 else "leads"
    top = max(open_rows, key=lambda row: row[by])
    share = round(100 * float(top[by]) / float(value if by == "value_usd" else leads))
    moves = found.movement.rows
    won, lost, new = _sum(moves, "in", "won") + _sum(moves, "created", "won"), _sum(moves, "in", "lost"), _sum(moves, "created")
    where = f"{top['stage']} holds {share}% of the open {'value' if by == 'value_usd' else 'leads'}."
    return f"{where} In {found.days} days {count(int(new), 'lead')} began, {int(won):,} {'was' if won == 1 else 'were'} won and {int(lost):,} lost."


def draw_headline(found: Found) -> None:
    st.html(f"<p class='tl-headline'>{escape(headline(found))}</p>")


def draw_tiles(found: Found) -> None:
    """Open now, and what began, was won and was lost in the period."""
    moves = found.movement.rows
    began = _sum(moves, "created")
    won, lost = (_sum(moves, "in", kind) + _sum(moves, "created", kind) for kind in ("won", "lost"))
    tiles = (
        (
            "Open value",
            money.short(None if found.stages.left_out else _sum(found.stages.rows, "value_usd", "open")) or words.NOTHING,
            count(int(_sum(found.stages.rows, "leads", "open")), "lead"),
        ),
        (f"New in {found.days} days", f"{int(began):,}", "leads began"),
        (f"Won in {found.days} days", f"{int(won):,}", f"{_rate(won, won + lost)} of those that ended"),
        (f"Lost in {found.days} days", f"{int(lost):,}", "went to a lost stage"),
    )
    cells = "".join(f"<div><small>{escape(name)}</small><b>{escape(value)}</b><span>{escape(hint)}</span></div>" for name, value, hint in tiles)
    st.html(f"<div class='tl-tiles'>{cells}</div>")


def _rate(part: int, whole: int) -> str:
    return f"{round(100 * part / whole)}%" if whole else "none"


def draw_stages(found: Found, lookups: Lookups, asked: Asked) -> None:
    """Leads and value in each stage; a stage's name opens its leads, as they are now."""
    st.subheader("Where leads stand")
    rows = found.stages.rows
    by = "leads" if found.stages.left_out else "value_usd"
    most = max((row[by] for row in rows), default=0) or 1
    for row in rows:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"report_stage_{row['stage_id']}"):
            query = {"view": "Team", "pipeline": lookups.pipeline_label(asked.pipeline_id), "stage": row["stage"]}
            if asked.owner_id:
                query["owner"] = lookups.names.people.get(asked.owner_id, "")
            st.page_link("pages/leads.py", label=row["stage"], query_params=query, width=150)
            st.html(_bar(float(row[by] / most), row["kind"], f"{row['leads']:,}", money.short(row["value_usd"])), width="stretch")


def _bar(share: float, kind: str, *figures: str) -> str:
    cells = "".join(f"<b>{escape(figure)}</b>" for figure in figures)
    fill = f"<u style='width:{100 * min(1.0, share):.1f}%'></u>" if share > 0 else ""
    return f"<div class='tl-meter tl-{escape(kind)}'><i>{fill}</i>{cells}</div>"


def draw_funnel(found: Found) -> None:
    """How far the leads of the period got: a stage counts for those that went past it too."""
    begins, ends = found.funnel.period or (found.funnel.as_of, found.funnel.as_of)
    st.subheader("How far they get")
    st.caption(f"Leads that began {begins:%-d %b %Y} to {ends:%-d %b %Y}")
    if not any(row["reached"] for row in found.funnel.rows):
        st.html("<p class='tl-muted'>No lead began in this pipeline then.</p>")
        return
    lines = []
    for row in found.funnel.rows:
        share, previous = float(row["share"] or 0), row["from_previous"]
        step = f"{round(100 * float(previous))}% of the stage before" if previous is not None else "began"
        lost = f" · {row['lost']:,} lost here" if row["lost"] else ""
        bar = _bar(share, row["kind"], f"{row['reached']:,}", f"{round(100 * share)}%")
        lines.append(f"<div class='tl-step'><span>{escape(row['stage'])}</span>{bar}<small>{escape(step)}{escape(lost)}</small></div>")
    st.html("".join(lines))


def draw_movement(found: Found) -> None:
    """Start, what came, what went, end: each line adds up."""
    begins, ends = found.movement.period or (found.movement.as_of, found.movement.as_of)
    st.subheader("What moved")
    st.caption(f"From the end of {begins - timedelta(days=1):%-d %b %Y} to the end of {ends:%-d %b %Y}")
    names = ("start", "created", "in", "out", "end")
    rows = found.movement.rows
    titles = ("Stage", "At the start", "+ began", "+ came in", "− went out", "= at the end", "Value then", "Change")
    head = f"<tr>{''.join(f'<th>{title}</th>' for title in titles)}</tr>"
    lines = [_line(row["stage"], [row[name] for name in names], row["end_usd"], row["change_usd"]) for row in rows]
    sums: Sequence[Any] = [_sum(rows, name) for name in names]
    usd, change = (None, None) if found.movement.left_out else (_sum(rows, "end_usd"), _sum(rows, "change_usd"))
    total = _line("All stages", sums, usd, change, css="tl-sum")
    st.html(f"<div class='tl-scroll'><table class='tl-table'>{head}{''.join(lines)}{total}</table></div>")


def _line(name: str, figures: Sequence[int], usd: Decimal | None, change: Decimal | None, *, css: str = "") -> str:
    signs = ("", "+", "+", "−", "")
    cells = "".join(f"<td>{f'{sign}{int(figure):,}' if figure else '·' if sign else '0'}</td>" for sign, figure in zip(signs, figures, strict=True))
    moved = f"{'+' if change > 0 else ''}{money.short(change)}" if change else "·"
    return f"<tr class='{css}'><th>{escape(name)}</th>{cells}<td>{money.short(usd)}</td><td>{moved}</td></tr>"


def draw_statement(found: Found) -> None:
    """Scope, time zone, currency and age, in one quiet paragraph."""
    st.html(f"<p class='tl-states'>{escape(' '.join(found.stages.states()))}</p>")
