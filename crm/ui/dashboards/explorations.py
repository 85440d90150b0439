"""A pinned exploration among the blocks: its chart or table, asked for what the dashboard's filters say, and the way to Explore."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st
from sqlalchemy.orm import Session

from crm.dashboards.reads import Block
from crm.errors import CrmError
from crm.explore.use_cases import Exploration, explore
from crm.ui.dashboards import catalogue
from crm.ui.explore import asks, choices, table
from crm.ui.explore import draw as drawing
from crm.ui.explore.asks import Question
from crm.ui.explore.behind import behind
from crm.ui.reports import framing, parts
from crm.ui.reports.framing import Frame
from crm.ui.reports.reading import Read
from crm.ui.reports.shell import Page

PAGE = "pages/explore.py"
OWN = ("measure", "which", "by", "split", "chart")
"""What of an address is the exploration itself; the rest are filters."""


@dataclass(frozen=True, slots=True)
class Seen:
    """`words` say why nothing was found."""

    question: Question
    found: Exploration | None = None
    words: str = ""


def read(session: Session, page: Page, block: Block) -> Seen:
    question = question_of(page, block)
    try:
        return Seen(question, explore(session, question.wanted(most=drawing.COMPACT_GROUPS)))
    except CrmError as error:
        return Seen(question, words=error.detail)


def question_of(page: Page, block: Block) -> Question:
    """The dashboard's filters first, its own where those leave it open. Where time runs along the axis, its period stays its own."""
    question = asks.read(block.parameters.get("address", {}), choices.screen(page.person, page.lookups), page.person, page.lookups)
    asked, own = page.asked, question.asked
    begins = asked.ends if question.is_of_moment else own.begins if keeps_period(question) else asked.begins
    return replace(
        question,
        asked=replace(
            asked, begins=min(begins, asked.ends), earlier=None, team_id=asked.team_id or own.team_id, owner_id=asked.owner_id or own.owner_id,
            market=asked.market or own.market, pipeline_id=own.pipeline_id, source=own.source,
        ),
    )  # fmt: skip


def keeps_period(question: Question) -> bool:
    return any(name.endswith(("_month", "_quarter")) for name in (question.by, question.split))


def draw(seen: Seen, page: Page, block: Block) -> None:
    """Chart or table, with what its figures are."""
    found, question = seen.found, seen.question
    standing = Frame(f"block_{block.id}", catalogue.title_of(block), PAGE, whole(page, block, question), remark(page, question))
    read = Read("explore", {}, question.asked.as_of, question.asked.known_on, result=found.result if found else None, words=seen.words)
    with (
        framing.framed(standing),
        parts.block(standing.title, read, key="exploration", empty=drawing.NOTHING, hint=drawing.HINT) as any_,
    ):
        if not any_ or found is None:
            return
        if question.chart != choices.PIVOT:
            drawing.place("exploration", found, question, compact=True)
        else:
            opens = drawing.CUSTOMERS if question.is_of_orders else drawing.LEADS
            st.html(table.html(found, lambda *groups: behind(question, page.lookups, *groups), opens, most=drawing.COMPACT_GROUPS))


def whole(page: Page, block: Block, question: Question) -> dict[str, str]:
    """Its address on Explore, asked the same."""
    address: Mapping[str, Any] = block.parameters.get("address", {})
    texts = {name: values[0] for name, values in address.items() if values and (name in OWN or (name == "period" and keeps_period(question)))}
    return {**catalogue.whole(page.lookups, question.asked), **texts}


def remark(page: Page, question: Question) -> str:
    """Which of the dashboard's filters do not narrow it."""
    said = []
    if question.is_of_orders and page.asked.owner_id:
        said.append("Not narrowed by owner: this figure is of all of them.")
    if keeps_period(question):
        said.append("Over a period of its own, for time runs along its axis.")
    return " ".join(said)
