"""What production answers is laid out beside the mirror first, in tables of the sync's own connection, and looked at as a whole.

Nothing of the mirror changes here, so an answer that breaks off or is wrong costs nothing but the time it took.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import psycopg
from sqlalchemy import Connection, text
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

from crm.access import as_system
from crm.customers.production import BadAnswer, Production
from crm.customers.rules import is_partial
from crm.db import direct

ROWS_A_CHUNK = 20_000
LAYOUT = {
    "staged_rates": (("currency", "text"), ("day", "date"), ("usd_per_unit", "numeric")),
    "staged_customers": (
        ("external_id", "text"), ("name", "text"), ("market", "text"), ("segment", "text"), ("email", "text"), ("phone", "text"), ("updated_at", "timestamptz"),
    ),
    "staged_orders": (
        ("external_id", "text"), ("customer_id", "text"), ("ordered_at", "timestamptz"), ("amount", "numeric"), ("currency", "text"), ("status", "text"),
        ("updated_at", "timestamptz"),
    ),
}  # fmt: skip
_TYPED = {
    "usd_per_unit": "numeric(18, 9) check (usd_per_unit > 0 and usd_per_unit <> 'NaN')", "amount": "numeric(14, 2) check (amount <> 'NaN')",
    "currency": "char(3)", "market": "char(2)", "external_id": "text not null check (length(external_id) between 1 and 300)",
}  # fmt: skip
_TOO_LARGE = text("""
    select exists (
        select from (select currency, max(abs(amount)) as amount from staged_orders group by currency) as o
        join (
            select currency, max(usd_per_unit) as rate
            from (select currency, usd_per_unit from crm.exchange_rates union all select currency, usd_per_unit from staged_rates) as r
            group by currency
        ) as r using (currency)
        where o.amount * r.rate >= 10000000000000
    )
""")
_HELD = text("""
    select (select count(*) from crm.customers where gone_at is null) as customers, (select count(*) from crm.orders where gone_at is null) as orders,
        exists (select from crm.sync_runs where state = 'done' and rates_read > 0) as had_rates
""")
_READ = text("""
    select (select count(distinct external_id) from staged_customers) as customers, (select count(distinct external_id) from staged_orders) as orders,
        (select count(*) from staged_rates) as rates
""")
_SEEN_UNTIL = text("""
    select greatest((select max(updated_at) from staged_customers), (select max(updated_at) from staged_orders))
""")


def lay_out(session: Session) -> None:
    """Empty tables, typed as the mirror's: a value that could not be kept is met here and not halfway through the merge."""
    for table, columns in LAYOUT.items():
        typed = ", ".join(f"{name} {_TYPED.get(name, kind)}" for name, kind in columns)
        session.execute(text(f"create temporary table {table} ({typed}, n bigint generated always as identity)"))


def read_all(connection: Connection, production: Production, since: datetime | None, tell: Callable[[str, str, int], None]) -> None:
    """All three answers, to their ends. `tell(step, what, rows so far)`. Raises `BadAnswer`."""
    for what, table, rows in (
        ("rates", "staged_rates", _rates(production, since)),
        ("customers", "staged_customers", _customers(production, since)),
        ("orders", "staged_orders", _orders(production, since)),
    ):
        tell(f"Reading {what}", what, 0)
        read = 0
        while chunk := list(islice(rows, ROWS_A_CHUNK)):
            with as_system(engine=connection) as session:
                _copy(session, table, chunk)
            read += len(chunk)
            tell(f"Reading {what}", what, read)


def _rates(production: Production, since: datetime | None) -> Iterator[tuple[Any, ...]]:
    return ((row.currency, row.day, row.usd_per_unit) for row in production.rates(since))


def _customers(production: Production, since: datetime | None) -> Iterator[tuple[Any, ...]]:
    return ((row.external_id, row.name, row.market, row.segment, row.email, row.phone, row.updated_at) for row in production.customers(since))


def _orders(production: Production, since: datetime | None) -> Iterator[tuple[Any, ...]]:
    return ((row.external_id, row.customer_id, row.ordered_at, row.amount, row.currency, row.status, row.updated_at) for row in production.orders(since))


def _copy(session: Session, table: str, rows: Iterable[Sequence[Any]]) -> None:
    columns, driver = LAYOUT[table], direct.driver_of(session)
    try:
        with driver.cursor() as cursor, cursor.copy(f"copy {table} ({', '.join(name for name, _ in columns)}) from stdin (format binary)") as copy:
            copy.set_types([{"timestamptz": "timestamptz", "numeric": "numeric", "date": "date"}.get(kind, "text") for _, kind in columns])
            for row in rows:
                copy.write_row(row)
    except (psycopg.DataError, psycopg.IntegrityError):
        raise BadAnswer("values", "An answer of production holds a value that cannot be kept: an amount, a currency, a market or a text.") from None


def check(session: Session, *, is_full: bool) -> None:
    """Raises `BadAnswer` for a full answer that is only part of one, and for what could not be kept."""
    for table in LAYOUT:
        session.execute(text(f"analyze {table}"))
    try:
        too_large = session.scalar(_TOO_LARGE)
    except DataError:
        too_large = True
    if too_large:
        raise BadAnswer("values", "An order of production is worth more than can be kept. Nothing was changed.")
    if not is_full:
        return
    read, held = session.execute(_READ).one(), session.execute(_HELD).one()
    for what in ("customers", "orders"):
        now, before = getattr(read, what), getattr(held, what)
        if is_partial(now, before):
            raise BadAnswer("partial", f"Production answered with {now:,} {what} where {before:,} are known, which looks like part of it. Nothing was changed.")
    if held.had_rates and not read.rates:
        raise BadAnswer("partial", "Production answered without any exchange rate, where it had some before. Nothing was changed.")


def seen_until(session: Session, *, before: datetime | None, begun_at: datetime) -> datetime | None:
    """The newest change read so far. Never later than this run began: a date in the future would hide what comes until then."""
    newest: datetime | None = session.scalar(_SEEN_UNTIL)
    found = max((moment for moment in (before, newest) if moment), default=None)
    return min(found, begun_at) if found else None
