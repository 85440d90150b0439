"""Statements of the busiest paths, straight through the driver's C library, in the session's own transaction.

A save has a dozen statements. A cursor of the driver's costs 0.12 ms of processor time for each, SQLAlchemy's way more, this
0.02 ms. Parameters are `:named`, rows are plain tuples, errors are SQLAlchemy's as everywhere else.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import count
from typing import Any, TypeVar

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult
from psycopg.types.numeric import Int8
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

Row = tuple[Any, ...]
Driver = psycopg.Connection[Row]
_Found = TypeVar("_Found")
_NAMED = re.compile(r"(?<![:\w]):([a-z_]\w*)")
_DONE = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK, ExecStatus.EMPTY_QUERY)
_UNKNOWN, _BIGINT, _BIGINTS, _DATE, _MOMENT = 0, 20, 1016, 1082, 1184
"""Postgres' numbers of types; the unknown ones it finds out from where they stand."""

MOST_KNOWN = 300
"""Statements that one connection remembers; the one unused for longest makes place."""


class _Met:
    """A statement that a connection has met: the name it is prepared under, empty until the second time, and what reads its rows."""

    __slots__ = ("name", "reader")

    def __init__(self) -> None:
        self.name = b""
        self.reader: Any = None


_Known = OrderedDict[tuple[bytes, tuple[int, ...]], _Met]
"""By text and types of parameters."""

_KNOWN = "crm_known"
"""Where a connection carries its own: the readers point back to it, so a table beside it would keep it alive."""

_numbers = count(1)


def rows(session: Session, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
    """Run `sql` and answer its rows; none for a statement that answers nothing. Raises SQLAlchemy's `DBAPIError`."""
    driver = _driver(session)
    with _told(session, driver, sql):
        return _run(driver, sql, parameters or {})[1]


def table(session: Session, sql: str, parameters: Mapping[str, Any] | None = None) -> tuple[list[str], list[Row]]:
    """Run a query and answer the names of its columns, and its rows."""
    driver = _driver(session)
    with _told(session, driver, sql):
        result, found = _run(driver, sql, parameters or {})
        return [(result.fname(i) or b"").decode() for i in range(result.nfields)], found


@contextmanager
def savepoint(session: Session) -> Iterator[None]:
    """What is done inside stands or falls together: an exception takes it all back, and the transaction can go on."""
    driver = _driver(session)
    with _told(session, driver, "savepoint"):
        _script(driver, b"savepoint here")
    try:
        yield
    except BaseException:
        with suppress(psycopg.OperationalError):  # gone with its connection
            _script(driver, b"rollback to savepoint here; release savepoint here")
        raise
    with _told(session, driver, "release savepoint"):
        _script(driver, b"release savepoint here")


def _driver(session: Session) -> Driver:
    return session.connection().connection.driver_connection  # type: ignore[return-value]


@contextmanager
def _told(session: Session, driver: Driver, sql: str) -> Iterator[None]:
    """The driver's errors as SQLAlchemy's."""
    try:
        yield
    except psycopg.Error as error:
        connection = session.connection()
        if driver.closed:
            _forget_connections(connection.engine)
        raise DBAPIError.instance(
            sql, None, error, psycopg.Error, hide_parameters=True, dialect=connection.dialect, connection_invalidated=driver.closed
        ) from error


# The statement itself


def _run(driver: Driver, sql: str, parameters: Mapping[str, Any]) -> tuple[PGresult, list[Row]]:
    if driver.pgconn.transaction_status == TransactionStatus.IDLE:
        _script(driver, b"begin")
    content, names = _read(sql)
    values, types, formats = _given(driver, [parameters[name] for name in names])
    met = _met(driver, content, types)
    if met.name:
        result = _sound(driver, driver.pgconn.exec_prepared(met.name, values, formats))
    else:
        result = _sound(driver, driver.pgconn.exec_params(content, values, types, formats))
    return result, _tuples(driver, result, met)


def _script(driver: Driver, sql: bytes) -> None:
    """Statements without parameters, several in one round trip."""
    _sound(driver, driver.pgconn.exec_(sql))


def _sound(driver: Driver, result: PGresult) -> PGresult:
    if result.status in _DONE:
        return result
    if driver.pgconn.status == ConnStatus.BAD:
        raise psycopg.OperationalError("the connection is lost")
    raise error_from_result(result)


def _tuples(driver: Driver, result: PGresult, met: _Met) -> list[Row]:
    if not result.ntuples:
        return []
    reader = met.reader if met.name else None
    if reader is None:
        reader = met.reader = Transformer(driver)
        reader.set_pgresult(result)
    else:
        reader.set_pgresult(result, set_loaders=False)
    return reader.load_rows(0, result.ntuples, tuple)


@lru_cache(maxsize=1024)
def _read(sql: str) -> tuple[bytes, tuple[str, ...]]:
    """With numbers for names, and the names in their order."""
    names: dict[str, int] = {}
    content = _NAMED.sub(lambda found: f"${names.setdefault(found[1], len(names) + 1)}", sql)
    return content.encode(), tuple(names)


def _met(driver: Driver, content: bytes, types: tuple[int, ...]) -> _Met:
    """What the connection knows of a statement; it is prepared at its second time, for the first may be the only one."""
    known: _Known = vars(driver).setdefault(_KNOWN, OrderedDict())
    key = (content, types)
    met = known.get(key)
    if met is None:
        met = known[key] = _Met()
        if len(known) > MOST_KNOWN and (oldest := known.popitem(last=False)[1]).name:
            _script(driver, b"deallocate " + oldest.name)
        return met
    known.move_to_end(key)
    if not met.name:
        name = f"crm_{next(_numbers)}".encode()
        _sound(driver, driver.pgconn.prepare(name, content, types))
        met.name, met.reader = name, None
    return met


def _given(driver: Driver, values: Sequence[Any]) -> tuple[list[Any], tuple[int, ...], Sequence[Any] | None]:
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


def keep_plans(engine: Engine) -> None:
    """Let prepared statements outlive a rollback. The driver would drop all of the connection's, ours too, and each refused save with them."""

    @event.listens_for(engine, "rollback")
    def before_rollback(connection: Connection) -> None:
        if not connection.invalidated:
            _roll_back(connection.connection.driver_connection)  # type: ignore[arg-type]

    @event.listens_for(engine, "reset")
    def before_reset(driver: Driver, _record: object, _state: object) -> None:
        _roll_back(driver)

    @event.listens_for(engine, "rollback_savepoint")
    def before_savepoint_is_rolled_back(connection: Connection, _name: str, _context: object) -> None:
        vars(connection.connection.driver_connection).pop(_KNOWN, None)


def _roll_back(driver: Driver) -> None:
    """The driver then finds nothing to roll back."""
    if driver.pgconn.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
        driver.pgconn.exec_(b"rollback")


# A question of its own


def ask(engine: Engine, role: str, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
    """One question as `role` in a transaction of its own. Asked again where the connection had died."""
    return _patiently(engine, lambda driver: _ask(driver, role, sql, parameters))


def _ask(driver: Driver, role: str, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
    _script(driver, f'begin; set local role "{role}"'.encode())
    found = _run(driver, sql, parameters)[1]
    _script(driver, b"commit")
    return found


def _patiently(engine: Engine, work: Callable[[Driver], _Found]) -> _Found:
    """`work` with a connection of the pool, once more with a new one where the server had closed it."""
    for is_last in (False, True):
        connection = engine.raw_connection()
        driver: Driver = connection.driver_connection  # type: ignore[assignment]
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
