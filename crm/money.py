"""Money is a decimal amount and a currency, never a float. USD is what amounts are compared in.

Conversion itself happens in the database (`crm.to_usd`, migration 0001), at the rate of the day the
value was set, so that every door converts alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from crm.errors import Invalid

BASE_CURRENCY = "USD"
LARGEST_AMOUNT = Decimal("999999999999.99")
_CURRENCY = re.compile(r"^[A-Z]{3}$")
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount with two decimals in one currency (ISO 4217 code)."""

    amount: Decimal
    currency: str

    def as_json(self) -> dict[str, str]:
        return {"amount": f"{self.amount:.2f}", "currency": self.currency}


def read_amount(given: Any, *, field: str = "value") -> Decimal:
    """`given` (text, int or Decimal; floats through their shortest text) as a Decimal with two decimals."""
    try:
        amount = Decimal(str(given).strip().replace(" ", "").replace(" ", ""))
    except InvalidOperation:
        raise Invalid(f"“{given}” is not an amount. Write digits, such as 1250.00.", field=field) from None
    if not amount.is_finite():
        raise Invalid(f"“{given}” is not an amount.", field=field)
    if abs(amount) > LARGEST_AMOUNT:
        raise Invalid("That amount is larger than can be kept (999,999,999,999.99).", field=field)
    return amount.quantize(_CENT, rounding=ROUND_HALF_UP) + 0  # no negative zero: the database has none


def read_money(given: Any, *, field: str = "value", currency: str = BASE_CURRENCY) -> Money | None:
    """None, {"amount", "currency"}, Money or a bare amount (then in `currency`) as Money."""
    if given is None or isinstance(given, Money):
        return given
    if isinstance(given, dict):
        unknown = set(given) - {"amount", "currency"}
        if unknown or given.get("amount") is None:
            raise Invalid('Money is {"amount": "1250.00", "currency": "AED"}.', field=field)
        currency = str(given.get("currency") or currency)
        given = given["amount"]
    currency = currency.strip().upper()
    if not _CURRENCY.match(currency):
        raise Invalid(f"“{currency}” is not a currency code such as USD or AED.", field=field)
    return Money(read_amount(given, field=field), currency)


def short(amount: Decimal | float | int | None, currency: str = BASE_CURRENCY) -> str:
    """ "$12.4k", "$2.1M", "$871"; other currencies as "AED 3,200". Empty for None."""
    if amount is None:
        return ""
    value = float(amount)
    sign, value = ("−" if value < 0 else ""), abs(value)
    if value >= 999_500:  # what rounds to 1,000k
        text = f"{value / 1_000_000:.1f}M"
    elif value >= 10_000:
        text = f"{value / 1000:.0f}k" if value >= 99_950 else f"{value / 1000:.1f}k"
    else:
        text = f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:,.2f}"
    return f"{sign}${text}" if currency == BASE_CURRENCY else f"{sign}{currency} {text}"
