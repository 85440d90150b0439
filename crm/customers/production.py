"""What the sync asks of production, in our words. A connector answers it; nothing here knows how."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from crm.errors import CrmError


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """One customer as production knows it. `market` is two capital letters; `segment` as production calls it, "B2B" or "B2C" for the shipped rule."""

    external_id: str
    name: str
    market: str | None
    segment: str | None
    email: str | None
    phone: str | None
    updated_at: datetime


@dataclass(slots=True)  # not frozen: a million of them come in a row, and freezing costs three times the making
class OrderRow:
    """One order. `amount` has two decimals and is in `currency` (three capital letters); `status` is in small letters. Moments are aware, in UTC."""

    external_id: str
    customer_id: str
    ordered_at: datetime
    amount: Decimal
    currency: str
    status: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class RateRow:
    """What one unit of `currency` was worth in USD from `day` on; above zero."""

    currency: str
    day: date
    usd_per_unit: Decimal


class BadAnswer(CrmError):
    """Production did not answer, or not with what was asked for: nothing of this answer may be kept.

    `kind` is one word for the alarm row ("unreachable", "html", "columns"...); the detail is a kind sentence
    to people and never holds the key, a row's content or an address with a password.
    """

    status = 502
    title = "Production did not answer well"

    def __init__(self, kind: str, detail: str, **facts: Any) -> None:
        super().__init__(detail, kind=kind, **facts)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class WriteProof:
    """Whether each write that was tried through the key was refused, and the sentence to show beside the connection."""

    is_proven: bool
    sentence: str


class Production(Protocol):
    """Read-only production. Rows come as a stream while they are read; memory does not grow with their number.

    `since` asks for what was updated at that moment or later (rates: valid from that day or later); None asks for everything.
    A stream raises `BadAnswer` at the first thing that is wrong, which may be after its last good row:
    keep nothing of a stream that did not end by itself. An empty stream is no error here, and whether an id
    may come twice is the caller's to judge.
    """

    def customers(self, since: datetime | None) -> Iterator[CustomerRow]: ...

    def orders(self, since: datetime | None) -> Iterator[OrderRow]: ...

    def rates(self, since: datetime | None) -> Iterator[RateRow]: ...
