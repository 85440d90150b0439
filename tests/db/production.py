"""A production in memory, as bad or good as a test wants it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from crm.clock import now
from crm.customers.production import CustomerRow, OrderRow, RateRow

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class Memory:
    """Answers with the rows that it was given; `asked` are the `since` of each question. `breaks` ends a stream with that error after its rows."""

    customers_: list[CustomerRow] = field(default_factory=list)
    orders_: list[OrderRow] = field(default_factory=list)
    rates_: list[RateRow] = field(default_factory=list)
    breaks: dict[str, Exception] = field(default_factory=dict)
    asked: list[datetime | None] = field(default_factory=list)
    meanwhile: Any = None

    def customer(self, external_id: str, **given: Any) -> CustomerRow:
        values = {"name": f"Shop {external_id}", "market": "AE", "segment": "B2B", "email": None, "phone": None, "updated_at": LONG_AGO}
        row = CustomerRow(external_id, **{**values, **given})
        self.customers_.append(row)
        return row

    def order(self, external_id: str, customer: str, **given: Any) -> OrderRow:
        at = given.pop("at", now() - timedelta(days=10))
        values = {"ordered_at": at, "amount": Decimal("100.00"), "currency": "USD", "status": "delivered", "updated_at": at}
        row = OrderRow(external_id, **{"customer_id": customer, **values, **given})
        self.orders_.append(row)
        return row

    def rate(self, currency: str, day: date, usd: str) -> None:
        self.rates_.append(RateRow(currency, day, Decimal(usd)))

    def change(self, external_id: str, **given: Any) -> None:
        """Production changes an order or customer, now."""
        for rows in (self.orders_, self.customers_):
            for place, row in enumerate(rows):
                if row.external_id == external_id:
                    rows[place] = replace(row, **{"updated_at": now(), **given})

    def drop(self, external_id: str) -> None:
        self.orders_ = [row for row in self.orders_ if row.external_id != external_id]
        self.customers_ = [row for row in self.customers_ if row.external_id != external_id]

    def customers(self, since: datetime | None) -> Iterator[CustomerRow]:
        self.asked.append(since)
        yield from self._answer("customers", [row for row in self.customers_ if since is None or row.updated_at >= since])

    def orders(self, since: datetime | None) -> Iterator[OrderRow]:
        yield from self._answer("orders", [row for row in self.orders_ if since is None or row.updated_at >= since])

    def rates(self, since: datetime | None) -> Iterator[RateRow]:
        yield from self._answer("rates", [row for row in self.rates_ if since is None or row.day >= since.date()])

    def _answer(self, name: str, rows: list[Any]) -> Iterator[Any]:
        for row in rows:
            if self.meanwhile:
                self.meanwhile()
            yield row
        if name in self.breaks:
            raise self.breaks[name]
