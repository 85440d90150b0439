"""The editable grid of custom fields: what is typed becomes edits of fields, as they were seen. No Streamlit here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from crm.changes import Edit
from crm.errors import Invalid
from crm.fields.kinds import CHOOSING, Definition, text_of
from crm.fields.reads import FieldRow
from crm.fields.records import CUSTOM_FIELD
from crm.fields.use_cases import remove_edit

COLUMNS = ("place", "label", "kind", "options", "is_required", "is_unique", "default", "help", "key", "filled")
WRITTEN = ("label", "kind", "options", "is_required", "is_unique", "default", "help")


def frame_of(rows: Sequence[FieldRow]) -> pd.DataFrame:
    """The cells as the editor shows them."""
    cells: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for place, row in enumerate(rows, start=1):
        for name in COLUMNS:
            cells[name].append(place if name == "place" else row.filled if name == "filled" else shown(row.field, name))
    frame = pd.DataFrame({name: pd.Series(cells[name], dtype=_DTYPES.get(name, "object")) for name in COLUMNS})
    return frame


_DTYPES = {"place": "float64", "is_required": "bool", "is_unique": "bool", "filled": "Int64", "label": "str", "kind": "str", "default": "str", "help": "str",
           "key": "str"}  # fmt: skip


def shown(field: Definition, name: str) -> Any:
    """The field's part as its cell holds it."""
    if name == "default":
        return text_of(field.kind, field.default) or None
    return list(field.options) if name == "options" else getattr(field, name)


def edits_of(rows: Sequence[FieldRow], typed: Mapping[str, Any], record_type: str, team_id: int | None) -> list[Edit]:
    """What the editor reports as edits: changed fields, removed ones, new ones, and the order. Raises `Invalid` for a line without a name."""
    gone = {int(position) for position in typed.get("deleted_rows", ())}
    changed = {int(position): cells for position, cells in typed.get("edited_rows", {}).items()}
    wanted: dict[int, dict[str, Any]] = {}
    places: list[tuple[float, int, int | None]] = []
    for position, row in enumerate(rows):
        if position in gone:
            continue
        cells = changed.get(position, {})
        wanted[position] = _wanted(row.field, cells)
        places.append((_place(cells, position + 1), position, position))
    new = [cells for cells in typed.get("added_rows", ()) if any(cells.get(name) not in (None, "", False, []) for name in WRITTEN)]
    added: list[dict[str, Any]] = []
    for number, cells in enumerate(new):
        added.append(_new(cells, record_type, team_id))
        places.append((_place(cells, len(rows) + number + 1), len(rows) + number, None))
    _order(rows, wanted, added, places)
    edits = [Edit(CUSTOM_FIELD.name, row.field.id, wanted[n], row.field.version) for n, row in enumerate(rows) if wanted.get(n)]
    edits += [remove_edit(rows[n].field.id, rows[n].field.version) for n in sorted(gone) if n < len(rows)]
    return edits + [Edit(CUSTOM_FIELD.name, None, values) for values in added]


def _order(
    rows: Sequence[FieldRow], wanted: Mapping[int, dict[str, Any]], added: Sequence[dict[str, Any]], places: list[tuple[float, int, int | None]]
) -> None:  # fmt: skip
    """Positions from the places; nobody's is touched while the order stays."""
    in_order = sorted(places, key=lambda place: place[:2])
    if [place[1] for place in in_order] == sorted(place[1] for place in in_order):
        last = max((row.field.position for row in rows), default=-1)
        for number, values in enumerate(added):
            values["position"] = last + 1 + number
        return
    for position, (_, number, old) in enumerate(in_order):
        if old is None:
            added[number - len(rows)]["position"] = position
        elif rows[old].field.position != position:
            wanted[old]["position"] = position


def _place(cells: Mapping[str, Any], otherwise: int) -> float:
    """Typing 1 puts a field before the one that stands first."""
    given = cells.get("place")
    return float(otherwise) if not isinstance(given, (int, float)) else float(given) - (0.5 if given < otherwise else -0.5 if given > otherwise else 0)


def _wanted(field: Definition, cells: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for name, value in cells.items():
        if name in WRITTEN and (value or None) != (shown(field, name) or None):
            found["default_value" if name == "default" else name] = bool(value) if name.startswith("is_") else value
    return found


def _new(cells: Mapping[str, Any], record_type: str, team_id: int | None) -> dict[str, Any]:
    label = str(cells.get("label") or "").strip()
    if not label:
        raise Invalid("A new field needs a name. Type one into its line, or remove the line.", field="label")
    kind = cells.get("kind") or "text"
    found = {
        "record_type": record_type, "team_id": team_id, "label": label, "kind": kind, "is_required": bool(cells.get("is_required")),
        "is_unique": bool(cells.get("is_unique")), "default_value": cells.get("default"), "help": cells.get("help"),
    }  # fmt: skip
    return {**found, "options": list(cells.get("options") or [])} if kind in CHOOSING else found


def words_of(rows: Sequence[FieldRow], edits: Sequence[Edit]) -> list[str]:
    """The edits as people read them."""
    known = {row.field.id: row.field for row in rows}
    lines = []
    for edit in edits:
        if edit.record_id is None:
            lines.append(f"New: “{edit.wanted['label']}”")
        elif "deleted_at" in edit.wanted:
            lines.append(f"Removed: “{known[edit.record_id].label}”")
        else:
            parts = ", ".join(CUSTOM_FIELD.field(name).label.lower() for name in edit.wanted)
            lines.append(f"“{known[edit.record_id].label}”: {parts}")
    return lines
