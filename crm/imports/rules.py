"""Decisions about one row and about stages that a file names: no session, no clock."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from crm.errors import Invalid
from crm.imports.files import Cell, as_line, as_text
from crm.imports.mapping import DATES, ColumnMap
from crm.imports.values import DateOrder, Mark, read_date, read_value
from crm.money import Money

TEXTS = frozenset({"name", "company", "contact", "email", "phone", "owner", "stage", "source", "next_step", "external_id", "market", "lost_reason"})


@dataclass(frozen=True)
class Reading:
    """How a file's cells are read: settled once, from all of them."""

    date_order: DateOrder | None = None
    decimal_mark: Mark | None = None


@dataclass(slots=True)
class Row:
    """One row's facts. What the file leaves empty is absent from `texts` and None elsewhere: it says nothing."""

    file: str
    line: int
    texts: dict[str, str] = field(default_factory=dict)
    value: Money | None = None
    created_on: date | None = None
    closed_on: date | None = None
    expected_close_on: date | None = None
    custom: dict[str, Any] = field(default_factory=dict)

    def text(self, name: str) -> str:
        return self.texts.get(name, "")

    def key(self, name: str) -> str:
        """The cell of the key as it is compared; mail addresses without regard to case."""
        found = as_text(self.custom.get(name)) if name.startswith("custom.") else self.text(name)
        return found.lower() if name == "email" else found

    @property
    def is_empty(self) -> bool:
        return not (self.texts or self.custom or self.value or self.created_on or self.closed_on or self.expected_close_on)

    def says(self) -> tuple[Any, ...]:
        """All that the row says, for telling a true double from a contradiction."""
        return (self.texts, self.value, self.created_on, self.closed_on, self.expected_close_on, self.custom)


def read_row(file: str, line: int, cells: Sequence[Cell], columns: ColumnMap, reading: Reading) -> Row:
    """The row, or `Invalid` naming the first cell that cannot be read."""
    if len(cells) > len(columns.header) and any(as_text(cell) for cell in cells[len(columns.header) :]):
        raise Invalid(f"It has {len(cells)} cells where the header has {len(columns.header)}. A separator in a cell needs quotes around the cell.")
    row = Row(file, line)
    for name, position in columns.fields.items():
        cell = cells[position] if position < len(cells) else None
        if cell is None or cell == "":
            continue
        if name in TEXTS:
            if text := as_line(cell):
                row.texts[name] = text
        elif name in DATES:
            setattr(row, name, read_date(cell, reading.date_order, field=name))
        elif name == "value":
            place = columns.fields.get("currency", len(cells))
            row.value = read_value(cell, as_text(cells[place]) if place < len(cells) else "", reading.decimal_mark)
        elif name != "currency" and (text := as_text(cell)):
            row.custom[name] = text if isinstance(cell, (str, date)) else cell
    return row


def check_dates(row: Row, today: date) -> None:
    """Raises `Invalid` for a life that cannot have been."""
    for name, day in (("created_on", row.created_on), ("closed_on", row.closed_on)):
        if day and day > today:
            raise Invalid(f"{name} {day} is in the future.", field=name)
        if day and day.year < 1970:
            raise Invalid(f"{name} {day} is too long ago to be true.", field=name)
    if row.created_on and row.closed_on and row.closed_on < row.created_on:
        raise Invalid(f"It was closed ({row.closed_on}) before it was created ({row.created_on}).", field="closed_on")
    if row.closed_on and not row.text("stage"):
        raise Invalid("It has a closing date, but no stage to be closed in.", field="closed_on")


def name_of(row: Row) -> str:
    """The lead's name: the given one; else company (or contact, or mail) and product; without a company the external id tells it apart."""
    if given := row.text("name"):
        return given
    who = row.text("company") or row.text("contact") or row.text("email")
    product = as_text(row.custom.get("custom.product"))
    parts = [part for part in (who, product) if part]
    if not who and row.text("external_id"):
        parts.append(row.text("external_id"))
    if not parts:
        raise Invalid("There is nothing to call this lead by: no name, company, contact, mail address or external_id.", field="name")
    return " – ".join(parts)


def news(current: Mapping[str, Any], said: Mapping[str, Any], last_said: Mapping[str, Any]) -> dict[str, Any]:
    """What a row wants changed: what it says, unless it stands so already or the last import said the same (then a person's later edit stays)."""
    return {name: value for name, value in said.items() if current.get(name) != value and not (name in last_said and last_said[name] == value)}


# Stages that a file names

_WON = (r"won\b", r"win\b", "active account", "signed", "gewonnen", "success")
_LOST = ("lost", "churn", "reject", "disqualif", "abandon", "dead", "verloren", "not a fit", "failed")
_DORMANT = ("dormant", "on hold", "paused", "not now", "later", "nurtur")
_EARLY_TO_LATE = (
    ("new", "lead", "prospect", "identif", "suspect", "raw", "inbox"),
    ("contact", "engag", "qualif", "discover", "appointment", "meeting", "working"),
    ("demo", "trial", "sample", "proposal", "quot", "present", "offer", "tasting"),
    ("negot", "contract", "commit", "verbal", "review", "decision", "legal"),
)


def stage_kind(name: str) -> str:
    """open, won, lost or dormant, by what a stage is usually called."""
    bare = name.lower()
    for kind, words in (("lost", _LOST), ("won", _WON), ("dormant", _DORMANT)):
        if _begins_with_any(bare, words):
            return kind
    return "open"


def _begins_with_any(text: str, beginnings: Sequence[str]) -> bool:
    """Whether one of the words in `text` begins so."""
    return any(re.search(rf"\b{beginning}", text) for beginning in beginnings)


@dataclass(frozen=True)
class NewStage:
    name: str
    kind: str
    probability: Decimal


def lay_out_stages(names: Iterable[str]) -> list[NewStage]:
    """Stages of a new pipeline in a likely order: open ones from early to late, then won, dormant, lost; in a file's order where nothing tells."""
    kinds = {name: stage_kind(name) for name in names}
    rank = {"open": 0, "won": 1, "dormant": 2, "lost": 3}
    ordered = sorted(kinds, key=lambda name: (rank[kinds[name]], _earliness(name)))
    opens = [name for name in ordered if kinds[name] == "open"]
    shares = {name: Decimal(place + 1) / Decimal(len(opens) + 1) for place, name in enumerate(opens)}
    return [NewStage(name, kinds[name], shares.get(name, Decimal(kinds[name] == "won"))) for name in ordered]


def _earliness(name: str) -> int:
    bare = name.lower()
    return next((place for place, words in enumerate(_EARLY_TO_LATE) if _begins_with_any(bare, words)), 1)
