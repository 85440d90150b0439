"""Loads `queries/<area>/<question>.sql`: every aggregate behind a dashboard, one file a question.

The header is parsed and compared with the SQL when a query is loaded, and with the result when it runs:

    -- name: stage_conversion
    -- answers: of the leads that entered each stage in the period, what share moved on?
    -- grain: one row per stage of the pipeline, in stage order
    -- params: pipeline_id bigint; starts_on date or null (inclusive; null for the beginning)
    -- columns: stage text; entered bigint; moved_on_share numeric (0..1, null if none entered)

A line without `key:` continues the one before it. `or null` after a type lets a parameter be None.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Boolean, Date, DateTime, Integer, Numeric, Text, TextClause, bindparam, text
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

FOLDER = Path(__file__).resolve().parents[2] / "queries"
KEYS = ("name", "answers", "grain", "params", "columns")

TYPES: Mapping[str, tuple[type[Any], type[TypeEngine[Any]] | TypeEngine[Any]]] = {
    "int": (int, Integer),
    "bigint": (int, BigInteger),
    "numeric": (Decimal, Numeric),
    "text": (str, Text),
    "boolean": (bool, Boolean),
    "date": (date, Date),
    "timestamptz": (datetime, DateTime(timezone=True)),
}
"""Allowed types: the Python type a parameter must have, and how it is bound."""

_LINE = re.compile(r"^--\s?(?:(?P<key>[a-z]+):)?\s*(?P<rest>.*)$")
_ITEM = re.compile(r"^(?P<name>[a-z_][a-z0-9_]*) (?P<type>[a-z]+)(?P<null> or null)?(?: \((?P<note>.+)\))?$", re.S)
_BETWEEN_ITEMS = re.compile(r";(?![^(]*\))")
# As SQLAlchemy finds them, which is also inside comments and quoted text: there, too, a colon before a word is refused.
_NAMED = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")


class BadQuery(Exception):
    """A query file, its call or its result is not what its header says: a mistake in the code, not of a person."""


@dataclass(frozen=True, slots=True)
class Item:
    """A parameter or a column: its type in Postgres, and what there is to know about it."""

    name: str
    type: str
    may_be_null: bool = False
    note: str = ""


@dataclass(frozen=True)
class Query:
    """One question to the database."""

    name: str
    answers: str
    grain: str
    params: tuple[Item, ...]
    columns: tuple[Item, ...]
    sql: str

    @cached_property
    def statement(self) -> TextClause:
        """The SQL with its parameters typed, so that null needs no cast."""
        return text(self.sql).bindparams(*(bindparam(param.name, type_=TYPES[param.type][1]) for param in self.params))

    def run(self, session: Session, **params: Any) -> list[dict[str, Any]]:
        """The rows, by column name. Raises `BadQuery` for missing, unknown or wrong parameters and for unpromised columns."""
        self._check_params(params)
        result = session.execute(self.statement, params)
        promised = [column.name for column in self.columns]
        if list(result.keys()) != promised:
            raise BadQuery(f"{self.name} answers {list(result.keys())}, its header says {promised}.")
        return [dict(row) for row in result.mappings()]

    def _check_params(self, given: Mapping[str, Any]) -> None:
        known = {param.name for param in self.params}
        if wrong := known ^ given.keys():
            raise BadQuery(f"{self.name} takes {sorted(known)}; missing or unknown: {sorted(wrong)}.")
        for param in self.params:
            value, wanted = given[param.name], TYPES[param.type][0]
            if value is None and param.may_be_null:
                continue
            is_number_for_bool = isinstance(value, bool) and wanted is not bool
            is_moment_for_day = isinstance(value, datetime) and wanted is date
            if not isinstance(value, wanted) or is_number_for_bool or is_moment_for_day:
                raise BadQuery(f"{self.name}: {param.name} must be {param.type}, not {type(value).__name__}.")


def parse(source: str, *, name: str) -> Query:
    """The query in `source`. Raises `BadQuery` where header and SQL disagree; `name` is what the file is called."""
    header, sql = _split(source, name)
    if missing := set(KEYS) ^ header.keys():
        raise BadQuery(f"{name}: the header must have exactly {', '.join(KEYS)}; wrong: {', '.join(sorted(missing))}.")
    if header["name"] != name:
        raise BadQuery(f"{name}: the header calls it {header['name']}.")
    params, columns = _items(header["params"], name), _items(header["columns"], name)
    if not columns:
        raise BadQuery(f"{name}: the header names no columns.")
    declared, used = {param.name for param in params}, set(_NAMED.findall(sql))
    if declared != used:
        raise BadQuery(f"{name}: in the header or the SQL only: {', '.join(sorted(declared ^ used))}.")
    return Query(name, header["answers"], header["grain"], params, columns, sql)


def _split(source: str, name: str) -> tuple[dict[str, str], str]:
    header: dict[str, str] = {}
    key = ""
    lines = source.splitlines()
    for position, line in enumerate(lines):
        if not (found := _LINE.match(line)):
            return {key: " ".join(value.split()) for key, value in header.items()}, "\n".join(lines[position:]).strip().rstrip(";")
        if found["key"] in header:
            raise BadQuery(f"{name}: the header says {found['key']} twice.")
        key = found["key"] or key
        header[key] = f"{header.get(key, '')} {found['rest']}"
    raise BadQuery(f"{name}: there is no SQL under the header.")


def _items(given: str, name: str) -> tuple[Item, ...]:
    items: list[Item] = []
    for part in filter(None, (part.strip() for part in _BETWEEN_ITEMS.split(given))):
        found = _ITEM.match(part)
        if not found or found["type"] not in TYPES:
            raise BadQuery(f"{name}: “{part}” is not “name type (note)” with a type of {', '.join(TYPES)}.")
        items.append(Item(found["name"], found["type"], bool(found["null"]), found["note"] or ""))
    if len({item.name for item in items}) != len(items):
        raise BadQuery(f"{name}: the header names something twice.")
    return tuple(items)


@lru_cache
def load(path: str) -> Query:
    """The query at `queries/<path>.sql`, such as "pipeline/pipeline_by_stage"."""
    file = FOLDER / f"{path}.sql"
    return parse(file.read_text(encoding="utf-8"), name=file.stem)


def paths() -> list[str]:
    """Every query there is, as `load` takes them."""
    return sorted(file.relative_to(FOLDER).with_suffix("").as_posix() for file in FOLDER.rglob("*.sql"))
