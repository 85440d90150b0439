"""Whose leads the forecast is in: what is open now, or, of a month that is picked, what is expected in it and what was won."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import streamlit as st

from crm.charts.catalogue import OF_MONTH
from crm.charts.forecast import in_order, of_month
from crm.goals import rules
from crm.ui import lead_behind
from crm.ui.lookups import Lookups
from crm.ui.reports import asked as asking
from crm.ui.reports import charts, parts
from crm.ui.reports.asked import Asked
from crm.ui.reports.parts import usd
from crm.ui.reports.reading import Read, Reader
from crm.ui.reports.shell import Page

CHART = "forecast.owners"
MOST_OWNERS = "200"


@dataclass(frozen=True, slots=True)
class Owners:
    """`month`: the first day of the one that is picked, None for all that is open. `read` says what the figures are; `won`: of a month, where it has begun."""

    read: Read
    month: date | None = None
    won: Read | None = None

    def rows(self) -> list[dict[str, Any]]:
        """Who has anything of it: owner_id, owner, open, weighted_usd, won and won_value_usd, the most first."""
        if self.month and self.read.result:
            return of_month(self.read.result, self.won.result if self.won else None, self.month)
        return in_order([dict(row) for row in self.read.rows if row["open"]])


def read(reader: Reader, asked: Asked, fiscal_month: int, month: date | None = None) -> Owners:
    if month is None:
        return Owners(reader("owners", replace(asked, begins=rules.quarter_start(asked.ends, fiscal_month))))
    no_period: dict[str, Any] = {"from": "", "to": ""}  # what is open stands at a moment
    expected = reader("explore", asked, measure="weighted", which="open", by="owner", split="closes_month", top=MOST_OWNERS, **no_period)
    return Owners(expected, month, reader("win_rate", asking.of_month(asked, month), by="owner") if month <= asked.ends else None)


def draw(found: Owners, page: Page) -> None:
    empty, hint = "Nobody has an open lead here.", "Open leads show here by whose they are."
    title = f"Whose leads is {found.month:%B %Y} in?" if found.month else "Whose leads is it in?"
    if (page.asked.source or page.asked.market) and not found.month:
        with parts.block(title, None, key="forecast_owners"):
            st.html("<p class='tl-muted'>Owners are not told apart by source or market. Take that filter away to see them.</p>")
        return
    with parts.block(title, found.read, key="forecast_owners", empty=empty, hint=hint) as any_:
        rows = found.rows()
        if any_ and not rows:
            parts.draw_empty("Nothing was won in this month, and nothing is expected." if found.month else empty, "Show all months." if found.month else hint)
        elif any_:
            _draw_chart(found)
            _draw_lines(found, rows, page)


def _draw_chart(found: Owners) -> None:
    if found.month:
        charts.draw(CHART, found.read, OF_MONTH, beside=found.won, of=f"{found.month:%Y-%m}")
    else:
        charts.draw(CHART, found.read, "weighted")


def _draw_lines(found: Owners, rows: Sequence[Mapping[str, Any]], page: Page) -> None:
    """Each name opens its open leads; of a month that is over, those that were won in it."""
    if found.month and rules.months_on(found.month, 1) <= page.asked.ends:
        heads, names, kind = ("Won", "Value won", "Still expected"), ("won", "won_value_usd", "weighted_usd"), "won"
    elif found.month:
        heads, names, kind = ("Open", "Weighted", "Value won"), ("open", "weighted_usd", "won_value_usd"), "open"
    else:
        heads, names, kind = ("Open", "Open value", "Weighted"), ("open", "open_value_usd", "weighted_usd"), "open"
    in_month = {("entered" if kind == "won" else "closes"): period_of_month(found.month)} if found.month else {}
    lines = [
        (_name(row, page.lookups), asking.behind(page.lookups, page.asked, kind=kind, owner=_address(row, page.lookups), **in_month),
         tuple(usd(row[name]) if name.endswith("_usd") else f"{row[name]:,}" for name in names))
        for row in rows
    ]  # fmt: skip
    parts.draw_lines("forecast_owners", lines, heads)


def _name(row: Mapping[str, Any], lookups: Lookups) -> str:
    return str(row["owner"] or lookups.names.people.get(row["owner_id"] or 0) or "Nobody")


def _address(row: Mapping[str, Any], lookups: Lookups) -> str:
    return lookups.names.people.get(row["owner_id"] or 0, "Nobody")


def period_of_month(first: date) -> str:
    """A month as an address says it."""
    return lead_behind.period(first, rules.months_on(first, 1) - timedelta(days=1))
