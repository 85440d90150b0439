"""An exploration on its page: chart, table and headline. Dashboards show its chart or table alone (`place`)."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from crm.access import Person
from crm.charts import explored
from crm.charts.explored import say
from crm.errors import CrmError
from crm.explore.use_cases import Exploration, explore_as
from crm.reports import exploring
from crm.ui import look, words
from crm.ui.explore import asks, choices, table
from crm.ui.explore.asks import Question
from crm.ui.explore.behind import behind
from crm.ui.lookups import Lookups
from crm.ui.reports import charts, parts, picking
from crm.ui.reports.drawn import Drawn
from crm.ui.reports.reading import Read
from crm.ui.view_params import Screen

LEADS, CUSTOMERS = "leads", "customers"
COMPACT_GROUPS = 10
LONGEST = 60
NOTHING, HINT = "Nothing to count here yet.", "Choose a longer time, fewer filters, or other leads."


def read(question: Question, person: Person) -> Exploration | None:
    """What was found; None, with words on the page, where it is refused."""
    try:
        return explore_as(person, question.wanted(most=asks.IN_TABLE))
    except CrmError as error:
        st.html(f"<p class='tl-muted'>{escape(error.detail)}</p>")
        return None


def draw(found: Exploration, question: Question, lookups: Lookups, key: str) -> None:
    """Chart and table, and what the figures are."""
    if not found.groups:
        look.empty(NOTHING, HINT)
    else:
        if question.chart != choices.PIVOT:
            _draw_chart(found, question, lookups, key)
        _draw_table(found, question, lookups)
    st.html(f"<p class='tl-states'>{escape(' '.join(found.result.states()))}</p>")


def _draw_chart(found: Exploration, question: Question, lookups: Lookups, key: str) -> None:
    chart = f"explore.{key}"
    place(chart, found, question, compact=False)
    picked = _picked(found, picking.clicked(chart))
    if not picked:
        return
    address = behind(question, lookups, *picked)
    name = ", ".join(group.name for _, group in picked)
    if address is not None:
        page = f"pages/{CUSTOMERS if question.is_of_orders else LEADS}.py"
        st.page_link(page, label=f"Open what is behind {name}", icon=":material/arrow_forward:", icon_position="right", query_params=address)


def place(chart: str, found: Exploration, question: Question, *, compact: bool) -> None:
    """The chart alone, under its key."""
    drawn = explored.drawing(found, question.chart, compact=compact)
    if drawn is not None:
        charts.show(chart, drawn.as_plotly(), says=drawn.says, on_select="rerun")


def pictures(found: Exploration, question: Question) -> list[Drawn]:
    """Its chart, as it can leave; none where it is a table, or empty."""
    wanted = question.wanted()
    shown = found.groups and question.chart != choices.PIVOT
    params = {**wanted.params, "measure": wanted.measure}
    return [Drawn(explored.alt(found), Read(wanted.report.name, params, wanted.as_of, wanted.known_on), question.chart)] if shown else []


def _picked(found: Exploration, said: str | None) -> list[Any]:
    """The groups that a click stands for; a browser may send anything."""
    numbers = (said or "").split(".")
    if len(numbers) != 2 or not all(each.isascii() and each.isdecimal() and len(each) < 5 for each in numbers):
        return []
    group, split = int(numbers[0]), int(numbers[1])
    if group >= len(found.groups) or (found.splits and split >= len(found.splits)):
        return []
    return [(found.by, found.groups[group]), *([(found.split, found.splits[split])] if found.splits else [])]


def _draw_table(found: Exploration, question: Question, lookups: Lookups) -> None:
    page = CUSTOMERS if question.is_of_orders else LEADS
    st.html(table.html(found, lambda *groups: behind(question, lookups, *groups), page))


def title(question: Question, screen: Screen) -> str:
    """What it is called where it stands by itself: "Leads by stage and owner"."""
    grouped = [text for name in ("by", "split") if getattr(question, name) for text in screen.params[name].say(getattr(question, name))]
    return f"{question.measure.label} by {' and '.join(text.lower() for text in grouped)}" if grouped else question.measure.label


def headline(found: Exploration, question: Question) -> str:
    """What it comes to, and where most of it is, in a sentence or two."""
    if found.total is None or found.value(found.total) is None:
        return NOTHING
    whole = say(found.measure, found.value(found.total))
    named = [group for group in found.groups if group.key is not None and not group.is_rest and found.value(group.row)]
    most = max(named, key=lambda group: found.value(group.row), default=None)
    return f"{_whole(found, question, whole)} {_most(found, most, len(named))}".strip()


def _whole(found: Exploration, question: Question, whole: str) -> str:
    row: Mapping[str, Any] = found.total or {}
    if question.is_of_orders:
        return f"{whole} from {words.count(row['orders'], 'order')}." if found.measure.unit == "usd" else f"{words.count(row['orders'], 'order')}."
    if found.measure.name == "win_rate":
        return f"{whole} of {words.count(row['won'] + row['lost'], 'lead')} that ended were won."
    if found.measure.unit == "days":
        return f"Half of them ended within {whole}." if found.measure.name == "days_to_close" else f"Half of them are in their stage for {whole} or more."
    if found.measure.unit == "count":
        return f"{_leads(question.which, row['leads'])}."
    return f"{whole}{' weighted' if found.measure.name == 'weighted' else ''}, from {_leads(question.which, row['leads'])}."


def _leads(which: str, number: int) -> str:
    """ "12 open leads", "1 lead that was won"."""
    said = exploring.WHICH[which].lower().replace("all ", "")
    return f"{number:,} {said if number != 1 else said.replace('leads', 'lead').replace('were', 'was')}"


def _most(found: Exploration, most: Any, groups: int) -> str:
    """Where most of it is, or where it is highest."""
    if most is None or groups < 2:
        return ""
    value, name = found.value(most.row), most.name if len(most.name) <= LONGEST else f"{most.name[: LONGEST - 1].rstrip()}…"
    if not found.adds_up:
        return f"Highest: {name}, {say(found.measure, value)}."
    return f"{name} holds most: {parts.share(value / found.value(found.total))}."
