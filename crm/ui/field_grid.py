"""The editable grid of custom fields: what is typed into it becomes fields as they are meant to be. No Streamlit here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from crm.configuration.field_plan import PARTS, PlannedField
from crm.errors import Invalid
from crm.fields.kinds import CHOOSING, text_of

COLUMNS = ("place", "label", "kind", "options", "is_required", "is_unique", "default", "help", "key", "filled")
WRITTEN = ("label", "kind", "options", "is_required", "is_unique", "default", "help")
_DTYPES = {"place": "float64", "is_required": "bool", "is_unique": "bool", "filled": "Int64", "label": "str", "kind": "str", "default": "str", "help": "str",
           "key": "str"}  # fmt: skip


def frame_of(lines: Sequence[PlannedField], filled: Mapping[str, int]) -> pd.DataFrame:
    """The cells as the editor shows them. `filled`: key -> how many records have a value."""
    cells: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for place, line in enumerate(lines, start=1):
        for name in COLUMNS:
            cells[name].append(place if name == "place" else filled.get(line.was.key, 0) if name == "filled" and line.was else shown(line, name))
    return pd.DataFrame({name: pd.Series(cells[name], dtype=_DTYPES.get(name, "object")) for name in COLUMNS})


def shown(line: PlannedField, name: str) -> Any:
    """The field's part as its cell holds it."""
    if name == "default":
        return text_of(line.kind, line.default_value) or None
    if name == "key":
        return line.was.key if line.was else line.name
    if name == "filled":
        return 0
    return list(line.options) if name == "options" else getattr(line, name)


def lines_after(lines: Sequence[PlannedField], typed: Mapping[str, Any]) -> list[PlannedField]:
    """The fields in their new order with what the editor reports, removed ones too. Raises `Invalid` for a line without a name."""
    gone = {int(position) for position in typed.get("deleted_rows", ())}
    changed = {int(position): cells for position, cells in typed.get("edited_rows", {}).items()}
    placed: list[tuple[float, int, PlannedField]] = []
    removed: list[PlannedField] = []
    for number, line in enumerate(lines):
        if number not in gone:
            cells = changed.get(number, {})
            placed.append((_place(cells, number + 1), number, _changed(line, cells)))
        elif line.was:
            removed.append(replace(line, is_removed=True))
    begun = [cells for cells in typed.get("added_rows", ()) if any(cells.get(name) not in (None, "", False, []) for name in WRITTEN)]
    for number, (cells, ref) in enumerate(zip(begun, _refs(lines, len(begun)), strict=True), start=len(lines)):
        placed.append((_place(cells, number + 1), number, _changed(PlannedField(ref, ""), cells)))
    if any(not line.label for _, _, line in placed):
        raise Invalid("Each field needs a name. Type one into its line, or remove the line.", field="label")
    return [line for _, _, line in sorted(placed, key=lambda each: each[:2])] + removed


def _refs(lines: Sequence[PlannedField], count: int) -> list[str]:
    """Names for new lines that no other line has, the same ones as long as those stand."""
    taken = {line.key for line in lines}
    free = (f"new{number}" for number in range(1, len(lines) + count + 1) if f"new{number}" not in taken)
    return [next(free) for _ in range(count)]


def _place(cells: Mapping[str, Any], otherwise: int) -> float:
    """Typing 1 puts a field before the one that stands first."""
    given = cells.get("place")
    return float(otherwise) if not isinstance(given, (int, float)) else float(given) - (0.5 if given < otherwise else -0.5 if given > otherwise else 0)


def _changed(line: PlannedField, cells: Mapping[str, Any]) -> PlannedField:
    """Only what differs from what the cell showed: a default is shown as text, and stays what it is until it is typed over."""
    parts: dict[str, Any] = {}
    for name, value in cells.items():
        if name in WRITTEN and (value or None) != (shown(line, name) or None):
            parts["default_value" if name == "default" else name] = _read(name, value)
    found = line.with_parts({name: value for name, value in parts.items() if name in PARTS})
    return found if found.kind in CHOOSING else replace(found, options=())


def _read(name: str, value: Any) -> Any:
    if name.startswith("is_"):
        return bool(value)
    if name in ("label", "kind"):
        return str(value or "").strip() or ("text" if name == "kind" else "")
    return (value.strip() or None) if isinstance(value, str) else value
