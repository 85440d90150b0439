"""The kinds of custom fields: how a value of each is read. The JSON form is the canonical one, so what is read once reads the same again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from crm.changes.records import LARGEST_WHOLE, CustomField, Field
from crm.errors import Invalid
from crm.money import Money, read_money

KINDS: Mapping[str, str] = {
    "text": "Text", "number": "Number", "money": "Money", "date": "Date", "flag": "Yes or no", "choice": "Choice", "choices": "Several choices",
    "link": "Link", "person": "Person",
}  # fmt: skip
CHOOSING = ("choice", "choices")
COMPARED = ("text", "number", "date", "link")
"""Kinds whose values can be asked to be unique."""
LONGEST_TEXT, LONGEST_LINK = 4000, 2000
LARGEST_NUMBER = 10**15
DECIMALS = Decimal("0.000001")
MOST_OPTIONS, LONGEST_OPTION = 200, 100
_NUMBER = re.compile(r"[-+−]?(\d{1,3}(,\d{3})+|\d{1,20})?(\.\d{1,20})?\Z")
_MONEY = re.compile(r"(?P<before>[A-Za-z]{3}|[$€£])?\s*(?P<amount>[-+−]?\s*[\d.,\s]{1,30})\s*(?P<after>[A-Za-z]{3})?\Z")
_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP"}
_SITE = re.compile(r"[\w-]+(\.[\w-]+)+(:\d+)?([/?#]\S*)?\Z")
_YES_NO = {"yes": True, "true": True, "y": True, "1": True, "no": False, "false": False, "n": False, "0": False}


@dataclass(frozen=True, slots=True)
class Definition:
    """One custom field as it stands."""

    id: int
    version: int
    team_id: int | None
    record_type: str
    key: str
    label: str
    kind: str
    options: tuple[str, ...] = ()
    is_required: bool = False
    is_unique: bool = False
    default: Any = None
    help: str | None = None
    position: int = 0

    @property
    def name(self) -> str:
        """As edits, conflicts and change rows call it."""
        return f"custom.{self.key}"

    @property
    def said(self) -> str:
        """The label as a stage's requirement says it: "a segment" would guess, “Segment” does not."""
        return f"“{self.label}”"


People = Callable[[str], Iterable[int]]
"""Ids of the active people with this name."""


def nobody(name: str) -> Iterable[int]:
    return ()


@dataclass(frozen=True)
class TypedField(CustomField):
    """A custom field that knows its kind. Raises `Invalid` with the label in words."""

    definition: Definition = Definition(0, 0, None, "lead", "x", "X", "text")
    people: People = field(default=nobody, compare=False)

    def read(self, given: Any) -> Any:
        if isinstance(given, str):
            given = Field.read(Field(self.name, self.label, "long_text"), given)
        if given is None or given in ("", [], ()):
            if self.is_required:
                raise Invalid(f"{self.label} cannot be empty.", field=self.name)
            return None
        if isinstance(given, int) and abs(given) >= LARGEST_WHOLE:
            raise self.refuse("is too large a number.")
        return _READERS[self.definition.kind](self, given)

    def refuse(self, words: str) -> Invalid:
        return Invalid(f"{self.label} {words}", field=self.name)


def typed(definition: Definition, people: People = nobody) -> TypedField:
    """The field that reads values of `definition`; `people` finds people by name."""
    return TypedField(definition.name, definition.label, is_required=definition.is_required, definition=definition, people=people)


def _read_text(spec: TypedField, given: Any) -> str:
    if isinstance(given, (int, float, Decimal)) and not isinstance(given, bool):
        number = _read_number(spec, given)
        given = str(number)
    if not isinstance(given, str):
        raise spec.refuse("takes text.")
    if len(given) > LONGEST_TEXT:
        raise spec.refuse(f"takes up to {LONGEST_TEXT:,} characters; this has {len(given):,}.")
    return given


def _read_number(spec: TypedField, given: Any) -> int | float:
    """Up to 15 digits before the point and 6 after it; whole ones are whole."""
    if isinstance(given, str):
        if not _NUMBER.match(given) or not any(sign.isdecimal() for sign in given):
            raise spec.refuse(f"takes a number such as 1250.5, and “{given[:40]}” is none.")
        given = given.replace(",", "").replace("−", "-")
    if isinstance(given, bool) or not isinstance(given, (int, float, Decimal, str)):
        raise spec.refuse("takes a number.")
    if isinstance(given, int) and abs(given) >= LARGEST_NUMBER:
        raise spec.refuse("is too large a number.")
    try:
        number = Decimal(str(given))
    except InvalidOperation:
        raise spec.refuse("takes a number.") from None
    if not number.is_finite():
        raise spec.refuse("takes a number.")
    if abs(number) >= LARGEST_NUMBER:
        raise spec.refuse("is too large a number.")
    number = number.quantize(DECIMALS)
    if number == int(number):
        return int(number)
    found = float(number)  # the nearest that JSON readers keep; large ones lose their decimals so
    return int(found) if found.is_integer() else found


def _read_money(spec: TypedField, given: Any) -> dict[str, str]:
    if isinstance(given, str):
        found = _MONEY.match(given)
        if not found or (found["before"] and found["after"]):
            raise spec.refuse(f"takes an amount with its currency, such as AED 1250.00; “{given[:40]}” is none.")
        unit = found["before"] or found["after"] or "USD"
        given = {"amount": re.sub(r"[,\s]", "", found["amount"]).replace("−", "-"), "currency": _SIGNS.get(unit, unit)}
    if isinstance(given, bool) or not isinstance(given, (int, float, Decimal, dict, Money)):
        raise spec.refuse('takes money, such as {"amount": "1250.00", "currency": "AED"}.')
    if isinstance(given, dict) and not isinstance(given.get("amount"), (str, int, float, Decimal)):
        raise spec.refuse('takes money, such as {"amount": "1250.00", "currency": "AED"}.')
    try:
        money = read_money(given, field=spec.name)
    except Invalid as error:
        raise spec.refuse(f"takes an amount with its currency. {error.detail}") from None
    assert money is not None
    return money.as_json()


def _read_date(spec: TypedField, given: Any) -> str:
    if not isinstance(given, (str, date)):
        raise spec.refuse("takes a date such as 2026-12-31.")
    day: date = Field(spec.name, spec.label, "date").read(given[:60] if isinstance(given, str) else given)
    return day.isoformat()


def _read_flag(spec: TypedField, given: Any) -> bool:
    if isinstance(given, str) and given.casefold() in _YES_NO:
        return _YES_NO[given.casefold()]
    if not isinstance(given, bool):
        raise spec.refuse("takes yes or no.")
    return given


def _option(spec: TypedField, given: Any) -> str:
    options = spec.definition.options
    if isinstance(given, str):
        if given in options:
            return given
        for option in options:
            if option.casefold() == given.strip().casefold():
                return option
    shown = ", ".join(options[:12]) + (f" and {len(options) - 12} more" if len(options) > 12 else "")
    said = f"“{given[:40]}” is not among them" if isinstance(given, str) else "this is not among them"
    raise spec.refuse(f"takes one of: {shown}; {said}.")


def _read_choices(spec: TypedField, given: Any) -> list[str] | None:
    """In the options' order, each once; text is several with commas between, unless it is an option itself."""
    if isinstance(given, str):
        is_one = any(option.casefold() == given.casefold() for option in spec.definition.options)
        given = [given] if is_one else [part for part in re.split(r"\s*[,;]\s*", given) if part]
    if not isinstance(given, (list, tuple)) or len(given) > MOST_OPTIONS:
        raise spec.refuse("takes a list of its choices.")
    chosen = {_option(spec, each) for each in given}
    return [option for option in spec.definition.options if option in chosen] or None


def _read_link(spec: TypedField, given: Any) -> str:
    """Only what a browser opens as a page: no script, no file, nothing hidden in it."""
    if not isinstance(given, str):
        raise spec.refuse("takes the address of a page.")
    if len(given) > LONGEST_LINK:
        raise spec.refuse(f"takes up to {LONGEST_LINK:,} characters; this has {len(given):,}.")
    link = f"https://{given}" if "://" not in given and _SITE.match(given) else given
    try:
        parts = urlsplit(link)
        is_page = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        is_page = False
    if not is_page or re.search(r"[\s<>\"'`\\\x00-\x1f\x7f]", link):
        raise spec.refuse(f"takes the address of a page, such as https://acme.example; “{given[:40]}” is none.")
    return link


def _read_person(spec: TypedField, given: Any) -> int:
    if isinstance(given, str) and not given.isdecimal():
        found = list(spec.people(given))
        if len(found) != 1:
            many = "more than one person is called" if found else "nobody here is called"
            raise spec.refuse(f"takes a person, and {many} “{given[:60]}”.")
        return found[0]
    if isinstance(given, bool) or not isinstance(given, (int, str)):
        raise spec.refuse("takes a person.")
    number: int = Field(spec.name, spec.label, "id").read(given)
    if number < 1:
        raise spec.refuse("takes a person.")
    return number


_READERS: Mapping[str, Callable[[TypedField, Any], Any]] = {
    "text": _read_text, "number": _read_number, "money": _read_money, "date": _read_date, "flag": _read_flag, "choice": _option,
    "choices": _read_choices, "link": _read_link, "person": _read_person,
}  # fmt: skip


def _money_text(value: Mapping[str, Any]) -> str:
    try:
        amount = f"{Decimal(str(value.get('amount'))):,.2f}"
    except InvalidOperation:
        amount = str(value.get("amount", ""))
    return f"{value.get('currency', '')} {amount}".strip()


def text_of(kind: str, value: Any, people: Mapping[int, str] | None = None) -> str:
    """A value in words, whatever it is (a field that changed its kind may still meet old ones); "" for none."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if kind == "person" and isinstance(value, int):
        return (people or {}).get(value, f"no. {value}")
    if isinstance(value, Mapping):
        return _money_text(value)
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    return f"{value:,}" if isinstance(value, (int, float)) and kind == "number" else str(value)
