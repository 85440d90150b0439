"""The columns of the leads' grid: what they are called, how wide they are, what a row shows in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from crm import clock
from crm.fields.kinds import Definition
from crm.ui import custom_fields
from crm.ui import drafts as unsaved
from crm.ui.drafts import Draft, Row
from crm.ui.lookups import Lookups

COLUMNS: Mapping[str, str] = {
    "name": "Lead", "company": "Company", "stage": "Stage", "owner": "Owner", "value": "Value", "currency": "Cur.", "value_usd": "Value $",
    "lifetime_usd": "Lifetime $", "next_step": "Next step", "expected_close_on": "Close", "contacted": "Last contact", "in_stage": "In stage",
    "source": "Source", "market": "Market", "email": "Mail", "phone": "Phone", "team": "Team", "pipeline": "Pipeline",
}  # fmt: skip
USUAL = ("name", "stage", "owner", "value", "currency", "lifetime_usd", "next_step", "expected_close_on", "contacted")
WIDTHS: Mapping[str, int] = {
    "name": 210, "company": 180, "stage": 118, "owner": 125, "value": 92, "currency": 62, "value_usd": 90, "lifetime_usd": 86, "next_step": 182,
    "expected_close_on": 106, "contacted": 96, "in_stage": 80, "source": 110, "market": 70, "email": 190, "phone": 140, "team": 100, "pipeline": 110,
}  # fmt: skip
FORMATS: Mapping[str, str] = {"value": "localized", "value_usd": "%,.0f", "lifetime_usd": "%,.0f", "contacted": "%d d ago", "in_stage": "%d d"}
SINCE: Mapping[str, str] = {"contacted": "last_contacted_at", "in_stage": "stage_entered_at"}
CHOICES = ("stage", "owner", "currency")
OPEN = "open"
OPENED = "leads.open"


def names_of(lookups: Lookups) -> dict[str, str]:
    """Every column there is, by name: the usual ones, then the person's custom fields."""
    return {**COLUMNS, **{field.name: custom_fields.label(field, lookups) for field in lookups.lead_fields}}


def frame_of(rows: Sequence[Row], drafts: Mapping[int, Draft], columns: Sequence[str], fields: Mapping[str, Definition]) -> pd.DataFrame:
    """The cells as the editor shows them, drafts over rows. The ids are the index: other rows then never inherit an edit."""
    now = clock.now()
    found = {OPEN: pd.Series([":material/chevron_right:"] * len(rows), dtype="str")}
    for name in columns:
        cells = [_cell(row, drafts.get(row["id"]), name, now) for row in rows]
        found[name] = custom_fields.series(fields[name], cells) if name in fields else _series(name, cells)
    frame = pd.DataFrame(found)
    frame.index = pd.Index([row["id"] for row in rows], dtype="int64", name="id")
    return frame


def _cell(row: Row, draft: Draft | None, name: str, now: datetime) -> Any:
    if draft is not None and name in draft.cells:
        return draft.cells[name]
    if name in SINCE:
        moment = row[SINCE[name]]
        return None if moment is None else max((now - moment).days, 0)
    if name in ("value_usd", "lifetime_usd"):
        return float(row[name]) if row[name] else None
    return unsaved.shown(row, name)


def _series(name: str, cells: list[Any]) -> Any:
    if name in SINCE:
        return pd.Series(cells, dtype="Int64")
    if name in FORMATS:
        return pd.to_numeric(pd.Series(cells, dtype="object"), errors="coerce").astype("float64")
    if name == "expected_close_on":
        return pd.Series(pd.to_datetime(cells, errors="coerce"), dtype="datetime64[s]")
    return pd.Series(cells, dtype="str")


def standing(rows: Sequence[Row], drafts: Mapping[int, Draft]) -> dict[str, list[str]]:
    """What stands in the columns with choices: the editor hides values that are no option."""
    return {
        name: list(dict.fromkeys(cell for row in rows if (cell := _cell(row, drafts.get(row["id"]), name, row["updated_at"])) and isinstance(cell, str)))
        for name in CHOICES
    }


def config(
    frame: pd.DataFrame, columns: Sequence[str], choices: Mapping[str, Sequence[str]], lookups: Lookups, *, on_open: Callable[[], None]
) -> dict[str, Any]:
    """How the editor draws and limits each column. What it lets through is checked again when it is saved."""
    cc = st.column_config
    found: dict[str, Any] = {OPEN: cc.ButtonColumn("", width=40, pinned=True, type="tertiary", on_click=on_open, key=OPENED)}
    for name in columns:
        if name in lookups.names.fields:
            found[name] = custom_fields.column(lookups.names.fields[name], list(frame[name]), lookups)
            continue
        label, width = COLUMNS[name], WIDTHS[name]
        if name == "owner":
            found[name] = cc.SelectboxColumn(label, width=width, options=list(choices[name]), format_func=_with_absence(lookups))
        elif name in CHOICES:
            found[name] = cc.SelectboxColumn(label, width=width, required=name == "stage", options=list(choices[name]))
        elif name in FORMATS:
            found[name] = cc.NumberColumn(label, width=width, format=FORMATS[name])
        elif name == "expected_close_on":
            found[name] = cc.DateColumn(label, width=width, format="D MMM YYYY")
        else:
            found[name] = cc.TextColumn(label, width=width, max_chars=2 if name == "market" else 300, required=name == "name")
    return found


def _with_absence(lookups: Lookups) -> Callable[[Any], str]:
    """An owner's name as a cell and its choices show it; what is typed and kept stays the name."""
    names = lookups.names
    away = {names.people[person_id]: f"{names.people[person_id]} · away" for person_id in names.away if person_id in names.people}
    return lambda name: away.get(name, str(name))
