"""A company or a contact as a form: its own fields and its team's custom ones, as far as they are open to whoever edits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from crm.access import Person
from crm.changes.records import Field, RecordType
from crm.errors import Invalid
from crm.fields.kinds import Definition, typed
from crm.ui import closed, custom_fields
from crm.ui.lookups import Lookups

Values = Mapping[str, Any]
LONGEST: Mapping[str, int] = {"market": 2}
NOTHING_DIFFERS = "Nothing differs, nothing to save."


def draw(kind: RecordType, names: Sequence[str], row: Values, person: Person, lookups: Lookups, key: Callable[[str], str]) -> dict[str, Any]:
    """Inputs over the whole width for the first of `names`, in two columns for the others; hidden ones are left out, read-only ones shut.

    Answers what was given, by the record's field names.
    """
    given: dict[str, Any] = {}
    first, *others = [name for name in names if closed.shows(person, name, of=kind.name)]
    given[first] = _ask(st, kind, first, row, person, key)
    left, right = st.columns(2)
    for number, name in enumerate(others):
        given[name] = _ask((left, right)[number % 2], kind, name, row, person, key)
    fields = [field for field in fields_of(kind, row, lookups) if closed.is_open(person, field.name, of=kind.name)]
    return given | custom_fields.draw_inputs(fields, row.get("custom") or {}, key, lookups)


def _ask(place: Any, kind: RecordType, name: str, row: Values, person: Person, key: Callable[[str], str]) -> Any:
    is_shut = not closed.is_open(person, name, of=kind.name)
    return place.text_input(kind.fields[name].label, row.get(name) or "", key=key(name), max_chars=LONGEST.get(name, 300), disabled=is_shut)


def fields_of(kind: RecordType, row: Values, lookups: Lookups) -> list[Definition]:
    """The custom fields that the record can hold."""
    return lookups.catalogue.of_team(kind.name, row["team_id"])


def changed(kind: RecordType, given: Values, row: Values, lookups: Lookups) -> dict[str, Any]:
    """What of `given` is another value than the one the form was filled from."""
    custom = {field.name: field for field in fields_of(kind, row, lookups)}
    return {name: value for name, value in given.items() if _differs(typed(custom[name]) if name in custom else kind.field(name), value, row)}


def _differs(field: Field, value: Any, row: Values) -> bool:
    standing = field.from_row({"custom": {}, field.name: None, **row})
    if value in (None, "", []) and standing is None:
        return False
    try:
        return not field.same(field.read(value), standing)
    except Invalid:
        return True
