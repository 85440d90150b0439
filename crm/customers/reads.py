"""Customers and their orders for screens and API. Row security decides which are in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy.orm import Session

from crm.access import person_of
from crm.db import direct
from crm.db.queries import load
from crm.errors import Invalid

Row = Mapping[str, Any]
SORTS: Mapping[str, str] = {
    "last_order_at": "c.last_order_at asc nulls last, c.id", "-last_order_at": "c.last_order_at desc nulls last, c.id desc",
    "lifetime_usd": "c.lifetime_usd, c.id", "-lifetime_usd": "c.lifetime_usd desc, c.id desc", "name": "c.name, c.id", "-name": "c.name desc, c.id desc",
}  # fmt: skip
_TYPES = {"last_order_at": "timestamptz", "lifetime_usd": "numeric", "name": "text"}

COLUMNS = """c.id, c.external_id, c.name, c.market, c.segment, c.email, c.phone, c.company_id, c.team_id, c.first_order_at, c.last_order_at, c.orders,
    c.lifetime_usd, c.last_contacted_at, c.mirrored_at"""
# Of the leads in sight the open one that changed last, else the one that changed last.
_LEAD = """select l.id, l.name, l.stage_id, l.owner_id from crm.leads as l
    where l.company_id = {company} and l.deleted_at is null
    order by l.stage_id in (select s.id from crm.stages as s where s.kind = 'open') desc, l.updated_at desc, l.id desc
    limit 1"""
_WITH_LEADS = f"""
    select p.*, l.id as lead_id, l.name as lead, l.stage_id, l.owner_id,
        p.id in (select crm.customers_with_leads(array(select w.id from page as w))) as has_lead
    from page as p
    left join lateral ({_LEAD.format(company="p.company_id")}) as l on true"""


@dataclass(frozen=True, slots=True)
class CustomerFilter:
    """Every part narrows the list; None or empty leaves it open.

    `contacted`: whether somebody contacted them since their last order. `has_lead`: one in sight.
    """

    markets: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    ordered_days: int | None = None
    not_ordered_days: int | None = None
    contacted: bool | None = None
    not_contacted_days: int | None = None
    has_lead: bool | None = None
    q: str = ""


_BOUNDS = {
    "ordered_days": "c.last_order_at >= now() - make_interval(days => cast(:ordered_days as int))",
    "not_ordered_days": "(c.last_order_at is null or c.last_order_at < now() - make_interval(days => cast(:not_ordered_days as int)))",
    "not_contacted_days": "(c.last_contacted_at is null or c.last_contacted_at < now() - make_interval(days => cast(:not_contacted_days as int)))",
}
_CONTACTED = {
    True: "c.last_contacted_at >= coalesce(c.last_order_at, '-infinity')",
    False: "(c.last_contacted_at is null or c.last_contacted_at < coalesce(c.last_order_at, 'infinity'))",
}
_HAS_LEAD = "exists (select from crm.leads as l where l.company_id = c.company_id and l.deleted_at is null)"


def _conditions(session: Session, wanted: CustomerFilter) -> tuple[str, dict[str, Any]]:
    """What a filter asks of `crm.customers as c`, and its parameters."""
    where, given = ["c.gone_at is null"], dict[str, Any]()
    reach = person_of(session).reach("customer", "view")
    if reach.scope == "team":  # the wall says so too, but as one of several ways, which no index can follow
        where.append("c.team_id = any(cast(:my_teams as bigint[]))")
        given["my_teams"] = sorted(reach.teams)
    for name, column in (("markets", "c.market"), ("segments", "c.segment")):
        if values := getattr(wanted, name):
            where.append(f"{column} = any(cast(:{name} as text[]))")
            given[name] = list(values)
    for name, condition in _BOUNDS.items():
        if (days := getattr(wanted, name)) is not None:
            where.append(condition)
            given[name] = days
    if wanted.contacted is not None:
        where.append(_CONTACTED[wanted.contacted])
    if wanted.has_lead is not None:
        where.append(_HAS_LEAD if wanted.has_lead else f"not ({_HAS_LEAD})")
    if q := wanted.q.strip()[:200]:
        where.append("(lower(c.name) like crm.search_pattern(:q) or c.external_id = :q or lower(c.email) = lower(:q))")
        given["q"] = q
    return " and ".join(where), given


def list_customers(
    session: Session, wanted: CustomerFilter, *, sort: str = "-last_order_at", limit: int = 100, offset: int = 0, after: tuple[Any, int] | None = None
) -> list[Row]:  # fmt: skip
    """A page of customers with `COLUMNS`, and lead_id, lead, stage_id, owner_id of their lead in sight; `has_lead`: of any lead at all.

    `after` is the (sort key, id) of the row to go on from.
    """
    if sort not in SORTS:
        raise Invalid(f"Customers cannot be sorted by “{sort}”. Take one of: {', '.join(_TYPES)}; a minus turns it round.", field="sort")
    where, given = _conditions(session, wanted)
    if after is not None:
        where += f" and {_behind(sort, after[0])}"
        given |= {"after_id": after[1], **({} if after[0] is None else {"after_key": after[0]})}
    part = f"limit {int(limit)} offset {int(offset)}"
    page = f"with page as materialized (select {COLUMNS} from crm.customers as c where {where} order by {SORTS[sort]} {part})"
    return _rows(session, f"{page} {_WITH_LEADS} order by {SORTS[sort].replace('c.', 'p.')}", given)


def _behind(sort: str, key: Any) -> str:
    """What comes after the row with this key; those that never ordered come last in either direction."""
    name, sign = sort.removeprefix("-"), "<" if sort.startswith("-") else ">"
    if key is None:
        return f"c.last_order_at is null and c.id {sign} :after_id"
    ahead = f"(c.{name}, c.id) {sign} (cast(:after_key as {_TYPES[name]}), cast(:after_id as bigint))"
    return f"({ahead} or c.last_order_at is null)" if name == "last_order_at" else ahead


def _rows(session: Session, statement: str, given: Mapping[str, Any]) -> list[Row]:
    columns, found = direct.table(session, statement, given)
    return [dict(zip(columns, row, strict=True)) for row in found]


def totals(session: Session, wanted: CustomerFilter) -> tuple[int, Decimal]:
    """How many customers the filter finds, and what they ordered in all, in USD."""
    where, given = _conditions(session, wanted)
    ((count, usd),) = direct.rows(session, f"select count(*), coalesce(sum(c.lifetime_usd), 0) from crm.customers as c where {where}", given)
    return count, usd


def customer(session: Session, customer_id: int) -> Row | None:
    """One customer, as in `list_customers`; None when hidden, missing or gone from production."""
    page = f"with page as materialized (select {COLUMNS} from crm.customers as c where c.id = :id and c.gone_at is null)"
    return next(iter(_rows(session, f"{page} {_WITH_LEADS}", {"id": customer_id})), None)


def customers_of_lead(session: Session, lead_id: int) -> list[Row]:
    """The customers that a lead's company is, whichever team theirs is; none for a lead out of sight."""
    return _rows(session, f"select {COLUMNS} from crm.customers_of_lead(:id) as c", {"id": lead_id})


ORDER = "o.id, o.external_id, o.customer_id, o.ordered_at, o.amount, o.currency, o.amount_usd, o.status, o.is_counted, o.market"
_SOURCES = {"customer": ("crm.orders as o", "o.customer_id = :id and o.gone_at is null"), "lead": ("crm.orders_of_lead(:id) as o", "true")}


def orders_of(
    session: Session, whose: Literal["customer", "lead"], record_id: int, *, limit: int = 50, after: tuple[datetime, int] | None = None
) -> list[Row]:  # fmt: skip
    """Orders of a customer, or of the customers of a lead's company, newest first; `after` is the (ordered_at, id) to go on from."""
    source, where = _SOURCES[whose]
    given: dict[str, Any] = {"id": record_id}
    if after is not None:
        where += " and (o.ordered_at, o.id) < (cast(:after_at as timestamptz), cast(:after_id as bigint))"
        given |= {"after_at": after[0], "after_id": after[1]}
    return _rows(session, f"select {ORDER} from {source} where {where} order by o.ordered_at desc, o.id desc limit {int(limit)}", given)


def months_of(
    session: Session, whose: Literal["customer", "lead"], record_id: int, *, since: date, time_zone: str
) -> list[tuple[date, int, Decimal]]:  # fmt: skip
    """(first day of the month, counted orders, USD) since `since`, oldest first; months without orders are left out."""
    found = load(f"customers/months_of_{whose}").run(session, record_id=record_id, since=since, time_zone=time_zone)
    return [(row["month"], row["orders"], row["usd"]) for row in found]


def reason_of(session: Session, lead_id: int) -> Row | None:
    """Why a lead was made by itself: text and created_at; None for one that a person made."""
    return next(iter(_rows(session, "select r.text, r.created_at from crm.lead_reasons as r where r.lead_id = :id", {"id": lead_id})), None)


def choices(session: Session) -> tuple[dict[str, str], list[str]]:
    """What the list can be narrowed to: markets (code -> name), and the segments that production knows."""
    markets = {code.strip(): name for code, name in direct.rows(session, "select code, name from crm.markets order by name")}
    # A loose index scan by hand: there are a handful of segments among many customers.
    segments = [row[0] for row in direct.rows(session, "select distinct c.segment from crm.customers as c where c.segment is not null order by 1")]
    return markets, segments
