"""Statements of the busiest paths, straight through the driver, in the session's own transaction.

SQLAlchemy's way to run a piece of SQL costs four to five times the processor time of the driver's, and a write has a
dozen statements. Parameters are `:named`, rows are plain tuples, errors are SQLAlchemy's as everywhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

import psycopg
from psycopg.types.numeric import Int8
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

Row = tuple[Any, ...]
_Found = TypeVar("_Found")
_NAMED = re.compile(r"(?<![:\w]):([a-z_]\w*)")


@lru_cache(maxsize=1024)
def _for_driver(sql: str) -> str:
    return _NAMED.sub(r"%(\1)s", sql.replace("%", "%%"))


def _given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Whole numbers as bigint, whatever their size: a statement then has one plan, not one for each size of its ids."""
    return {name: _wide(value) for name, value in parameters.items()}


def _wide(value: Any) -> Any:
    if type(value) is int:
        return Int8(value)
    return [Int8(part) if type(part) is int else part for part in value] if isinstance(value, list) else value


def rows(session: Session, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
    """Run `sql` and answer its rows; none for a statement that answers nothing. Raises SQLAlchemy's `DBAPIError`."""
    cursor = _execute(session, sql, parameters or {})
    return cursor.fetchall() if cursor.description else []


def table(session: Session, sql: str, parameters: Mapping[str, Any] | None = None) -> tuple[list[str], list[Row]]:
    """Run a query and answer the names of its columns, and its rows."""
    cursor = _execute(session, sql, parameters or {})
    return [column.name for column in cursor.description or ()], cursor.fetchall()


def _execute(session: Session, sql: str, parameters: Mapping[str, Any]) -> psycopg.Cursor[Row]:
    connection = session.connection()
    driver: psycopg.Connection[Row] = connection.connection.driver_connection  # type: ignore[assignment]
    try:
        return driver.execute(_for_driver(sql), _given(parameters))
    except psycopg.Error as error:
        if driver.closed:
            _forget_connections(connection.engine)
        raise DBAPIError.instance(
            sql, None, error, psycopg.Error, hide_parameters=True, dialect=connection.dialect, connection_invalidated=driver.closed
        ) from error


def ask(engine: Engine, role: str, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
    """One question as `role` in a transaction of its own, all in one round trip. Asked again where the connection had died."""
    return _patiently(engine, lambda driver: _ask(driver, role, sql, parameters))


def _ask(driver: psycopg.Connection[Row], role: str, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
    with driver.pipeline(), driver.cursor() as cursor:
        driver.execute(f'set local role "{role}"')
        cursor.execute(_for_driver(sql), _given(parameters), prepare=True)
        driver.commit()
        return cursor.fetchall()


def _patiently(engine: Engine, work: Callable[[psycopg.Connection[Row]], _Found]) -> _Found:
    """`work` with a connection of the pool, once more with a new one where the server had closed it."""
    for is_last in (False, True):
        connection = engine.raw_connection()
        driver: psycopg.Connection[Row] = connection.driver_connection  # type: ignore[assignment]
        try:
            return work(driver)
        except psycopg.OperationalError:
            if is_last or not driver.closed:
                raise
            connection.invalidate()
            _forget_connections(engine)
        finally:
            connection.close()
    raise AssertionError("the second turn answers or raises")


def _forget_connections(engine: Engine) -> None:
    """The server went away: what else the pool keeps is dead too."""
    engine.dispose()
