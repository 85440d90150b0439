"""The demo's production: what its buyers have ordered by any moment. Made from a seed and a list of buyers, so nothing else is kept.

A later moment only adds orders and moves on those that were there: they are delivered, sometimes cancelled or paid back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson

from crm.demo.chance import Dice
from crm.demo.markets import MARKETS
from crm.demo.rates import weekly_rates

FILE = Path("production") / "customers.jsonl"
DAY = 86_400
HOUR = 3_600
CANCELLED_SHARE = 0.03
REFUNDED_SHARE = 0.022
USD_PER_UNIT = {"USD": 1.0} | {market.currency: market.usd_per_unit for market in MARKETS.values()}


@dataclass(frozen=True, slots=True)
class Buyer:
    """Somebody who orders every `gap_days` or so for about `usd`, from `begins_at` on until `ends_at` (seconds; None: still)."""

    id: int
    name: str
    market: str
    segment: str
    email: str | None
    phone: str | None
    currency: str
    usd: float
    gap_days: float
    begins_at: int
    ends_at: int | None = None


@dataclass(frozen=True, slots=True)
class DemoProduction:
    """`rates_begin` is the Monday of the first exchange rate, so that rates of past weeks stay what they were."""

    seed: int
    rates_begin: date
    buyers: Sequence[Buyer]

    def write(self, data_dir: Path) -> None:
        """Into the data folder, at once or not at all."""
        path = data_dir / FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [{"seed": self.seed, "rates_begin": self.rates_begin.isoformat()}, *map(asdict, self.buyers)]
        draft = path.with_suffix(".draft")
        draft.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
        draft.replace(path)

    @classmethod
    def read(cls, data_dir: Path) -> DemoProduction:
        first, *lines = map(orjson.loads, (data_dir / FILE).read_bytes().splitlines())
        return cls(first["seed"], date.fromisoformat(first["rates_begin"]), [Buyer(**line) for line in lines])

    def customers(self, since: datetime, now: datetime) -> Iterator[dict[str, Any]]:
        """Who has joined by `now`, and not before `since`: on the day before the first order."""
        low, high = since.timestamp(), now.timestamp()
        for buyer in self.buyers:
            joined = buyer.begins_at - DAY
            if low <= joined <= high:
                yield {
                    "id": buyer.id, "name": buyer.name, "market": buyer.market, "segment": buyer.segment, "email": buyer.email, "phone": buyer.phone,
                    "updated_at": _moment(joined),
                }  # fmt: skip

    def orders(self, since: datetime, now: datetime) -> Iterator[dict[str, Any]]:
        low, high = since.timestamp(), now.timestamp()
        for buyer in self.buyers:
            yield from _orders(buyer, self.seed, low, high)

    def rates(self, since: datetime, now: datetime) -> Iterator[dict[str, Any]]:
        """Valid from the day of `since` or later, and the one that holds on that day."""
        newest: dict[str, dict[str, Any]] = {}
        for currency, day, rate in weekly_rates(self.seed, now.date(), begins=self.rates_begin):
            row = {"currency": currency, "day": day.isoformat(), "usd_per_unit": rate}
            if day > since.date():
                if currency in newest:
                    yield newest.pop(currency)
                yield row
            else:
                newest[currency] = row
        yield from newest.values()


def _orders(buyer: Buyer, seed: int, low: float, high: float) -> Iterator[dict[str, Any]]:
    """The buyer's orders up to `high` that came or changed since `low`. Each takes as many dice as the others, whatever the moment."""
    dice = Dice(f"{seed} {buyer.id}")
    tomorrow = (high // DAY + 1) * DAY  # the hour is thrown only below: an order of this morning may stand at this evening here
    chance, ends_at = dice.random, min(tomorrow, buyer.ends_at or tomorrow)
    unit, at, number = buyer.usd / USD_PER_UNIT[buyer.currency], float(buyer.begins_at), 0
    while at <= ends_at:
        number += 1
        ordered_at = int(at // DAY * DAY + (5 + 6 * (chance() + chance())) * HOUR)
        amount = unit * dice.lognormvariate(0, 0.42)
        status, changed_at = _fate(ordered_at, chance(), chance())
        at += DAY * buyer.gap_days * (0.35 + 1.3 * chance())
        if ordered_at > high:
            continue
        if changed_at > high:
            status, changed_at = "placed", ordered_at
        if changed_at >= low:
            yield {
                "id": buyer.id * 10_000 + number, "customer_id": buyer.id, "ordered_at": _moment(ordered_at), "amount": round(amount, 2),
                "currency": buyer.currency, "status": status, "updated_at": _moment(changed_at),
            }  # fmt: skip


def _fate(ordered_at: int, chance: float, when: float) -> tuple[str, int]:
    """What becomes of an order in the end, and at which moment."""
    if chance < CANCELLED_SHARE:
        return "cancelled", ordered_at + int((2 + 28 * when) * HOUR)
    if chance < CANCELLED_SHARE + REFUNDED_SHARE:
        return "refunded", ordered_at + int((3 + 17 * when) * DAY)
    return "delivered", ordered_at + int((1 + 3 * when) * DAY)


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
