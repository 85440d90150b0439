"""What somebody's roles hide of a record's fields, taken out of whatever is read: the one place for all doors.

Row security decides which records one sees; this, which of their fields. Every read of leads, companies, contacts and their
history passes its rows through here before anything else looks at them, and asks here before it filters or sorts by a field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from crm.access import Person, closed_field, person_of
from crm.changes.edits import Disagreement
from crm.changes.records import RecordType, type_of
from crm.errors import Refused

_Row = TypeVar("_Row", bound=Mapping[Any, Any])


def blank(session: Session, record_type: str, rows: Sequence[_Row]) -> Sequence[_Row]:
    """The same rows with hidden fields empty, wherever in the row they stand."""
    hidden = person_of(session).hidden_fields(record_type)
    if not hidden:
        return rows
    kind = type_of(record_type)
    columns = [column for name in hidden for column in _columns(kind, name)]
    custom = {name.removeprefix("custom.") for name in hidden if name.startswith("custom.")}
    for row in rows:
        row.update({column: None for column in columns if column in row})  # type: ignore[attr-defined]
        if custom and row.get("custom"):
            row["custom"] = {key: value for key, value in row["custom"].items() if key not in custom}  # type: ignore[index]
    return rows


def _columns(kind: RecordType, name: str) -> tuple[str, ...]:
    """Where reads show the field: its own columns, and what is worked out from it."""
    if name.startswith("custom."):
        return ()
    own = tuple(column for column, _ in kind.fields[name].columns) if name in kind.fields else ()
    return (name, *own, *kind.shown_in.get(name, ()))


def is_hidden(session: Session, record_type: str, name: str) -> bool:
    return name in person_of(session).hidden_fields(record_type)


def refuse(session: Session, record_type: str, names: Iterable[str], *, doing: str) -> None:
    """Raises `Refused` where one of these fields is hidden: filtering or sorting by it would tell its values."""
    hidden = person_of(session).hidden_fields(record_type)
    for name in names:
        if name in hidden:
            raise closed_field(record_type, name, type_of(record_type).field(name).label, is_hidden=True, doing=doing)


def closed(person: Person, kind: RecordType, wanted: Mapping[str, Any]) -> Refused | None:
    """Why these values cannot be written: the first field that is hidden from the person or only to be read."""
    rules = person.fields_not_open(kind.name)
    for name in sorted(rules.keys() & wanted.keys()) if rules else ():
        return closed_field(kind.name, name, kind.field(name).label, is_hidden=rules[name] == "hidden")
    return None


def of_changes(session: Session, record_type: str, rows: Sequence[_Row]) -> Sequence[_Row]:
    """Change rows without what happened to hidden fields. A change of hidden fields alone stays, and says nothing more than that."""
    hidden = person_of(session).hidden_fields(record_type)
    if not hidden:
        return rows
    return [{**row, "fields": {name: pair for name, pair in row["fields"].items() if name not in hidden}} for row in rows]  # type: ignore[misc]


def of_conflict(person: Person, record_type: str, met: Disagreement) -> Disagreement:
    """A conflict without the values of a hidden field."""
    return replace(met, seen=None, theirs=None) if met.field in person.hidden_fields(record_type) else met
