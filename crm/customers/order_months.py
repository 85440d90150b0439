"""Folds orders by month, so that revenue grows with months and markets instead of with orders.

A month that is counted stands in `folded_order_months`; a trigger takes it off there in the statement that changes an order of it,
whoever does that. A report counts the months that are not there, and what is less than a month, from the orders themselves: it is
exact at every moment, whatever was folded. Months that are not over yet are never folded, for they change with each reading.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.organisation.reads import reporting_time_zone

# Whoever changes orders of a month waits here until it is counted, or has taken it off before it is: no order is missed.
_ALONE = "lock table crm.folded_order_months in share row exclusive mode"
_OTHER_ZONE = text("delete from crm.folded_order_months where begins_at <> month::timestamp at time zone :time_zone")
_MISSING = """
    select w.month::date as month, w.month at time zone :time_zone as begins_at, (w.month + interval '1 month') at time zone :time_zone as ends_at
    from (
        select generate_series(date_trunc('month', min(ordered_at) at time zone :time_zone), :now at time zone :time_zone, interval '1 month') as month
        from crm.orders where is_counted and gone_at is null
    ) as w
    where (w.month + interval '1 month') at time zone :time_zone <= :now
        and not exists (select from crm.folded_order_months as f where f.month = w.month::date)
"""
_FORGET = text("delete from crm.order_months as m where not exists (select from crm.folded_order_months as f where f.month = m.month)")
_COUNT = text(f"""
    with missing as materialized ({_MISSING}), counted as (
        insert into crm.order_months (month, team_id, market, currency, orders, customers, amount, amount_usd, unconverted)
        select w.month, o.team_id, o.market, o.currency, count(*), count(distinct o.customer_id), sum(o.amount), coalesce(sum(o.amount_usd), 0),
            count(*) filter (where o.amount_usd is null)
        from missing as w
        join crm.orders as o on o.ordered_at >= w.begins_at and o.ordered_at < w.ends_at
        where o.is_counted and o.gone_at is null
        group by w.month, o.team_id, o.market, o.currency
    )
    insert into crm.folded_order_months (month, begins_at, ends_at) select month, begins_at, ends_at from missing
""")

_WRONG = text("""
    select count(*) filter (where (c.orders, c.customers, c.amount, c.amount_usd, c.unconverted)
            is distinct from (o.orders, o.customers, o.amount, o.amount_usd, o.unconverted)) as wrong, count(distinct o.month) as months
    from (
        select f.month, o.team_id, o.market, o.currency, count(*) as orders, count(distinct o.customer_id) as customers, sum(o.amount) as amount,
            coalesce(sum(o.amount_usd), 0) as amount_usd, count(*) filter (where o.amount_usd is null) as unconverted
        from crm.folded_order_months as f
        join crm.orders as o on o.ordered_at >= f.begins_at and o.ordered_at < f.ends_at
        where o.is_counted and o.gone_at is null
        group by f.month, o.team_id, o.market, o.currency
    ) as o
    full join (select m.* from crm.order_months as m join crm.folded_order_months as f on f.month = m.month) as c
        on c.month = o.month and (coalesce(c.team_id, 0), coalesce(c.market, ''), c.currency) = (coalesce(o.team_id, 0), coalesce(o.market, ''), o.currency)
""")


def fold_orders(session: Session, now: datetime, *, is_anew: bool = False) -> int:
    """Count every whole month that is not counted (`is_anew`: every one there is); answers how many there were. The session is the system's."""
    session.execute(text(_ALONE))
    if is_anew:
        session.execute(text("delete from crm.folded_order_months"))
    given = {"time_zone": reporting_time_zone(session)}
    session.execute(_OTHER_ZONE, given)
    session.execute(_FORGET)
    done = session.execute(_COUNT, {**given, "now": now})
    return int(done.rowcount)  # type: ignore[attr-defined]


def months_equal_orders(session: Session) -> tuple[bool, str]:
    """Whether each month that is counted holds what its orders say, in words. The session sees everything."""
    row = session.execute(_WRONG).one()
    if row.wrong:
        return False, f"{row.wrong:,} sums of a month differ from its orders: python -m crm doctor --rebuild-fold counts them anew"
    return True, f"{row.months:,} whole months of orders add up"
