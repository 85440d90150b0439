"""Weekly exchange rates that look like the real thing and are the same for a seed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from crm.demo.organisation import MARKETS

WEEKS = 120


def weekly_rates(seed: int, today: date) -> Iterator[tuple[str, date, float]]:
    """(currency, valid from, USD for one unit) for the last `WEEKS` weeks; pegged currencies do not move."""
    for market in MARKETS.values():
        rng = Random(f"{seed} {market.currency}")  # noqa: S311 -- a demo, not a secret
        rate = market.usd_per_unit
        for week in range(WEEKS, -1, -1):
            yield market.currency, today - timedelta(days=today.weekday() + 7 * week), round(rate, 9)
            if market.swing:
                rate *= 1 + market.drift / 52 + rng.gauss(0, market.swing)


def newest(rates: list[tuple[str, date, float]]) -> dict[str, float]:
    """The last rate of each currency, with USD itself."""
    return {"USD": 1.0} | {currency: rate for currency, _, rate in sorted(rates, key=lambda row: row[1])}
