"""Statements of the busiest paths, straight through the driver's C library, in the session's own transaction.

A save has a dozen statements. A cursor of the driver's costs 0.12 ms of processor time for each, SQLAlchemy's way more, this
0.02 ms. Parameters are `:named`, rows are plain tuples, errors are SQLAlchemy's as everywhere else.

What is run for its effect alone (`later`: whose role, a savepoint) waits for the next statement and travels with it in one
round trip, and so does the transaction's beginning. Whoever takes the driver itself gets it from `driver_of`, which sends them first.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any, TypeVar

import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult
from psycopg.waiting import Ready, Wait
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from crm.db import wire

Row = tuple[Any, ...]
Driver = psycopg.Connection[Row]
_Found = TypeVar("_Found")
_NAMED = re.compile(r"(?<![:\w]):([a-z_]\w*)")
_DONE = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK, ExecStatus.EMPTY_QUERY)
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

_WAITING = "crm_waiting"
"""Where a connection carries the statements that wait for the next one."""

_numbers = count(1)


@dataclass(slots=True)
class _Statement:
    """One statement as the C library takes it."""

    met: _Met
    content: bytes
    values: list[Any]
    types: tuple[int, ...]
    formats: Sequence[Any] | None = None


_BEGIN, _COMMIT, _SAVEPOINT, _RELEASE = (_Statement(_Met(), sql, [], ()) for sql in (b"begin", b"commit", b"savepoint here", b"release savepoint here"))


def later(session: Session, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
    """Run `sql`, whose answer nobody needs and whose effect ends with the transaction, before this session's next statement."""
    driver = _driver(session)
    with _told(session, driver, sql):
        _waiting(driver).append(_statement(driver, sql, parameters or {}))


def driver_of(session: Session) -> Driver:
    """The session's connection itself, with nothing waiting any more."""
    driver = _driver(session)
    with _told(session, driver, "settings"):
        _send_waiting(driver)
    return driver


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
    _waiting(driver).append(_SAVEPOINT)
    try:
        yield
    except BaseException:
        with suppress(psycopg.OperationalError):  # gone with its connection
            _take_back(driver)
        raise
    _waiting(driver).append(_RELEASE)


def _take_back(driver: Driver) -> None:
    """To the savepoint, unless it was never sent. What waits came after it and goes with it."""
    waiting, inner = _waiting(driver), 0
    for place in reversed(range(len(waiting))):
        if waiting[place] is _RELEASE:
            inner += 1
        elif waiting[place] is _SAVEPOINT and inner:
            inner -= 1
        elif waiting[place] is _SAVEPOINT:
            del waiting[place:]
            return
    waiting.clear()
    _script(driver, b"rollback to savepoint here; release savepoint here")


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
    statement = _statement(driver, sql, parameters)
    before = _taken(driver)
    result = _together(driver, [*before, statement])[-1] if before else _alone(driver, statement)
    return result, _tuples(driver, result, statement.met)


def _statement(driver: Driver, sql: str, parameters: Mapping[str, Any]) -> _Statement:
    content, names = _read(sql)
    values, types, formats = wire.given(driver, [parameters[name] for name in names])
    return _Statement(_met(driver, content, types), content, values, types, formats)


def _waiting(driver: Driver) -> list[_Statement]:
    found: list[_Statement] = vars(driver).setdefault(_WAITING, [])
    return found


def _taken(driver: Driver) -> list[_Statement]:
    """What goes before the next statement: the transaction's beginning, and what waits, which then waits no longer."""
    waiting = vars(driver).pop(_WAITING, [])
    return [_BEGIN, *waiting] if driver.pgconn.transaction_status == TransactionStatus.IDLE else waiting


def _send_waiting(driver: Driver) -> None:
    if vars(driver).get(_WAITING):
        _together(driver, _taken(driver))


def _alone(driver: Driver, statement: _Statement) -> PGresult:
    if statement.met.name:
        return _sound(driver, driver.pgconn.exec_prepared(statement.met.name, statement.values, statement.formats))
    return _sound(driver, driver.pgconn.exec_params(statement.content, statement.values, statement.types, statement.formats))


def _together(driver: Driver, statements: Sequence[_Statement]) -> list[PGresult]:
    """Several statements in one round trip; their results in order. The first that fails is raised; those after it were not run."""
    pgconn = driver.pgconn
    pgconn.enter_pipeline_mode()
    try:
        for each in statements:
            if each.met.name:
                pgconn.send_query_prepared(each.met.name, each.values, each.formats)
            else:
                pgconn.send_query_params(each.content, each.values, each.types, each.formats)
        pgconn.pipeline_sync()
        results = driver.wait(_answers(driver))
    finally:
        with suppress(psycopg.OperationalError):  # the connection is lost, which is being told
            pgconn.exit_pipeline_mode()
    return [_sound(driver, result) for result in results]


def _answers(driver: Driver) -> Generator[Wait, Ready | int, list[PGresult]]:
    """What comes back until the end of the pipeline; the driver waits without holding up other threads."""
    pgconn, found = driver.pgconn, list[PGresult]()
    while pgconn.flush():
        yield Wait.RW
        pgconn.consume_input()
    while True:
        while pgconn.is_busy():
            yield Wait.R
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            continue  # the end of one statement's results
        if result.status == ExecStatus.PIPELINE_SYNC:
            return found
        found.append(result)


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
        known = vars(connection.connection.driver_connection)
        known.pop(_KNOWN, None)
        known.pop(_WAITING, None)


def send_in_order(engine: Engine) -> None:
    """What waits goes before SQLAlchemy's own statements too; at the end of a transaction nobody needs it any more."""

    @event.listens_for(engine, "before_cursor_execute")
    def before_cursor_execute(connection: Connection, *_: object) -> None:
        _send_waiting(connection.connection.driver_connection)  # type: ignore[arg-type]

    @event.listens_for(engine, "commit")
    def before_commit(connection: Connection) -> None:
        vars(connection.connection.driver_connection).pop(_WAITING, None)


def _roll_back(driver: Driver) -> None:
    """The driver then finds nothing to roll back."""
    vars(driver).pop(_WAITING, None)
    if driver.pgconn.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
        driver.pgconn.exec_(b"rollback")


# A question of its own


def ask(engine: Engine, role: str, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
    """One question as `role` in a transaction of its own. Asked again where the connection had died."""
    return _patiently(engine, lambda driver: _ask(driver, role, sql, parameters))


def _ask(driver: Driver, role: str, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
    statement = _statement(driver, sql, parameters)
    switch = _Statement(_Met(), f'set local role "{role}"'.encode(), [], ())
    result = _together(driver, [_BEGIN, switch, statement, _COMMIT])[2]
    return _tuples(driver, result, statement.met)


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
