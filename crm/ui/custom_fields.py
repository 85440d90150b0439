"""Custom fields on screens: the input that each kind takes, what a value looks like, and the cell that the grid shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from crm.fields.filters import RANGED, CustomFilter
from crm.fields.kinds import LARGEST_NUMBER, Definition, text_of
from crm.ui.lookups import Lookups
from crm.ui.view_params import Param
from crm.ui.words import amount

YES_NO = {True: "Yes", False: "No"}
WIDTHS: Mapping[str, int] = {
    "text": 150, "number": 90, "money": 120, "date": 106, "flag": 70, "choice": 120, "choices": 180, "link": 180, "person": 125,
}  # fmt: skip


def label(field: Definition, lookups: Lookups) -> str:
    """Its name, with the team's where two fields are called alike."""
    alike = sum(each.label == field.label for each in lookups.lead_fields) > 1
    return f"{field.label} · {lookups.names.teams.get(field.team_id or 0, 'all teams')}" if alike else field.label


def ask(place: DeltaGenerator, field: Definition, value: Any, key: str, lookups: Lookups) -> Any:
    """The input for one field; answers what the write path reads."""
    said = f"{field.label} *" if field.is_required else field.label
    tip = field.help or None
    if field.kind == "number":
        return place.text_input(said, text_of("number", value), key=key, help=tip, max_chars=40, placeholder="1250")
    if field.kind == "money":
        return place.text_input(said, text_of("money", value), key=key, help=tip, max_chars=60, placeholder="AED 1250.00")
    if field.kind == "date":
        return place.date_input(said, _day(value), key=key, help=tip, format="YYYY-MM-DD", min_value=date(1900, 1, 1), max_value=date(2999, 12, 31))
    if field.kind == "choices":
        standing = [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
        return place.multiselect(said, list(dict.fromkeys([*field.options, *standing])), standing, key=key, help=tip)
    if field.kind in ("flag", "choice", "person"):
        return _ask_one(place, field, said, value, key, lookups)
    return place.text_input(said, text_of(field.kind, value), key=key, help=tip, max_chars=4000)


def _ask_one(place: DeltaGenerator, field: Definition, said: str, value: Any, key: str, lookups: Lookups) -> Any:
    """One of a few: options, people, or yes and no; what stands already is among them."""
    known = _choices(field, list(lookups.owners))
    options = [None, *known, *([] if value is None or value in known else [value])]
    return place.selectbox(
        said,
        options,
        index=options.index(value),
        key=key,
        help=field.help or None,
        format_func=lambda each: "–" if each is None else _option_words(field, each, lookups),
    )


def _choices(field: Definition, people: list[int]) -> list[Any]:
    if field.kind == "flag":
        return [True, False]
    return list(people) if field.kind == "person" else list(field.options)


def _option_words(field: Definition, each: Any, lookups: Lookups) -> str:
    if field.kind == "flag" and isinstance(each, bool):
        return YES_NO[each]
    return lookups.names.people.get(each, f"no. {each}") if field.kind == "person" else str(each)


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def draw_inputs(fields: Sequence[Definition], values: Mapping[str, Any], key: Any, lookups: Lookups) -> dict[str, Any]:
    """Inputs in two columns, long texts and several choices over both; answers `custom.<key>` -> what was given."""
    given: dict[str, Any] = {}
    left, right = st.columns(2)
    for number, field in enumerate(fields):
        given[field.name] = ask((left, right)[number % 2], field, values.get(field.key), key(field.name), lookups)
    return given


def shown(field: Definition, value: Any, lookups: Lookups) -> str:
    """The value for reading."""
    if field.kind == "money" and isinstance(value, dict):
        return amount(value)
    return text_of(field.kind, value, lookups.names.people)


# The grid


def with_cells(rows: Sequence[Mapping[Any, Any]], lookups: Lookups) -> list[dict[Any, Any]]:
    """Rows with what the grid's cells show of their custom fields, under `custom.<key>`."""
    return [{**row, **{field.name: _cell(field, row["custom"].get(field.key), lookups) for field in lookups.lead_fields}} for row in rows]


def _cell(field: Definition, value: Any, lookups: Lookups) -> Any:
    if value is None:
        return None
    if field.kind == "number":
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    if field.kind == "flag":
        return value if isinstance(value, bool) else None
    if field.kind == "choices":
        return [str(each) for each in value] if isinstance(value, list) else [str(value)]
    return text_of(field.kind, value, lookups.names.people) or None


def series(field: Definition, cells: Sequence[Any]) -> Any:
    if field.kind == "number":
        return pd.to_numeric(pd.Series(list(cells), dtype="object"), errors="coerce").astype("float64")
    if field.kind == "date":
        return pd.Series(pd.to_datetime(list(cells), errors="coerce"), dtype="datetime64[s]")
    if field.kind == "flag":
        return pd.Series(pd.array(list(cells), dtype="boolean"))
    return pd.Series(list(cells), dtype="object" if field.kind == "choices" else "str")


def column(field: Definition, cells: Sequence[Any], lookups: Lookups) -> Any:
    """How the grid draws and limits the field's column."""
    cc, name, width, tip = st.column_config, label(field, lookups), WIDTHS[field.kind], field.help or None
    if field.kind == "number":
        return cc.NumberColumn(name, width=width, help=tip, format="localized")
    if field.kind == "date":
        return cc.DateColumn(name, width=width, help=tip, format="D MMM YYYY")
    if field.kind == "flag":
        return cc.CheckboxColumn(name, width=width, help=tip)
    if field.kind == "choices":
        standing = [each for cell in cells for each in (cell or ())]
        return cc.MultiselectColumn(name, width=width, help=tip, options=list(dict.fromkeys([*field.options, *standing])))
    if field.kind in ("choice", "person"):
        people = [lookups.names.people[each] for each in lookups.owners if each in lookups.names.people]
        known = people if field.kind == "person" else field.options
        return cc.SelectboxColumn(name, width=width, help=tip, options=list(dict.fromkeys([*known, *(cell for cell in cells if isinstance(cell, str))])))
    if field.kind == "link":
        return cc.LinkColumn(name, width=width, help=tip, max_chars=2000)
    return cc.TextColumn(name, width=width, help=tip, max_chars=4000)


# Filters


def ask_filters(lookups: Lookups) -> tuple[CustomFilter, ...]:
    """What lists are narrowed to, kept in the URL under the fields' own names."""
    if not lookups.lead_fields:
        return ()
    with st.popover("Fields", type="tertiary", icon=":material/filter_list:", help="Narrow the list by your own fields"):
        found = [_ask_filter(field, lookups) for field in lookups.lead_fields]
    return tuple(each for each in found if not each.is_open)


def filter_params(lookups: Lookups) -> dict[str, Param]:
    """The same filters as saved views keep them, by their names in the address."""
    found: dict[str, Param] = {}
    for field in lookups.lead_fields:
        if field.kind in RANGED:
            found |= {f"{field.name}.{end}": Param(None, parse=_DAY if field.kind == "date" else _number, write=_say_bound) for end in ("from", "to")}
        elif field.kind in PICKED:
            choices = {_option_words(field, each, lookups): each for each in _filter_choices(field, lookups)}
            found[field.name] = Param([], choices, is_many=True)
        else:
            found[field.name] = Param("")
    return found


def in_address() -> dict[str, list[str]]:
    """The filters as the address asks for them now, to take along to another page of leads."""
    return {name: st.query_params.get_all(name) for name in st.query_params if name.startswith("custom.")}


PICKED = ("flag", "choice", "choices", "person")
_DAY = date.fromisoformat


def _number(given: str) -> float:
    """Raises `ValueError` for what is none, or too large to be meant."""
    number = float(given)
    if not abs(number) < LARGEST_NUMBER:
        raise ValueError(given)
    return number


def _say_bound(value: float | date) -> str:
    return value.isoformat() if isinstance(value, date) else f"{value:.15g}"


def _filter_choices(field: Definition, lookups: Lookups) -> list[Any]:
    return _choices(field, list(lookups.names.people))


def _ask_filter(field: Definition, lookups: Lookups) -> CustomFilter:
    said = label(field, lookups)
    if field.kind in ("number", "money"):
        low, high = _ask_numbers(field, f"{said}, USD" if field.kind == "money" else said)
        return CustomFilter(field.key, field.kind, low=low, high=high)
    if field.kind == "date":
        left, right = st.columns(2)
        first = left.date_input(f"{said} from", None, key=f"{field.name}.from", bind="query-params", format="YYYY-MM-DD")
        last = right.date_input("to", None, key=f"{field.name}.to", bind="query-params", format="YYYY-MM-DD")
        return CustomFilter(field.key, field.kind, low=first.isoformat() if first else None, high=last.isoformat() if last else None)
    if field.kind in PICKED:
        picked = st.multiselect(
            said, _filter_choices(field, lookups), key=field.name, bind="query-params", placeholder="Any",
            format_func=lambda each: _option_words(field, each, lookups),
        )  # fmt: skip
        return CustomFilter(field.key, field.kind, tuple(picked))
    return CustomFilter(
        field.key, field.kind, contains=(st.text_input(said, key=field.name, bind="query-params", placeholder="Has these letters") or "").strip()
    )


def _ask_numbers(field: Definition, said: str) -> tuple[float | None, float | None]:
    left, right = st.columns(2)
    tip = "In US dollars at today's rates, whichever currency a value is in." if field.kind == "money" else None
    low = left.number_input(f"{said} from", value=None, key=f"{field.name}.from", bind="query-params", format="%g", step=1.0, help=tip)
    high = right.number_input("to", value=None, key=f"{field.name}.to", bind="query-params", format="%g", step=1.0)
    return low, high
