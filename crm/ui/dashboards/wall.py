"""The blocks of a dashboard: figures of report pages, asked for what its filters say, and read anew only when something has changed.

What the blocks show is kept for the session, under the filters and the stamp of the data; a look that finds the stamp unchanged
reads no report. Whoever looks sees in each block what their own walls show of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st

from crm.access import acting_as
from crm.dashboards import reads
from crm.dashboards.reads import Block
from crm.dashboards.rules import EXPLORATION, HALF
from crm.reports import news
from crm.ui import look
from crm.ui.dashboards import catalogue, explorations
from crm.ui.reports import framing
from crm.ui.reports.asked import Asked
from crm.ui.reports.framing import Frame
from crm.ui.reports.reading import Reader
from crm.ui.reports.shell import Page

STATE = "dashboards.showing"
NARROWS: Mapping[str, tuple[str, str]] = {
    "team": ("team_id", "team"), "owner": ("owner_id", "owner"), "pipeline": ("pipeline_id", "pipeline"), "source": ("source", "source"),
    "market": ("market", "market"),
}  # fmt: skip
"""A block's parameter -> what of the page's filters it stands in for, and what people call it."""


@dataclass(slots=True)
class Showing:
    """What this session's wall shows. `found`: by block, what its figure read."""

    of: tuple[Any, ...] = ()
    stamp: str = ""
    blocks: Sequence[Block] = ()
    found: dict[int, Any] = field(default_factory=dict)


def showing() -> Showing:
    found: Showing = st.session_state.setdefault(STATE, Showing())
    return found


def forget() -> None:
    """Read everything anew: what stands in the dashboard was changed here."""
    st.session_state.pop(STATE, None)


def turn_to(page: Page, dashboard_id: int) -> Showing | None:
    """The wall as it is now; None where the dashboard is not there any more. The stamp is looked at before the data: no change falls between."""
    who = (page.person.id, page.person.viewed_by_id, page.person.stamp)  # as they see now: whose roles have changed reads anew
    kept, of = showing(), (dashboard_id, page.asked, *who)
    with acting_as(page.person, resource="report", action="view") as session:
        stamp = news.stamp(session)
        if (kept.of, kept.stamp) == (of, stamp):
            return kept
        if reads.dashboard(session, dashboard_id) is None:
            return None
        blocks = reads.blocks_of(session, [dashboard_id])[dashboard_id]
        reader = Reader(session)
        found = {block.id: _read(reader, page, block) for block in blocks}
    kept.of, kept.stamp, kept.blocks, kept.found = of, stamp, blocks, found
    return kept


def _read(reader: Reader, page: Page, block: Block) -> Any:
    figure = catalogue.figure_of(block.what)
    if block.kind == EXPLORATION:
        return explorations.read(reader.session, page, block)
    with framing.framed(_frame(page, block)):
        return figure.read(reader, narrowed(page, block)) if figure else None


def narrowed(page: Page, block: Block) -> Page:
    """The page as this block asks: the dashboard's filters first, the block's own where those leave it open."""
    asked = page.asked
    own = {attribute: block.parameters[name] for name, (attribute, _) in NARROWS.items() if name in block.parameters and not getattr(asked, attribute)}
    figure = catalogue.figure_of(block.what)
    found = replace(page, asked=replace(asked, **own))
    return figure.narrow(found) if figure else found


def draw(standing: Showing, page: Page) -> None:
    """Halves side by side, two in a row."""
    if not standing.blocks:
        look.empty("Nothing stands on this dashboard yet.", "Press “Edit” and add its first block: a figure of any report.")
    for row in rows_of(standing.blocks):
        for place, block in zip(st.columns(2, gap="small") if row[0].width == HALF else [st.container()], row, strict=False):
            with place:
                _draw(block, standing.found.get(block.id), page)


def rows_of(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Two halves that follow one another make a row."""
    row: list[Block] = []
    for block in blocks:
        if row and block.width != HALF:
            yield row
            row = []
        row.append(block)
        if block.width != HALF or len(row) == 2:
            yield row
            row = []
    if row:
        yield row


def _draw(block: Block, found: Any, page: Page) -> None:
    if block.kind == EXPLORATION:
        explorations.draw(found, page, block)
        return
    figure = catalogue.figure_of(block.what)
    with framing.framed(_frame(page, block)):
        if figure is None:
            look.empty("This figure is not there any more.", "Remove the block, or ask whoever made the dashboard.")
        else:
            figure.draw(found, narrowed(page, block))


def _frame(page: Page, block: Block) -> Frame:
    family = catalogue.family_of(block.what)
    asked = narrowed(page, block).asked
    return Frame(
        f"block_{block.id}", catalogue.title_of(block), family.page if family else "pages/home.py", catalogue.whole(page.lookups, asked),
        remark(block.what, page.asked),
    )  # fmt: skip


def remark(what: str, asked: Asked) -> str:
    """Which of the dashboard's filters narrow other blocks, but not this one."""
    figure = catalogue.figure_of(what)
    if figure is None:
        return ""
    left = [name for name in ("team", "owner", "market") if getattr(asked, NARROWS[name][0]) and not figure.takes(name)]
    return f"Not narrowed by {' and '.join(left)}: this figure is of all of them." if left else ""
