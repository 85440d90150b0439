"""Team and activity: what each owner has open, won and lost, how far their goals are, and who called, met and wrote how much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from crm.charts.months import every_month
from crm.charts.team import at_work
from crm.goals import rules
from crm.ui import words
from crm.ui.lookups import Lookups
from crm.ui.reports import asked as asking
from crm.ui.reports import charts, parts, picking
from crm.ui.reports.asked import Asked, last_year
from crm.ui.reports.figure import Figure
from crm.ui.reports.parts import Tile, change, days, share, usd
from crm.ui.reports.pipeline import open_values
from crm.ui.reports.reading import Read, Reader
from crm.ui.reports.shell import Page

TAKES = ("team", "owner", "pipeline", "period", "against", "known_on")
OWNERS, ACTIVITY, MONTHS = "team.owners", "team.activity", "team.months"


@dataclass(frozen=True, slots=True)
class Found:
    """`months`, `course`, `weeks`: for the lines in the tiles."""

    owners: Read
    before: Read | None
    months: Read
    activity: Read
    activity_before: Read | None
    moved: Read
    course: Read
    weeks: Read
    quarter_name: str


def read(reader: Reader, page: Page) -> Found:
    """Picking somebody in one chart narrows the other to them."""
    asked, picked = page.asked, {chart: picking.picked_id(chart) for chart in (OWNERS, ACTIVITY)}
    owners = _narrowed(asked, picked[ACTIVITY])
    activity = _narrowed(asked, picked[OWNERS])
    quarter = rules.quarter_start(asked.ends, page.lookups.fiscal_month)
    return Found(
        reader("owners", owners), reader.earlier("owners", owners), reader("win_rate", owners, period=last_year(asked), by="month"),
        reader("activity", activity), reader.earlier("activity", activity),
        reader("movement", owners, period=(owners.begins, owners.ends)), reader.course("pipeline_by_month", owners),
        reader.course("activity_by_week", activity), rules.quarter_name(quarter, page.lookups.fiscal_month),
    )  # fmt: skip


def _narrowed(asked: Asked, owner: int | None) -> Asked:
    return replace(asked, owner_id=owner) if owner else asked


def headline(found: Found) -> str:
    if not found.owners.rows and not found.activity.rows:
        return "Nobody has an open lead here, and nothing happened in this time."
    done, leads = found.activity.sum("activities") or 0, found.activity.sum("leads") or 0
    compared = parts.moved(done, found.activity_before.sum("activities") if found.activity_before else None)
    what = words.count(done, "call, meeting, mail or note", "calls, meetings, mails and notes")
    on_leads = f"{what} on {words.count(leads, 'lead')}{f', {compared} before' if compared else ''}."
    first = on_leads if done else "No call, meeting, mail or note was written down in this time."
    best = max(found.owners.rows, key=lambda row: (row["won_value_usd"] or 0, row["won"]), default=None)
    return (
        f"{first} {best['owner'] or 'Nobody'} won most: {usd(best['won_value_usd']) if best['won_value_usd'] else words.count(best['won'], 'lead')}."
        if best and best["won"]
        else first
    )


def draw(found: Found, page: Page) -> None:
    parts.draw_headline(headline(found))
    _draw_tiles(found, page.lookups, _narrowed(page.asked, picking.picked_id(ACTIVITY)))
    people = page.lookups.names.people
    picking.draw_chips({chart: (what, people.get(picking.picked_id(chart) or 0)) for chart, what in ((OWNERS, "Owner"), (ACTIVITY, "Who did it"))})
    left, right = st.columns(2, gap="small")
    with left:
        _draw_owners(found.owners)
    with right:
        _draw_activity(found.activity)
    _draw_lines(found, page)


def _draw_tiles(found: Found, lookups: Lookups, asked: Asked) -> None:
    def pair(now: Read, before: Read | None, column: str) -> tuple[Any, str]:
        return now.sum(column), change(now.sum(column), before.sum(column) if before else None)

    done, done_change = pair(found.activity, found.activity_before, "activities")
    began, began_change = pair(found.owners, found.before, "began")
    won, won_change = pair(found.owners, found.before, "won_value_usd")
    parts.draw_tiles(
        (
            Tile("Value won", usd(won), won_change, trend=[row["won_value_usd"] for row in every_month(found.months.result)],
                 behind=asking.behind_now(lookups, asked, kind="won", entered=asking.period_of(asked))),
            Tile("Leads begun", f"{began or 0:,}", began_change, trend=found.course.column("began"),
                 behind=asking.behind_now(lookups, asked, created=asking.period_of(asked))),
            Tile("Open value", usd(found.owners.sum("open_value_usd")), change(*open_values(found.moved)), against="since the start",
                 trend=found.course.column("open_value_usd"), hint="At the end of the period, and since its start.",
                 behind=asking.behind_now(lookups, asked, kind="open")),
            Tile("Calls, meetings, mails, notes", f"{done or 0:,}", done_change, trend=found.weeks.column("activities"), hint="The line: week by week."),
        ),
        "against the time before",
    )  # fmt: skip


def _draw_owners(read: Read) -> None:
    empty, hint = "Nobody has an open lead here.", "Owners show here once leads are theirs."
    with parts.block("Who has what open, and who won?", read, key="team_owners", empty=empty, hint=hint) as any_:
        if any_:
            if not at_work(read.rows):
                parts.draw_empty(empty, hint)
                return
            charts.draw(OWNERS, read)


def _draw_activity(read: Read) -> None:
    empty, hint = "Nothing was noted down in this time.", "Calls, meetings, mails and notes on leads show here."
    with parts.block("Who called, met and wrote?", read, key="team_activity", empty=empty, hint=hint) as any_:
        if any_:
            charts.draw(ACTIVITY, read)


def _draw_lines(found: Found, page: Page) -> None:
    """Each owner's figures; the name opens their open leads."""
    if not found.owners.rows:
        return
    with parts.block(f"Owners, and their goals of {found.quarter_name}", found.owners, key="team_lines", with_remarks=True):
        lines = [
            (row["owner"] or "Nobody", asking.behind(page.lookups, page.asked, kind="open", owner=page.lookups.names.people.get(row["owner_id"], "Nobody")),
             (f"{row['open']:,}", usd(row["open_value_usd"]), f"{row['won']:,}", share(row["win_rate"]), usd(row["won_value_usd"]), days(row["median_days"]),
              progress(row)))
            for row in found.owners.rows
        ]  # fmt: skip
        parts.draw_lines("team", lines, ("Open", "Open value", "Won", "Win rate", "Value won", "Days to win", "Goal"))


def progress(row: Mapping[str, Any]) -> str:
    """ "62% of $50.0k": what was won in the quarter, of the goal."""
    return words.NOTHING if row["goal_progress"] is None else f"{share(row['goal_progress'])} of {usd(row['goal_usd'])}"


def _draw_summary(found: Found, page: Page) -> None:
    empty, hint = "Nobody has an open lead here.", "Owners show here once leads are theirs."
    with parts.block("The team in four figures", found.owners, key="team_summary", empty=empty, hint=hint) as any_:
        if any_:
            parts.draw_headline(headline(found))
            _draw_tiles(found, page.lookups, page.asked)


def _draw_lines_alone(found: Found, page: Page) -> None:
    if found.owners.rows:
        _draw_lines(found, page)
        return
    with parts.block("Owners, and their goals", found.owners, key="team_lines", empty="Nobody has an open lead here.", hint="Choose fewer filters."):
        pass


FIGURES: Mapping[str, Figure] = {
    "summary": Figure("owners", read, _draw_summary),
    "owners": Figure("owners", lambda reader, page: reader("owners", page.asked), lambda found, page: _draw_owners(found)),
    "activity": Figure("activity", lambda reader, page: reader("activity", page.asked), lambda found, page: _draw_activity(found)),
    "lines": Figure("owners", read, _draw_lines_alone),
}
