"""Weekly exchange rates that look like the real thing and are the same for a seed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from crm.demo.markets import MARKETS

WEEKS = 120


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def weekly_rates(seed: int, today: date, *, begins: date | None = None) -> Iterator[tuple[str, date, float]]:
    """(currency, valid from, USD for one unit) for each week from that of `begins` (or `WEEKS` weeks ago) on; pegged currencies do not move.

    The same seed and beginning give the same rates whatever day it is: later days only add to them.
    """
    first = monday(begins) if begins else monday(today) - timedelta(weeks=WEEKS)
    for market in MARKETS.values():
        rng = Random(f"{seed} {market.currency}")  # noqa: S311 -- a demo, not a secret
        rate, day = market.usd_per_unit, first
        while day <= today:
            yield market.currency, day, round(rate, 9)
            if market.swing:
                rate *= 1 + market.drift / 52 + rng.gauss(0, market.swing)
            day += timedelta(weeks=1)


def newest(rates: list[tuple[str, date, float]]) -> dict[str, float]:
    """The last rate of each currency, with USD itself."""
    return {"USD": 1.0} | {currency: rate for currency, _, rate in sorted(rates, key=lambda row: row[1])}
