"""Edits in a grid that are not saved yet: which cells of which leads, as seen at which version. No Streamlit here.

The grid knows edits by row position; here they are bound to the lead and to the row as the person saw it, so that they
survive a new page, filter or sort and can be checked against what others did meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from crm.errors import Invalid
from crm.money import BASE_CURRENCY
from crm.ui.lookups import Lookups
from crm.ui.words import NOTHING, count

Row = Mapping[Any, Any]
Cells = dict[str, Any]

# Column of the grid -> the lead's field it writes.
WRITES: Mapping[str, str] = {
    "name": "name", "stage": "stage_id", "owner": "owner_id", "value": "value", "currency": "value", "next_step": "next_step",
    "expected_close_on": "expected_close_on", "source": "source", "market": "market", "email": "email", "phone": "phone",
}  # fmt: skip
LABELS: Mapping[str, str] = {
    "name": "Name", "stage": "Stage", "owner": "Owner", "value": "Value", "currency": "Currency", "next_step": "Next step",
    "expected_close_on": "Close", "source": "Source", "market": "Market", "email": "Mail", "phone": "Phone",
}  # fmt: skip


CUSTOM = "custom."
"""What begins the names of custom fields: their columns are called as the fields they write."""
_MIDNIGHT = re.compile(r"\d{4}-\d\d-\d\dT00:00:00(\.0+)?Z?\Z")


def writes(column: str) -> str | None:
    """The lead's field that the column writes; None where it only shows."""
    return column if column.startswith(CUSTOM) else WRITES.get(column)


def shown(row: Row, column: str) -> Any:
    """The lead's value as the column's cell holds it; None for empty."""
    if column == "value":
        return None if row["value_amount"] is None else float(row["value_amount"])
    if column == "currency":
        return row["value_currency"]
    found = row.get(column)
    return None if found in ("", []) else found


def same(a: Any, b: Any) -> bool:
    """Whether two cell values mean the same: empty text is nothing, 12 is 12.0, a date is its ISO text."""
    return bool(_canonical(a) == _canonical(b))


def _canonical(value: Any) -> Any:
    if value is None or value in ("", []) or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, (datetime, date)):
        return value.isoformat()[:10]
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return round(float(value), 6)
    return value.strip() or None if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody typed over one lead: the row as they saw it, and the cells they want."""

    row: Row
    cells: Cells = field(default_factory=dict)

    def typed(self, column: str, value: Any) -> Draft:
        """With one cell more, or one fewer where the old value is back."""
        cells = {name: cell for name, cell in self.cells.items() if name != column}
        if not same(value, shown(self.row, column)):
            cells[column] = _iso(value)
        return Draft(self.row, cells)

    def without(self, columns: Iterable[str]) -> Draft:
        dropped = set(columns)
        return Draft(self.row, {name: cell for name, cell in self.cells.items() if name not in dropped})


Drafts = dict[int, Draft]


def _iso(value: Any) -> Any:
    """Dates reach us as "2026-12-12T00:00:00.000"; the day is what counts."""
    return value.isoformat()[:10] if isinstance(value, (datetime, date)) else value


def fold(drafts: Mapping[int, Draft], rows: Sequence[Row], edited_rows: Mapping[Any, Mapping[str, Any]]) -> Drafts:
    """`drafts` and what the grid reports on top of them, by position in `rows`. Unknown rows and columns are left out."""
    found = dict(drafts)
    for position, cells in edited_rows.items():
        if not 0 <= int(position) < len(rows):
            continue
        row = rows[int(position)]
        draft = found.get(row["id"]) or Draft(row)
        for column, value in cells.items():
            if writes(column):
                is_day = isinstance(value, str) and (column == "expected_close_on" or _MIDNIGHT.match(value))
                draft = draft.typed(column, value[:10] if is_day else value)
        found[row["id"]] = draft
    return {lead_id: draft for lead_id, draft in found.items() if draft.cells}


def cells_and_rows(drafts: Mapping[int, Draft]) -> str:
    """ "3 cells in 1 row"."""
    return f"{count(sum(len(draft.cells) for draft in drafts.values()), 'cell')} in {count(len(drafts), 'row')}"


def lines(drafts: Mapping[int, Draft], labels: Mapping[str, str] | None = None) -> list[tuple[str, str, str, str]]:
    """(lead, column, before, wanted) of every unsaved cell."""
    return [
        (draft.row["name"], LABELS.get(column) or (labels or {}).get(column, column.removeprefix(CUSTOM)), _text(shown(draft.row, column)), _text(value))
        for draft in drafts.values()
        for column, value in draft.cells.items()
    ]


def _text(value: Any) -> str:
    found = _canonical(value)
    if isinstance(found, bool):
        return "yes" if found else "no"
    if isinstance(found, list):
        return ", ".join(map(str, found))
    return NOTHING if found is None else f"{found:,.2f}".removesuffix(".00") if isinstance(found, float) else str(found)


def wanted(draft: Draft, lookups: Lookups) -> tuple[dict[str, Any], dict[str, Invalid]]:
    """(field -> value for the write path, field -> why a cell cannot even be read)."""
    values: dict[str, Any] = {}
    refused: dict[str, Invalid] = {}
    for column, cell in draft.cells.items():
        name = writes(column) or column
        try:
            values[name] = _value(draft, column, cell, lookups)
        except Invalid as error:
            refused[name] = error
    return values, refused


def _value(draft: Draft, column: str, cell: Any, lookups: Lookups) -> Any:
    if column == "stage":
        return _stage(draft.row, cell, lookups)
    if column == "owner":
        return _owner(cell, lookups)
    if WRITES.get(column) == "value":
        return _money(draft)
    return cell


def _stage(row: Row, name: Any, lookups: Lookups) -> int:
    pipeline = next((p for p in lookups.pipelines if p.id == row["pipeline_id"]), None)
    stages = pipeline.stages if pipeline else ()
    found = next((stage.id for stage in stages if stage.name.casefold() == str(name or "").strip().casefold()), None)
    if found is None:
        names = ", ".join(stage.name for stage in stages)
        raise Invalid(f"“{name or ''}” is not a stage of {row['pipeline']}. Its stages are: {names}.", field="stage_id")
    return found


def _owner(name: Any, lookups: Lookups) -> int | None:
    wanted_name = str(name or "").strip().casefold()
    if not wanted_name:
        return None
    found = next((person_id for person_id, known in lookups.names.people.items() if known.casefold() == wanted_name), None)
    if found is None:
        raise Invalid(f"Nobody here is called “{name}”.", field="owner_id")
    return found


def _money(draft: Draft) -> dict[str, Any] | None:
    cells = {column: draft.cells.get(column, shown(draft.row, column)) for column in ("value", "currency")}
    if _canonical(cells["value"]) is None:
        return None
    value = cells["value"]
    return {"amount": value if isinstance(value, str) else str(Decimal(repr(float(value)))), "currency": cells["currency"] or BASE_CURRENCY}


def columns_of(fields: Iterable[str]) -> set[str]:
    """The grid's columns that write these fields."""
    names = set(fields)
    return {column for column, name in WRITES.items() if name in names} | {name for name in names if name.startswith(CUSTOM)}
