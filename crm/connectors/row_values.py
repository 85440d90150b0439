"""Rows of a saved question as our words. Strict: a value that cannot be meant as it stands makes the whole answer bad, named by row and column."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any, Generic, TypeVar

from crm.customers.production import BadAnswer, CustomerRow, OrderRow, RateRow
from crm.money import LARGEST_AMOUNT

Row = TypeVar("Row")
Place = tuple[str, Callable[[Any], Any]]
"""What a column is called in an answer, and how its values are read."""
LONGEST_TEXT = 300
LONGEST_ID = 100
USUAL_AMOUNT = 1e12
LARGEST_RATE = Decimal(100_000)
FIRST_YEAR, LAST_YEAR = 1970, 2100
_CENT = Decimal("0.01")
_TINY = Decimal("0.000000001")
_NUMBER = re.compile(r"-?\d{1,30}(\.\d{1,30})?(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)
_CURRENCY = re.compile(r"[A-Z]{3}")
_MARKET = re.compile(r"[A-Z]{2}")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_NOT_NAME = re.compile(r"[\W_]+")
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


class Unfit(Exception):
    """A value cannot be taken; the text says what the column takes, never what it held."""

    def __init__(self, kind: str, takes: str) -> None:
        super().__init__(takes)
        self.kind, self.takes = kind, takes


def plain(name: str) -> str:
    """A column's name without case, spaces and underscores: "Customer ID" -> "customerid"."""
    return _NOT_NAME.sub("", name).lower()


def external_id(given: Any) -> str:
    if type(given) is int:
        return str(given)
    found = given.strip() if isinstance(given, str) else ""
    if not found or len(found) > LONGEST_ID or _UNFIT.search(found):
        raise Unfit("id", f"a whole number, or a text of up to {LONGEST_ID} characters")
    return found


def text(given: Any) -> str | None:
    """Without needless blanks, cut at `LONGEST_TEXT`; None where there is nothing."""
    if given is None or given == "":
        return None
    if isinstance(given, bool) or not isinstance(given, (str, int, float)):
        raise Unfit("value", "a text")
    return " ".join(_UNFIT.sub(" ", str(given)).split())[:LONGEST_TEXT] or None


def name(given: Any) -> str:
    found = text(given)
    if found is None:
        raise Unfit("value", "a name")
    return found


def mail(given: Any) -> str | None:
    """An address, or None: people type all sorts of things into such a field, and a customer is worth having without it."""
    found = text(given)
    return found if found and _MAIL.fullmatch(found) else None


@lru_cache(maxsize=1000, typed=True)
def market(given: Any) -> str | None:
    found = text(given)
    if found is None:
        return None
    if not _MARKET.fullmatch(found.upper()):
        raise Unfit("value", "a country's two letters, such as AE")
    return found.upper()


@lru_cache(maxsize=1000, typed=True)
def currency(given: Any) -> str:
    found = given.strip().upper() if isinstance(given, str) else ""
    if not _CURRENCY.fullmatch(found):
        raise Unfit("currency", "a currency's three letters, such as AED")
    return found


def number(given: Any) -> Decimal:
    """Exact for what JSON writes with up to 15 digits: a float's shortest text is what was written."""
    if isinstance(given, float):
        found = Decimal(repr(given))
    elif type(given) is int or (isinstance(given, str) and _NUMBER.fullmatch(given.strip())):
        found = Decimal(given)
    else:
        raise Unfit("amount", "a plain number, such as 1250.00")
    if not found.is_finite():
        raise Unfit("amount", "a plain number, such as 1250.00")
    return found


def amount(given: Any) -> Decimal:
    """Two decimals, half a cent away from zero."""
    if type(given) is float and 0 < given < USUAL_AMOUNT:
        text = f"{given:.2f}"
        if float(text) == given:  # nearly all: no more than two decimals, and nothing to round
            return Decimal(text)
    found = number(given)
    if not -LARGEST_AMOUNT <= found <= LARGEST_AMOUNT:
        raise Unfit("amount", "an amount of up to 999,999,999,999.99")
    return found.quantize(_CENT, rounding=ROUND_HALF_UP) + 0


def rate(given: Any) -> Decimal:
    found = number(given)
    if not _TINY <= found <= LARGEST_RATE:
        raise Unfit("amount", "a rate above zero: USD for one unit")
    return found.quantize(_TINY, rounding=ROUND_HALF_UP)


def moment(given: Any) -> datetime:
    """Aware, in UTC; what comes without an offset is meant as UTC."""
    try:
        found = datetime.fromisoformat(given)
        if found.tzinfo is not UTC:
            found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise Unfit("date", "a moment such as 2026-03-01T09:30:00Z") from None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise Unfit("date", f"a moment from {FIRST_YEAR} to {LAST_YEAR}")
    return found


def day(given: Any) -> date:
    """The calendar day as written, whatever offset stands behind it."""
    moment(given)
    return datetime.fromisoformat(given).date()


@lru_cache(maxsize=1000, typed=True)
def status(given: Any) -> str:
    return (text(given) or "").lower()


def _nothing(_given: Any) -> None:
    """What a column reads that the question leaves out."""


class Columns(Generic[Row]):
    """What a saved question answers, column by column, and the word that a row becomes."""

    def __init__(self, question: str, make: Callable[..., Row], columns: Mapping[str, Callable[[Any], Any]], *, optional: Iterable[str] = ()) -> None:
        self.question, self.make, self.columns, self.optional = question, make, columns, frozenset(optional)

    def read(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
        """Each row as its word. Raises `BadAnswer` at the first value that cannot be taken."""
        places: dict[tuple[str, ...], list[Place]] = {}
        for at, row in enumerate(rows, 1):
            header = tuple(row)
            found = places.get(header)
            if found is None:
                if len(places) > 8:
                    raise BadAnswer("columns", f"The rows of the question for {self.question} do not have the same columns.")
                found = places[header] = self._places(header)
            try:
                values = [read(row[column]) for column, read in found]
            except (Unfit, TypeError):  # TypeError: a list or an object, where a value is looked up
                raise self._unfit(at, row, found) from None
            yield self.make(*values)

    def _places(self, header: tuple[str, ...]) -> list[Place]:
        """For each of our columns, in order."""
        theirs: dict[str, str] = {}
        for column in header:
            if plain(column) in theirs and plain(column) in {plain(ours) for ours in self.columns}:
                raise BadAnswer("columns", f"The question for {self.question} has two columns that could be “{column}”.")
            theirs[plain(column)] = column
        missing = [ours for ours in self.columns if plain(ours) not in theirs and ours not in self.optional]
        if missing:
            words = ", ".join(missing)
            raise BadAnswer("columns", f"The question for {self.question} lacks the columns {words}. It needs {', '.join(self.columns)}.")
        return [(theirs[plain(ours)], read) if plain(ours) in theirs else (header[0], _nothing) for ours, read in self.columns.items()]

    def _unfit(self, at: int, row: Mapping[str, Any], found: list[Place]) -> BadAnswer:
        for ours, (column, read) in zip(self.columns, found, strict=True):
            try:
                read(row[column])
            except TypeError:
                return BadAnswer("value", f"Row {at:,} of the question for {self.question}: “{ours}” holds no plain value.", row=at, column=ours)
            except Unfit as unfit:
                return BadAnswer(unfit.kind, f"Row {at:,} of the question for {self.question}: “{ours}” takes {unfit.takes}.", row=at, column=ours)
        raise AssertionError("a row that was unfit is fit")


CUSTOMERS = Columns(
    "customers", CustomerRow,
    {"id": external_id, "name": name, "market": market, "segment": text, "email": mail, "phone": text, "updated_at": moment},
    optional=("email", "phone"),
)  # fmt: skip
ORDERS = Columns(
    "orders", OrderRow,
    {"id": external_id, "customer_id": external_id, "ordered_at": moment, "amount": amount, "currency": currency, "status": status, "updated_at": moment},
)  # fmt: skip
RATES = Columns("exchange rates", RateRow, {"currency": currency, "day": day, "usd_per_unit": rate})
