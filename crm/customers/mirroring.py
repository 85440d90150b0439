"""From what was read and found whole to the mirror: only rows that differ are written, in id order and in short transactions.

What differs is worked out first, without a lock, into a table of the sync's own connection. A batch of orders is written
together with the totals of its customers, so that the mirror agrees with itself at every commit; the figures that hang on leads
follow in a transaction of their own, because people lock leads before customers and the mirror must not do it the other way round.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, TextClause, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from crm.access import as_system
from crm.customers.rules import UNCOUNTED

CUSTOMERS_A_BATCH = 2_000
ORDERS_A_BATCH = 8_000
LEADS_OF_CUSTOMERS = 500
TRIES = 10
PAUSE_SECONDS = 0.05
_AGAIN = ("40P01", "55P03")
_Found = TypeVar("_Found")

_RATES = text("""
    with newest as (
        select distinct on (currency, day) currency, day, usd_per_unit from staged_rates order by currency, day, n desc
    ), firsts as (
        select currency, min(valid_from) as day from crm.exchange_rates group by currency
    ), kept as (
        insert into crm.exchange_rates as r (currency, valid_from, usd_per_unit)
        select currency, day, usd_per_unit from newest order by currency, day
        on conflict (currency, valid_from) do update set usd_per_unit = excluded.usd_per_unit where r.usd_per_unit <> excluded.usd_per_unit
        returning currency, valid_from
    )
    insert into moved_rates (currency, since)
    select k.currency, case when min(k.valid_from) <= coalesce(min(f.day), 'infinity') then '-infinity' else min(k.valid_from) end
    from kept as k left join firsts as f using (currency) group by k.currency
""")
_LAY_OUT = """
    create temporary table moved_rates (currency char(3) primary key, since date);
    create temporary table due_customers (
        n bigint generated always as identity primary key, id bigint, external_id text, name text, market char(2), segment text, email text, phone text,
        team_id bigint, is_gone boolean, is_moved boolean, is_turned boolean
    );
    create temporary table due_orders (
        id bigint, was_customer_id bigint, external_id text, customer_id bigint, ordered_at timestamptz, amount numeric(14, 2), currency char(3),
        amount_usd numeric(16, 2), status text, is_counted boolean, market char(2), team_id bigint, is_gone boolean
    );
"""
_CUSTOMERS_READ = text("""
    insert into due_customers (id, external_id, name, market, segment, email, phone, team_id, is_gone, is_moved, is_turned)
    select c.id, s.external_id, s.name, s.market, s.segment, s.email, s.phone, m.team_id, false,
        (c.market, c.team_id) is distinct from (s.market, m.team_id), c.gone_at is not null
    from (select distinct on (external_id) * from staged_customers order by external_id, updated_at desc, n desc) as s
    left join crm.markets as m on m.code = s.market
    left join crm.customers as c on c.external_id = s.external_id
    where c.id is null or c.gone_at is not null
        or (c.name, c.market, c.segment, c.email, c.phone, c.team_id) is distinct from (s.name, s.market, s.segment, s.email, s.phone, m.team_id)
    order by c.id, s.external_id
""")
# Whose market was given to another team meanwhile, and, after a full answer, who is not in it.
_CUSTOMERS_NOT_READ = text("""
    insert into due_customers (id, external_id, name, market, segment, email, phone, team_id, is_gone, is_moved, is_turned)
    select c.id, c.external_id, c.name, c.market, c.segment, c.email, c.phone, m.team_id, :is_full or c.gone_at is not null,
        c.team_id is distinct from m.team_id, :is_full and c.gone_at is null
    from crm.customers as c
    left join crm.markets as m on m.code = c.market
    where (c.team_id is distinct from m.team_id or (:is_full and c.gone_at is null))
        and not exists (select from staged_customers as s where s.external_id = c.external_id)
    order by c.id
""")
_BATCH = "from due_customers where n > :after and n <= :upto"
_LOCK_CUSTOMERS = text(f"select from crm.customers where id in (select id {_BATCH}) order by id for no key update")
_UPDATE_CUSTOMERS = text(f"""
    update crm.customers as c
    set name = d.name, market = d.market, segment = d.segment, email = d.email, phone = d.phone, team_id = d.team_id,
        gone_at = case when d.is_gone then coalesce(c.gone_at, :now) end, mirrored_at = :now
    from (select * {_BATCH}) as d
    where c.id = d.id
""")
_INSERT_CUSTOMERS = text(f"""
    insert into crm.customers (external_id, name, market, segment, email, phone, team_id, created_at, mirrored_at)
    select external_id, name, market, segment, email, phone, team_id, :now, :now {_BATCH} and id is null order by n
""")
_MOVE_ORDERS = text(f"""
    update crm.orders as o set market = d.market, team_id = d.team_id, mirrored_at = :now
    from (select * {_BATCH}) as d
    where d.is_moved and o.customer_id = d.id and (o.market, o.team_id) is distinct from (d.market, d.team_id)
""")
_DAY_RATES = """
    create temporary table day_rates as
    select d.currency, d.day, case when d.currency = 'USD' then 1 else coalesce(
        (select usd_per_unit from crm.exchange_rates as r where r.currency = d.currency and r.valid_from <= d.day order by r.valid_from desc limit 1),
        (select usd_per_unit from crm.exchange_rates as r where r.currency = d.currency order by r.valid_from limit 1)
    ) end as usd_per_unit
    from (select distinct currency, ordered_at::date as day from staged_orders) as d
"""
"""As crm.to_usd does for one order, once for each day and currency."""
_ORDERS_READ = text("""
    insert into due_orders
    select o.id, o.customer_id, w.*, false
    from (
        select s.external_id, c.id as customer_id, s.ordered_at, s.amount, s.currency, round(s.amount * r.usd_per_unit, 2) as amount_usd, s.status,
            s.status <> all (:uncounted) as is_counted, c.market, c.team_id
        from (select distinct on (external_id) * from staged_orders order by external_id, updated_at desc, n desc) as s
        join crm.customers as c on c.external_id = s.customer_id
        left join day_rates as r on r.currency = s.currency and r.day = s.ordered_at::date
    ) as w
    left join crm.orders as o on o.external_id = w.external_id
    where o.id is null or o.gone_at is not null
        or (o.customer_id, o.ordered_at, o.amount, o.currency, o.amount_usd, o.status, o.is_counted, o.market, o.team_id)
            is distinct from (w.customer_id, w.ordered_at, w.amount, w.currency, w.amount_usd, w.status, w.is_counted, w.market, w.team_id)
    order by w.customer_id
""")
_STANDING = """
    insert into due_orders
    select o.id, o.customer_id, o.external_id, o.customer_id, o.ordered_at, o.amount, o.currency, {usd}, o.status, o.is_counted, o.market, o.team_id, {gone}
    from {orders} as o
"""
_ORDERS_GONE = text(f"""
    {_STANDING.format(usd="o.amount_usd", gone="true", orders="crm.orders")}
    where o.gone_at is null and not exists (select from staged_orders as s where s.external_id = o.external_id)
    order by o.customer_id
""")
# Rates that came late, or were corrected, for orders that stand. Which ones they hold for is settled first, behind "offset 0": the planner would
# look up the rate of each of a million orders, and of those since the day of a new rate afterwards.
_ORDERS_HELD_FOR = """(
        select o.* from crm.orders as o join moved_rates as m on m.currency = o.currency and o.ordered_at >= m.since
        where o.ordered_at >= cast(:since as timestamptz) offset 0
    )"""
_ORDERS_REVALUED = text(f"""
    {_STANDING.format(usd="crm.to_usd(o.amount, o.currency, o.ordered_at::date)", gone="o.gone_at is not null", orders=_ORDERS_HELD_FOR)}
    where o.amount_usd is distinct from crm.to_usd(o.amount, o.currency, o.ordered_at::date)
        and not exists (select from staged_orders as s where s.external_id = o.external_id)
        and not exists (select from due_orders as d where d.id = o.id)
    order by o.customer_id
""")
_UPTO = text("""
    select coalesce(
        (select customer_id from due_orders where customer_id > :after order by customer_id offset :size - 1 limit 1),
        (select max(customer_id) from due_orders)
    )
""")
_DUE = "from due_orders where customer_id > :after and customer_id <= :upto"
# Whose totals change; how many orders of the batch stand already, and how many are new.
_OWNERS = text(f"""
    select
        (select array_agg(id order by id) from (select customer_id as id {_DUE} union select was_customer_id {_DUE}) as o where id is not null) as owners,
        count(id) as standing, count(*) - count(id) as new
    {_DUE}
""")
_UPDATE_ORDERS = text(f"""
    update crm.orders as o
    set customer_id = d.customer_id, ordered_at = d.ordered_at, amount = d.amount, currency = d.currency, amount_usd = d.amount_usd, status = d.status,
        is_counted = d.is_counted, market = d.market, team_id = d.team_id, gone_at = case when d.is_gone then coalesce(o.gone_at, :now) end, mirrored_at = :now
    from (select * {_DUE}) as d
    where o.id = d.id
""")
_INSERT_ORDERS = text(f"""
    insert into crm.orders (external_id, customer_id, ordered_at, amount, currency, amount_usd, status, is_counted, market, team_id, mirrored_at)
    select external_id, customer_id, ordered_at, amount, currency, amount_usd, status, is_counted, market, team_id, :now {_DUE} and id is null
    order by ordered_at
""")
_SMALL_STEPS = text("select set_config('enable_seqscan', 'off', true)")
_PLAN_AFRESH = text("select set_config('plan_cache_mode', 'force_custom_plan', true)")
_TOTALS = text("select crm.refresh_customer_totals(:ids)")
_LEADS = text("select crm.refresh_leads_of_customers(:ids)")
_LEFT_OUT = text("""
    select (select count(distinct s.external_id) from staged_orders as s where not exists (select from crm.customers as c where c.external_id = s.customer_id)),
        (select count(distinct s.external_id) from staged_orders as s join day_rates as r on r.currency = s.currency and r.day = s.ordered_at::date
            where r.usd_per_unit is null)
""")


class Mirroring:
    """One merge on the sync's own connection. `now` stamps what is written; `tell(step, counts)` reports."""

    def __init__(self, connection: Connection, *, is_full: bool, now: datetime, tell: Callable[..., None]) -> None:
        self.connection, self.is_full, self.now, self.tell = connection, is_full, now, tell
        self.customers_changed = self.orders_changed = self.leads_changed = 0
        self.waiting = self.without_rate = 0
        """Orders whose customer is not known yet, and orders in a currency that has no rate."""

    def merge(self) -> None:
        """Bring the mirror up to what was staged."""
        self._in_one(self._begin)
        self._write_customers()
        self._link()
        self._in_one(self._find_orders)
        self._write_orders()

    def _begin(self, session: Session) -> None:
        for statement in _LAY_OUT.strip().removesuffix(";").split(";"):
            session.execute(text(statement))
        session.execute(_RATES)
        session.execute(_CUSTOMERS_READ)
        session.execute(_CUSTOMERS_NOT_READ, {"is_full": self.is_full})
        session.execute(text("analyze due_customers"))

    # Customers

    def _write_customers(self) -> None:
        total = self._in_one(_scalar, text("select count(*) from due_customers"))
        for after in range(0, total, CUSTOMERS_A_BATCH):
            place = {"after": after, "upto": after + CUSTOMERS_A_BATCH, "now": self.now}
            self._in_one(self._write_customer_batch, place)
            self.customers_changed = min(after + CUSTOMERS_A_BATCH, total)
            self.tell(f"Writing customers: {self.customers_changed:,} of {total:,}", customers_changed=self.customers_changed)
        turned = self._in_one(_scalars, text("select id from due_customers where is_turned and id is not null order by id"))
        self._refresh_leads(turned)

    def _write_customer_batch(self, session: Session, place: dict[str, Any]) -> None:
        _in_small_steps(session)
        if session.execute(_LOCK_CUSTOMERS, place).rowcount:  # type: ignore[attr-defined]
            session.execute(_UPDATE_CUSTOMERS, place)
            session.execute(_MOVE_ORDERS, place)
        session.execute(_INSERT_CUSTOMERS, place)

    def _link(self) -> None:
        self.tell("Writing links to companies")
        self._refresh_leads(self._in_one(_linked))

    # Orders

    def _find_orders(self, session: Session) -> None:
        session.execute(text("set local work_mem = '64MB'"))
        session.execute(text(_DAY_RATES))
        session.execute(text("analyze day_rates"))
        if self.is_full:
            _without_nested_loops(session)
        session.execute(_ORDERS_READ, {"uncounted": list(UNCOUNTED)})
        if self.is_full:
            session.execute(_ORDERS_GONE)
        if since := session.scalar(text("select cast(min(since) as text) from moved_rates")):
            session.execute(text("create index on due_orders (id)"))
            session.execute(_ORDERS_REVALUED, {"since": since})
        session.execute(text("create index on due_orders (customer_id)"))
        session.execute(text("analyze due_orders"))
        self.waiting, self.without_rate = session.execute(_LEFT_OUT).one()

    def _write_orders(self) -> None:
        total = self._in_one(_scalar, text("select count(*) from due_orders"))
        after = 0
        while self.orders_changed < total:
            upto = self._upto(after)
            place = {"after": after, "upto": upto, "now": self.now}
            written, changed = self._in_one(self._write_order_batch, place)
            self.orders_changed += written
            self._refresh_leads(changed)
            after = upto
            self.tell(f"Writing orders: {self.orders_changed:,} of {total:,}", orders_changed=self.orders_changed)

    def _upto(self, after: int) -> int:
        """The last customer of the next batch: all of a customer's orders are in one."""
        return int(self._in_one(_scalar, _UPTO, {"after": after, "size": ORDERS_A_BATCH}))

    def _write_order_batch(self, session: Session, place: dict[str, Any]) -> tuple[int, list[int]]:
        _in_small_steps(session)
        owners, standing, new = session.execute(_OWNERS, place).one()
        if standing:
            session.execute(_UPDATE_ORDERS, place)
        if new:
            session.execute(_INSERT_ORDERS, place)
        return standing + new, _recounted(session, owners)

    # What hangs on them

    def mend(self) -> None:
        """Count every customer and lead anew: an earlier run was cut short between two of its transactions."""
        for ids in self._all_customers():
            self._in_one(_recounted, ids)
            self._refresh_leads(ids)
            self.tell("Writing totals anew")

    def _all_customers(self) -> Iterator[list[int]]:
        statement = text("select id from crm.customers where id > :after order by id limit :size")
        ids: list[int] = [0]
        while ids:
            ids = self._in_one(_scalars, statement, {"after": ids[-1], "size": LEADS_OF_CUSTOMERS})
            if ids:
                yield ids

    def _refresh_leads(self, customer_ids: list[int]) -> None:
        for start in range(0, len(customer_ids), LEADS_OF_CUSTOMERS):
            ids = customer_ids[start : start + LEADS_OF_CUSTOMERS]
            self.leads_changed += self._in_one(_refreshed, ids)

    def _in_one(self, work: Callable[..., _Found], *given: Any) -> _Found:
        """One short transaction; begun again where it met somebody else's in the wrong order."""
        for attempt in range(1, TRIES + 1):
            try:
                with as_system(engine=self.connection) as session:
                    return work(session, *given)
            except OperationalError as error:
                if attempt == TRIES or getattr(error.orig, "sqlstate", None) not in _AGAIN:
                    raise
                time.sleep(PAUSE_SECONDS * attempt)  # people come first
        raise AssertionError("the last turn answers or raises")


def _recounted(session: Session, customer_ids: list[int]) -> list[int]:
    """Planned afresh, because the tables grow under the run. Only now: each new order's own check of its customer would be, too."""
    session.execute(_PLAN_AFRESH)
    return session.scalar(_TOTALS, {"ids": customer_ids}) or []


def _refreshed(session: Session, customer_ids: list[int]) -> int:
    _in_small_steps(session)
    session.execute(_PLAN_AFRESH)
    return session.scalar(_LEADS, {"ids": customer_ids}) or 0


def _linked(session: Session) -> list[int]:
    _without_nested_loops(session)
    return session.scalar(text("select crm.link_customers()")) or []


def _in_small_steps(session: Session) -> None:
    """By index, whatever the statistics say of tables that this very run fills."""
    session.execute(_SMALL_STEPS)


def _without_nested_loops(session: Session) -> None:
    """What was filled a moment ago has no statistics yet: 83,000 new customers met 20,000 companies one by one."""
    session.execute(text("set local enable_nestloop = off"))


def _scalar(session: Session, statement: TextClause, given: dict[str, Any] | None = None) -> Any:
    return session.scalar(statement, given)


def _scalars(session: Session, statement: TextClause, given: dict[str, Any] | None = None) -> list[int]:
    return list(session.scalars(statement, given))
