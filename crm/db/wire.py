"""Values as the driver's C library sends them: text for what is plain, the driver's own way for the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.types.numeric import Int8

_UNKNOWN, _BIGINT, _BIGINTS, _DATE, _MOMENT = 0, 20, 1016, 1082, 1184
"""Postgres' numbers of types; the unknown ones it finds out from where they stand."""


def given(driver: psycopg.Connection[Any], values: Sequence[Any]) -> tuple[list[Any], tuple[int, ...], Sequence[Any] | None]:
    """Values, types and formats for the wire. What is not plain is left to the driver.

    Whole numbers are bigint, whatever their size: a statement then has one plan, not one for each size of its ids.
    """
    contents: list[bytes | None] = []
    types: list[int] = []
    for value in values:
        kind = type(value)
        if value is None:
            content, oid = None, _UNKNOWN
        elif kind is list:
            is_whole = all(type(part) is int for part in value) and value
            content, oid = _array(value), _BIGINTS if is_whole else _UNKNOWN
        elif kind in _PLAIN:
            write, oid = _PLAIN[kind]
            content = write(value).encode()
        else:
            content = None
        if content is None and value is not None:
            adapter = Transformer(driver)
            wide = [_wide(each) for each in values]
            return list(adapter.dump_sequence(wide, [PyFormat.AUTO] * len(wide))), adapter.types or (), adapter.formats
        contents.append(content)
        types.append(oid)
    return contents, tuple(types), None


def _text(value: str) -> str:
    if "\x00" in value:
        raise psycopg.DataError("text cannot hold a zero byte")
    return value


def _quoted(value: str) -> str:
    return '"' + _text(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _moment(value: datetime) -> str:
    assert value.tzinfo is not None
    return value.isoformat()


_PLAIN: Mapping[type, tuple[Callable[[Any], str], int]] = {
    int: (str, _BIGINT),
    str: (_text, _UNKNOWN),
    date: (date.isoformat, _DATE),
    datetime: (_moment, _MOMENT),
}
_PARTS: Mapping[type, Callable[[Any], str]] = {int: str, str: _quoted, Decimal: str, date: date.isoformat, datetime: _moment, type(None): lambda _: "null"}


def _array(values: list[Any]) -> bytes | None:
    """As Postgres reads an array of any type; None where a part is not plain."""
    try:
        return ("{" + ",".join([_PARTS[type(value)](value) for value in values]) + "}").encode()
    except KeyError:
        return None


def _wide(value: Any) -> Any:
    if type(value) is int:
        return Int8(value)
    return [Int8(part) if type(part) is int else part for part in value] if isinstance(value, list) else value
