"""What was ordered, month by month and market by market."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal

from crm.charts.months import months_shown
from crm.charts.parts import Drawing, bars, drawing, height_of, labels, lying
from crm.charts.seen import Seen
from crm.reports.use_cases import ReportResult

NO_MARKET = "Without a market"
MOST_MARKETS = 10


def months(seen: Seen) -> Drawing | None:
    """Revenue by month; a click stands for the month."""
    found = by_month(seen.result)
    bar = bars([f"{month:%b %Y}" for month in found], [usd for usd, _ in found.values()], name="Revenue", tone="accent", is_money=True,
               stands_for=[f"{month:%Y-%m}" for month in found])  # fmt: skip
    return drawing(bar, y_title="USD at each order's day", says="Revenue by month")


def markets(seen: Seen) -> Drawing | None:
    """Revenue by market; a click stands for the market's code."""
    found = by_market(seen.result)
    codes = list(found)[:MOST_MARKETS]
    names = labels([seen.markets.get(code, code or NO_MARKET) for code in codes])
    bar = lying(names, [found[code] for code in codes], name="Revenue", tone="accent", is_money=True, stands_for=codes)
    return drawing(bar, x_title="USD", height=height_of(names), says="Revenue by market")


def by_market(result: ReportResult | None) -> dict[str, Decimal]:
    """Market -> its revenue, the largest first; "" for orders without one."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for row in result.rows if result else ():
        found[(row["market"] or "").strip()] += row["revenue_usd"] or 0
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def by_month(result: ReportResult | None) -> dict[date, tuple[Decimal, int]]:
    """Month -> what was ordered, in USD, and how many orders; every month that its chart shows, none where nothing was ordered in any."""
    if result is None or not result.rows or result.period is None:
        return {}
    shown = months_shown(result.period, [row["month"].isoformat()[:7] for row in result.rows])
    found = dict.fromkeys(shown, (Decimal(0), 0))
    for row in result.rows:
        usd, count = found[row["month"]]
        found[row["month"]] = (usd + (row["revenue_usd"] or 0), count + row["orders"])
    return found
