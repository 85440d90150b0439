"""Dates and amounts as people write them. What can be read in two ways is asked about, never guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from crm.errors import Invalid
from crm.imports.files import Cell, as_text
from crm.money import Money, read_amount

DateOrder = Literal["dmy", "mdy", "ymd"]
ORDERS: tuple[DateOrder, ...] = ("dmy", "mdy", "ymd")
ORDER_WORDS = {"dmy": "day, month, year", "mdy": "month, day, year", "ymd": "year, month, day"}
LONGEST = 60  # no date or amount is longer; what is longer is not even looked at
NOTHING = {"", "-", "–", "—", "n/a", "null"}
_CLOCK = r"(?:[T ]+\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp][Mm])?(?:Z|[+-]\d{2}:?\d{2})?)?"
_NUMERIC = re.compile(rf"(\d{{1,4}})([-/. ])(\d{{1,2}})\2(\d{{1,4}}){_CLOCK}\Z")
_NAMED = re.compile(rf"(?:(\d{{1,2}})[-. ]*([A-Za-z]{{3,9}})|([A-Za-z]{{3,9}})[. ]+(\d{{1,2}}))[-,. ]+(\d{{4}}|\d{{2}}){_CLOCK}\Z")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def _year(digits: str) -> int:
    """Two digits are this century up to 68, as in POSIX."""
    number = int(digits)
    return number if len(digits) > 2 else number + (2000 if number < 69 else 1900)


def _ordered(parts: tuple[str, str, str], order: DateOrder) -> date | None:
    named = dict(zip(order, parts, strict=True))
    if len(named["d"]) > 2 or len(named["m"]) > 2 or len(named["y"]) == 3:
        return None
    try:
        return date(_year(named["y"]), int(named["m"]), int(named["d"]))
    except ValueError:
        return None


def date_orders(cell: Cell) -> frozenset[DateOrder] | None:
    """The orders in which the cell is a date; None where its order is no question."""
    found = _NUMERIC.match(as_text(cell)) if isinstance(cell, str) and len(cell) <= LONGEST else None
    if found is None or len(found[1]) == 4:
        return None
    parts = (found[1], found[3], found[4])
    return frozenset(order for order in ORDERS if _ordered(parts, order)) or None


def read_date(cell: Cell, order: DateOrder | None, *, field: str) -> date | None:
    """The day; None for nothing. Raises `Invalid`; `order` is needed only where `date_orders` says so."""
    if isinstance(cell, date):
        return cell.date() if isinstance(cell, datetime) else cell
    text = as_text(cell)
    if text.lower() in NOTHING:
        return None
    if len(text) > LONGEST:
        raise Invalid(f"“{_short(text)}” is not a date. Write it as 2026-12-31.", field=field)
    if found := _NUMERIC.match(text):
        parts = (found[1], found[3], found[4])
        if len(found[1]) == 4:
            order = "ymd"
        if order and (day := _ordered(parts, order)):
            return day
        raise Invalid(f"“{text}” is no date in the order {ORDER_WORDS[order or 'ymd']}.", field=field)
    if found := _NAMED.match(text):
        month = (found[2] or found[3])[:3].lower()
        day = _ordered((found[1] or found[4], str(_MONTHS.index(month) + 1), found[5]), "dmy") if month in _MONTHS else None
        if day:
            return day
    raise Invalid(f"“{_short(text)}” is not a date. Write it as 2026-12-31.", field=field)


def settle_order(columns: Iterable[tuple[str, str, frozenset[DateOrder]]]) -> DateOrder | None:
    """The one order in which every date of a file can be read, from (column, example, possible orders).

    Raises `Invalid` where several remain; None where no date needs one.
    """
    left: set[DateOrder] = set(ORDERS)
    named: list[tuple[str, str]] = []
    for column, example, orders in columns:
        left &= orders
        named.append((column, example))
    if not named:
        return None
    column, example = named[0]
    if len(left) != 1:
        why = "can be read in more than one way" if left else "and other dates do not follow one order"
        raise Invalid(f"Column “{column}”: dates such as {example} {why}. Say which it is: --date-order dmy, mdy or ymd.", field="date_order")
    return left.pop()


# Amounts

Mark = Literal[".", ","]
SYMBOLS = {"€": "EUR", "£": "GBP", "$": "USD", "₹": "INR", "zł": "PLN", "us$": "USD"}
_UNIT = r"[A-Za-z]{3}|[A-Za-z]{0,2}\$|[€£₹]|zł"
_AMOUNT = re.compile(
    rf"(?P<open>\()?\s*(?P<before>{_UNIT})?\s*(?P<sign>[-+−])?\s*(?P<inner>{_UNIT})?\s*(?P<digits>\d[\d.,'’\s]*|[.,]\d+)\s*(?P<after>{_UNIT})?\s*(?P<close>\))?\Z"
)
_BLANKS = re.compile(r"['’\s]")
_GROUPED = re.compile(r"\d{1,3}(?:[.,]\d{3})+\Z")


def decimal_mark(cell: Cell) -> Mark | None:
    """What this cell proves about the file's decimal mark: the last of two kinds of marks, or one that no thousands mark could be."""
    found = _AMOUNT.match(as_text(cell)) if isinstance(cell, str) and len(cell) <= LONGEST else None
    if found is None:
        return None
    digits = _BLANKS.sub("", found["digits"])
    dot, comma = digits.rfind("."), digits.rfind(",")
    if dot >= 0 and comma >= 0:
        return "." if dot > comma else ","
    mark: Mark = "." if dot >= 0 else ","
    if max(dot, comma) < 0:
        return None
    if digits.count(mark) > 1:
        return "," if mark == "." else "."
    return None if _GROUPED.match(digits) and not digits.startswith("0") else mark


def read_value(cell: Cell, currency: str, mark: Mark | None) -> Money | None:
    """The amount with its currency: the cell's own, else `currency`. None for nothing. Raises `Invalid`.

    `mark` is the file's decimal mark where its other cells prove one.
    """
    if isinstance(cell, (bool, date)):
        raise Invalid(f"“{as_text(cell)}” is not an amount.", field="value")
    if isinstance(cell, (int, float)):
        return Money(read_amount(repr(cell)), _code(currency))
    text = as_text(cell)
    if text.lower() in NOTHING:
        return None
    found = _AMOUNT.match(text) if len(text) <= LONGEST else None
    if found is None or bool(found["open"]) != bool(found["close"]):
        raise Invalid(f"“{_short(text)}” is not an amount. Write digits, such as 1250.00.", field="value")
    units = {SYMBOLS.get(unit.lower(), unit.upper()) for unit in (found["before"], found["inner"], found["after"]) if unit}
    if len(units) > 1 or (units and currency and units != {currency.strip().upper()}):
        raise Invalid(f"“{_short(text)}” names one currency and the row another ({currency or ', '.join(sorted(units))}).", field="value")
    amount = read_amount(_plain_digits(_BLANKS.sub("", found["digits"]), mark, text))
    return Money(-amount if found["open"] or found["sign"] in ("-", "−") else amount, _code(units.pop() if units else currency))


def _code(currency: str) -> str:
    code = currency.strip().upper() or "USD"
    if not re.fullmatch(r"[A-Z]{3}", code):
        raise Invalid(f"“{_short(currency)}” is not a currency code such as USD or AED.", field="currency")
    return code


def _plain_digits(digits: str, mark: Mark | None, text: str) -> Decimal:
    """`digits` without thousands marks and with a dot."""
    dots, commas = digits.count("."), digits.count(",")
    proven = decimal_mark(digits)
    if proven is None and dots + commas == 1:  # 1,234 or 1.234: three digits behind the only mark
        if mark is None and dots:
            raise Invalid(f"“{_short(text)}” can be one thousand or one with decimals. Write 1234.00, or let another row show the decimal mark.", field="value")
        proven = mark or "."
    proven = proven or mark or "."
    whole, _, rest = digits.rpartition(proven) if proven in digits else (digits, "", "")
    groups = whole.replace("," if proven == "." else ".", "|")
    if proven in whole or ("|" in groups and not re.fullmatch(r"\d{1,3}(\|\d{2,3})*\|\d{3}", groups)) or "." in rest or "," in rest:
        raise Invalid(f"“{_short(text)}” is not an amount: its thousands are not grouped.", field="value")
    return Decimal(f"{groups.replace('|', '') or '0'}.{rest or '0'}")


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
