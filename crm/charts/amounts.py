"""Amounts, shares and days, as people read them in charts and on tiles."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from crm import money

NOTHING = "–"


def usd(amount: Any) -> str:
    return NOTHING if amount is None else money.short(Decimal(amount))


def share(value: Any) -> str:
    return NOTHING if value is None else f"{round(100 * float(value))}%"


def days(value: Any) -> str:
    return NOTHING if value is None else f"{float(value):,.0f} d"
