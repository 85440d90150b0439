"""Any number of customers and orders by formula, for measuring: nothing is kept, and any place among the orders is found at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from crm.demo.chance import Dice
from crm.demo.markets import MARKETS
from crm.demo.rates import weekly_rates

BIG_PRIME = 2_654_435_761
MINUTE = timedelta(minutes=1)


class BulkProduction:
    """One order each minute from `begins` on. More orders with the same beginning and as many customers hold fewer ones."""

    def __init__(self, orders: int, customers: int, begins: datetime) -> None:
        self.count, self.buyers, self.begins = orders, customers, begins.replace(microsecond=0)
        dice = Dice(11)
        self.usd = [dice.lognormvariate(6, 0.9) for _ in range(997)]
        self.markets = [(code, market.currency, market.usd_per_unit) for code, market in MARKETS.items()]

    def customers(self, since: datetime) -> Iterator[dict[str, Any]]:
        updated = self.begins.isoformat()
        if since > self.begins:
            return
        for n in range(self.buyers):
            code, _, _ = self.markets[n % 11]
            yield {
                "id": n + 1, "name": f"Buyer {n + 1:07d}", "market": code, "segment": "B2B" if n % 3 else "B2C", "email": f"buyer{n + 1}@example.com",
                "phone": None, "updated_at": updated,
            }  # fmt: skip

    def orders(self, since: datetime) -> Iterator[dict[str, Any]]:
        first = max(0, -((self.begins - since) // MINUTE)) if since > self.begins else 0
        at = self.begins + first * MINUTE
        for n in range(first, self.count):
            buyer = n * BIG_PRIME % self.buyers
            _, currency, rate = self.markets[buyer % 11]
            moment = at.isoformat()
            yield {
                "id": n + 1, "customer_id": buyer + 1, "ordered_at": moment, "amount": round(self.usd[n % 997] / rate, 2), "currency": currency,
                "status": "cancelled" if n % 37 == 0 else "delivered", "updated_at": moment,
            }  # fmt: skip
            at += MINUTE

    def rates(self, since: datetime) -> Iterator[dict[str, Any]]:
        until: date = (self.begins + self.count * MINUTE).date()
        for currency, day, rate in weekly_rates(7, until, begins=self.begins.date() - timedelta(days=14)):
            if day >= since.date():
                yield {"currency": currency, "day": day.isoformat(), "usd_per_unit": rate}
