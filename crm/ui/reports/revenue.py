"""Customers and revenue: what was ordered month by month and market by market, who came back, and who heard nothing from us."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import streamlit as st

from crm import money
from crm.charts.revenue import NO_MARKET, by_market, by_month
from crm.errors import Invalid
from crm.organisation.rules import read_market
from crm.ui import words
from crm.ui.reports import asked as asking
from crm.ui.reports import charts, framing, parts, picking
from crm.ui.reports.asked import Asked, last_year
from crm.ui.reports.figure import NOTHING, Figure
from crm.ui.reports.parts import Tile, change, share, usd
from crm.ui.reports.reading import Read, Reader
from crm.ui.reports.shell import Page

TAKES = ("team", "market", "period", "against")
MARKETS, MONTHS, COHORTS = "revenue.markets", "revenue.months", "revenue.cohorts"
CUSTOMERS, EXPLORE = "pages/customers.py", "pages/explore.py"
BY_FIRST_ORDER = {"measure": "Revenue", "by": "Month of first order", "period": "A year"}


@dataclass(frozen=True, slots=True)
class Found:
    """`whole` and `before`: everything that the page is narrowed to, in its period and in the one it is compared with."""

    whole: Read
    before: Read | None
    markets: Read
    months: Read
    cohorts: Read


def read(reader: Reader, asked: Asked) -> Found:
    """Each chart is narrowed by what is picked in the others; who came back, by the market, to those who first ordered in the month."""
    market, month = picking.picked(MARKETS) or asked.market, _picked_month(asked)
    in_month = asking.of_month(asked, month)
    whole = replace(in_month, market=market)
    markets = reader("revenue_by_market", in_month)
    return Found(
        markets if whole == in_month else reader("revenue_by_market", whole), reader.earlier("revenue_by_market", whole), markets,
        reader("revenue_by_market", _year(replace(asked, market=market))),
        reader("customer_cohorts", whole if month else _year(whole)),
    )  # fmt: skip


def _picked_month(asked: Asked) -> date | None:
    return picking.picked_month(MONTHS, last_year(asked))


def headline(found: Found, names: Mapping[str, str]) -> str:
    if found.whole.result is None:
        return "Orders are not for your role to see."
    total, orders = found.whole.sum("revenue_usd"), found.whole.sum("orders")
    if not orders:
        return "Nothing was ordered in this time."
    compared = parts.moved(total, found.before.sum("revenue_usd") if found.before else None)
    first = f"{usd(total)} from {words.count(orders, 'order')}{f', {compared} before' if compared else ''}."
    market, most = next(iter(by_market(found.whole.result).items()))
    return f"{first} {names.get(market, market or NO_MARKET)} brought {share(most / total)} of it." if total else first


def draw(found: Found, page: Page) -> None:
    names = page.lookups.markets
    month = picking.month_name(_picked_month(page.asked))
    parts.draw_headline(headline(found, names), of=month)
    _draw_tiles(found)
    picking.draw_chips({MONTHS: ("Month", month), MARKETS: ("Market", _market_name(picking.picked(MARKETS), names))})
    left, right = st.columns(2, gap="small")
    with left:
        _draw_months(found.months)
    with right:
        _draw_markets(found.markets, names)
    _draw_cohorts(found.cohorts)


def _market_name(code: str | None, names: Mapping[str, str]) -> str | None:
    """None for what is no market's code."""
    try:
        return names.get(code, read_market(code)) if code else None
    except Invalid:
        return None


def _draw_tiles(found: Found) -> None:
    if found.whole.result is None:
        return
    now, before = found.whole, found.before
    total, orders = now.sum("revenue_usd"), now.sum("orders")
    months = by_month(found.months.result)
    mean, mean_before = _mean(now), _mean(before)
    parts.draw_tiles(
        (
            Tile("Revenue", usd(total), change(total, before.sum("revenue_usd") if before else None), trend=[usd_ for usd_, _ in months.values()]),
            Tile("Orders", f"{orders:,}", change(orders, before.sum("orders") if before else None), trend=[count for _, count in months.values()]),
            Tile("An order is worth", usd(mean), change(mean, mean_before), trend=[usd_ / count for usd_, count in months.values() if count]),
            Tile("Markets", f"{len(by_market(now.result)):,}", change(len(by_market(now.result)), len(by_market(before.result)) if before else None),
                 trend=[len({row["market"] for row in found.months.rows if row["month"] == month}) for month in months], hint="From which somebody ordered."),
        ),
        "against the time before",
    )  # fmt: skip


def _mean(read: Read | None) -> Decimal | None:
    """What an order brings, of those with a rate."""
    if read is None or not read.rows:
        return None
    orders = sum(row["orders"] - row["unconverted"] for row in read.rows)
    return Decimal(read.sum("revenue_usd")) / orders if orders else None


def _draw_months(read: Read) -> None:
    empty, hint = "No orders in the last year.", "Orders show here minutes after production has them."
    with parts.block("What was ordered, month by month", read, key="revenue_months", empty=empty, hint=hint) as any_:
        if any_:
            charts.draw(MONTHS, read, "months")


def _draw_markets(read: Read, names: Mapping[str, str]) -> None:
    empty, hint = "Nothing was ordered in this time.", "Choose a longer time, or another market."
    with parts.block("Where does it come from?", read, key="revenue_markets", empty=empty, hint=hint) as any_:
        if any_:
            charts.draw(MARKETS, read, "markets", markets=names)
            lines = [_market_line(read, market, names) for market in by_market(read.result)]
            parts.draw_lines("revenue_markets", lines, ("Orders", "Own currency", "USD"), page=CUSTOMERS)


def _market_line(read: Read, market: str, names: Mapping[str, str]) -> tuple[str, Mapping[str, Any] | None, Sequence[str]]:
    """Its name opens its customers. Each currency is added up for itself."""
    rows = [row for row in read.rows if (row["market"] or "").strip() == market]
    own: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        own[row["currency"].strip()] += row["amount"] or 0
    said = ", ".join(money.short(amount, currency) for currency, amount in sorted(own.items(), key=lambda pair: -pair[1])[:2])
    label = names.get(market, market or NO_MARKET)
    return (
        label,
        {"market": names[market]} if market in names else None,
        (f"{sum(row['orders'] for row in rows):,}", said, usd(sum(row["revenue_usd"] or 0 for row in rows))),
    )


def _draw_cohorts(read: Read) -> None:
    empty, hint = "Nobody ordered for the first time then.", "Customers show here from their first order on."
    with parts.block("Who orders again?", read, key="revenue_cohorts", empty=empty, hint=hint) as any_:
        if any_:
            charts.draw(COHORTS, read, is_picked=False)
            if framing.frame() is None:
                st.html("<p class='tl-muted'>A cohort narrows nothing on this page. Explore tells what its customers ordered.</p>")
                st.page_link(
                    EXPLORE, label="Revenue by month of first order", icon=":material/arrow_forward:", icon_position="right", query_params=BY_FIRST_ORDER
                )


def _year(asked: Asked) -> Asked:
    return replace(asked, begins=last_year(asked)[0], earlier=None)


def _read_summary(reader: Reader, page: Page) -> Found:
    asked = page.asked
    return Found(
        reader("revenue_by_market", asked), reader.earlier("revenue_by_market", asked), NOTHING, reader("revenue_by_market", _year(asked)), NOTHING
    )  # fmt: skip


def _draw_summary(found: Found, page: Page) -> None:
    empty, hint = "Nothing was ordered in this time.", "Choose a longer time, or another market."
    with parts.block("Revenue in four figures", found.whole, key="revenue_summary", empty=empty, hint=hint) as any_:
        if any_:
            parts.draw_headline(headline(found, page.lookups.markets))
            _draw_tiles(found)


FIGURES: Mapping[str, Figure] = {
    "summary": Figure("revenue_by_market", _read_summary, _draw_summary),
    "months": Figure("revenue_by_market", lambda reader, page: reader("revenue_by_market", _year(page.asked)), lambda found, page: _draw_months(found)),
    "markets": Figure(
        "revenue_by_market", lambda reader, page: reader("revenue_by_market", page.asked), lambda found, page: _draw_markets(found, page.lookups.markets)
    ),
    "cohorts": Figure(
        "customer_cohorts", lambda reader, page: reader("customer_cohorts", _year(page.asked)), lambda found, page: _draw_cohorts(found)
    ),
}  # fmt: skip
