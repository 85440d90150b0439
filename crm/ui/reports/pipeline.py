"""Pipeline: where leads stand, how far they get, and what moved in a period; each figure adds up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from html import escape
from typing import Any

import streamlit as st

from crm import money
from crm.ui.lookups import where_pipelines_come_from
from crm.ui.reports import asked as asking
from crm.ui.reports import charts, parts, picking
from crm.ui.reports.asked import Asked
from crm.ui.reports.figure import Figure
from crm.ui.reports.parts import Tile, change, share, usd
from crm.ui.reports.reading import Read, Reader
from crm.ui.reports.shell import Page
from crm.ui.words import count

TAKES = ("one_pipeline", "team", "owner", "period", "against", "known_on")
STAGES, MOVEMENT = "pipeline.stages", "pipeline.movement"
FUNNEL_DAYS = 180
"""Leads need time to get anywhere: a funnel looks back at least so far."""


@dataclass(frozen=True, slots=True)
class Found:
    """`before`: the movement of the time that is compared with; `months`: a year, for the lines in the tiles."""

    stages: Read
    funnel: Read
    movement: Read
    before: Read | None
    months: Read
    days: int
    is_now: bool


def read(reader: Reader, asked: Asked) -> Found:
    return Found(
        reader("pipeline_by_stage", asked), reader("funnel", _longer(asked)), reader("movement", asked), reader.earlier("movement", asked),
        reader.course("pipeline_by_month", asked),
        asked.days, asked.as_of is None,
    )  # fmt: skip


def _longer(asked: Asked) -> Asked:
    return replace(asked, begins=min(asked.begins, asked.ends - timedelta(days=FUNNEL_DAYS - 1))) if asked.ends.year > 1901 else asked


def _sum(rows: Iterable[Mapping[str, Any]], name: str, *kinds: str) -> Any:
    """Hidden figures add up to nothing; the statement below says that they are left out."""
    return sum((row[name] or 0 for row in rows if not kinds or row["kind"] in kinds), 0)


def came_to(read: Read | None, kind: str) -> int | None:
    """How many leads came to stages of the kind in the period, those that began there included."""
    return None if read is None else int(_sum(read.rows, "in", kind) + _sum(read.rows, "created", kind))


def open_values(movement: Read) -> tuple[Any, Any]:
    """What was open at the end of the period and at its start; None where it is hidden."""
    if not movement.shows("end_usd"):
        return None, None
    return _sum(movement.rows, "end_usd", "open"), _sum(movement.rows, "start_usd", "open")


def headline(found: Found) -> str:
    """The report in two sentences, computed from its rows."""
    open_rows = [row for row in found.stages.rows if row["kind"] == "open"]
    value, leads = _sum(open_rows, "value_usd"), _sum(open_rows, "leads")
    if not leads:
        return "Nothing is open in this pipeline" + ("" if found.is_now else " on that day") + "."
    by = "value_usd" if value > 0 else "leads"
    top = max(open_rows, key=lambda row: row[by])
    share = round(100 * float(top[by]) / float(value if by == "value_usd" else leads))
    won, lost, new = came_to(found.movement, "won") or 0, came_to(found.movement, "lost") or 0, int(_sum(found.movement.rows, "created"))
    where = f"{top['stage']} holds {share}% of the open {'value' if by == 'value_usd' else 'leads'}."
    return f"{where} In {found.days} days {count(new, 'lead')} began, {won:,} {'was' if won == 1 else 'were'} won and {lost:,} lost."


def draw(found: Found, page: Page) -> None:
    parts.draw_headline(headline(found))
    _draw_tiles(found, page)
    stage = picking.picked_stage(STAGES, found.stages.rows)
    left, right = st.columns(2, gap="small")
    with left:
        _draw_stages(found.stages, page)
    with right:
        _draw_funnel(found.funnel)
    _draw_movement(found.movement, stage)


def _draw_tiles(found: Found, page: Page) -> None:
    """Open now, and what began, was won and was lost in the period."""
    began, began_before = _sum(found.movement.rows, "created"), _sum(found.before.rows, "created") if found.before else None
    won, lost = (came_to(found.movement, kind) or 0 for kind in ("won", "lost"))
    won_before, lost_before = (came_to(found.before, kind) for kind in ("won", "lost"))
    open_usd, open_before = open_values(found.movement)
    leads = count(int(_sum(found.stages.rows, "leads", "open")), "lead")
    of_ended = f"{share(won / (won + lost)) if won + lost else 'None'} of those that ended."
    parts.draw_tiles(
        (
            Tile("Open value", usd(open_usd), change(open_usd, open_before), hint=f"{leads}.", trend=found.months.column("open_value_usd"),
                 against="since the start", behind=asking.behind_now(page.lookups, page.asked, kind="open")),
            Tile("New leads", f"{int(began):,}", change(began, began_before), trend=found.months.column("began")),
            Tile("Won", f"{won:,}", change(won, won_before), hint=of_ended, trend=found.months.column("won")),
            Tile("Lost", f"{lost:,}", change(lost, lost_before), is_more_good=False, hint="Went to a lost stage.", trend=found.months.column("lost")),
        ),
        "against before",
    )  # fmt: skip


def _draw_stages(read: Read, page: Page) -> None:
    """Leads and value in each stage; a stage's name opens its leads, as they are now."""
    with parts.block("Where leads stand", read, key="pipeline_stages", empty="This pipeline has no stages in sight.", hint="Choose another pipeline.") as any_:
        if not any_:
            return
        charts.draw(STAGES, read)
        lines = [(row["stage"], asking.behind(page.lookups, page.asked, stage=row["stage"]), (f"{row['leads']:,}", usd(row["value_usd"]))) for row in read.rows]
        parts.draw_lines("pipeline_stages", lines, ("Leads", "Value"), most=30)


def _draw_funnel(read: Read) -> None:
    """How far the leads of the period got: a stage counts for those that went past it too."""
    with parts.block("How far they get", read, key="pipeline_funnel", empty="No lead began in this pipeline then.", hint="Choose a longer time.") as any_:
        if not any_:
            return
        lines = []
        for place, row in enumerate(read.rows):
            reached, previous = float(row["share"] or 0), row["from_previous"]
            step = f"{round(100 * float(previous))}% of the stage before" if previous is not None else "nobody was in the stage before" if place else "began"
            lost = f" · {row['lost']:,} lost here" if row["lost"] else ""
            bar = _bar(reached, row["kind"], f"{row['reached']:,}", f"{round(100 * reached)}%")
            lines.append(f"<div class='tl-step'><span>{escape(row['stage'])}</span>{bar}<small>{escape(step)}{escape(lost)}</small></div>")
        st.html("".join(lines))
        charts.offer(read)


def _bar(share: float, kind: str, *figures: str) -> str:
    cells = "".join(f"<b>{escape(figure)}</b>" for figure in figures)
    fill = f"<u style='width:{100 * min(1.0, share):.1f}%'></u>" if share > 0 else ""
    return f"<div class='tl-meter tl-{escape(kind)}'><i>{fill}</i>{cells}</div>"


def _draw_movement(read: Read, stage: str | None) -> None:
    """Start, what came, what went, end, as steps of all stages or of the one that is picked; below, a line each that adds up."""
    with parts.block("What moved", read, key="pipeline_movement", empty="Nothing was in this pipeline then.", hint="Choose a longer time.") as any_:
        if not any_:
            return
        rows = read.rows
        charts.draw(MOVEMENT, read, of=stage or "", is_picked=False)
        names = ("start", "created", "in", "out", "end")
        titles = ("Stage", "At the start", "+ began", "+ came in", "− went out", "= at the end", "Value then", "Change")
        head = f"<tr>{''.join(f'<th>{title}</th>' for title in titles)}</tr>"
        lines = [_line(row["stage"], [row[name] for name in names], row["end_usd"], row["change_usd"]) for row in rows]
        money_ = (_sum(rows, "end_usd"), _sum(rows, "change_usd")) if read.shows("end_usd") else (None, None)
        total = _line("All stages", [_sum(rows, name) for name in names], *money_, css="tl-total")
        st.html(f"<div class='tl-scroll'><table class='tl-table'>{head}{''.join(lines)}{total}</table></div>")


def _line(name: str, figures: Sequence[int], usd: Decimal | None, moved: Decimal | None, *, css: str = "") -> str:
    signs = ("", "+", "+", "−", "")
    cells = "".join(f"<td>{f'{sign}{int(figure):,}' if figure else '·' if sign else '0'}</td>" for sign, figure in zip(signs, figures, strict=True))
    change = f"{'+' if moved > 0 else ''}{money.short(moved)}" if moved else "·"
    return f"<tr class='{css}'><th>{escape(name)}</th>{cells}<td>{money.short(usd)}</td><td>{change}</td></tr>"


def of_one_pipeline(page: Page) -> Page:
    """Figures of this page make sense for one pipeline only: the one that is asked for, or the first that the team has."""
    if page.asked.pipeline_id:
        return page
    pipelines = page.lookups.pipelines
    found = next((each for each in pipelines if each.team_id == page.asked.team_id), None) or next(iter(pipelines), None)
    return replace(page, asked=replace(page.asked, pipeline_id=found.id)) if found else page


def _draw_summary(found: Found, page: Page) -> None:
    empty, hint = "There is no pipeline in your sight yet.", where_pipelines_come_from(page.person)
    with parts.block("Pipeline in four figures", found.movement, key="pipeline_summary", empty=empty, hint=hint) as any_:
        if any_:
            parts.draw_headline(headline(found))
            _draw_tiles(found, page)


FIGURES: Mapping[str, Figure] = {
    "summary": Figure("movement", lambda reader, page: read(reader, page.asked), _draw_summary, of_one_pipeline),
    "stages": Figure("pipeline_by_stage", lambda reader, page: reader("pipeline_by_stage", page.asked), _draw_stages, of_one_pipeline),
    "funnel": Figure("funnel", lambda reader, page: reader("funnel", _longer(page.asked)), lambda found, page: _draw_funnel(found), of_one_pipeline),
    "movement": Figure(
        "movement", lambda reader, page: reader("movement", page.asked), lambda found, page: _draw_movement(found, None), of_one_pipeline
    ),
}  # fmt: skip
