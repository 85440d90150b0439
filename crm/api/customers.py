"""Customers and their orders: the read-only mirror of production."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session
from starlette.responses import Response

from crm.access import person_of
from crm.api import cursors
from crm.api.answers import answer, listing, money, named
from crm.api.door import Caller, Door
from crm.api.lead_form import Names
from crm.api.leads import standing_lead
from crm.api.parameters import CustomerQuery, Paging
from crm.customers import reads
from crm.errors import NotFound
from crm.leads.references import names_of

routes = APIRouter(prefix="/v1", route_class=Door, tags=["customers"])


@routes.get("/customers")
def list_customers(call: Caller, query: Annotated[CustomerQuery, Query()]) -> Response:
    """Customers you may see, newest order first. `ordered_days=90&contacted=false`: who ordered and heard nothing since."""
    call.person.require("customer", "view")
    with call.acting() as session:
        belongs_to = ["customers", query.model_dump(exclude={"cursor", "limit"})]
        after = _after(cursors.read(query.cursor, belongs_to), query.sort)
        wanted = reads.CustomerFilter(
            markets=tuple(code.upper() for code in query.market), segments=tuple(query.segment), ordered_days=query.ordered_days,
            not_ordered_days=query.not_ordered_days, contacted=query.contacted, not_contacted_days=query.not_contacted_days, has_lead=query.has_lead,
            q=query.q,
        )  # fmt: skip
        rows = reads.list_customers(session, wanted, sort=query.sort, limit=query.limit + 1, after=after)
        page = rows[: query.limit]
        names = _names(session, page)
        next_cursor = cursors.write(_position(page[-1], query.sort), belongs_to) if len(rows) > len(page) else None
        return listing([_customer(row, names) for row in page], next_cursor)


def _position(row: reads.Row, sort: str) -> tuple[Any, int]:
    """Where a list goes on: the row's sort key as text, and its id."""
    key = row[sort.removeprefix("-")]
    return (None if key is None else key.isoformat() if isinstance(key, datetime) else str(key), row["id"])


def _after(position: Sequence[Any] | None, sort: str) -> tuple[Any, int] | None:
    if position is None:
        return None
    key, row_id = position
    if key is not None and sort.endswith("last_order_at"):
        key = datetime.fromisoformat(key)
    elif sort.endswith("lifetime_usd"):
        key = Decimal(key)
    return key, row_id


def _names(session: Session, rows: Sequence[reads.Row]) -> Names:
    ids = {
        kind: {row[f"{column}_id"] for row in rows if row[f"{column}_id"]} for kind, column in (("team", "team"), ("company", "company"), ("stage", "stage"))
    }
    return names_of(session, {**ids, "person": {row["owner_id"] for row in rows if row["owner_id"]}})


def _customer(row: reads.Row, names: Names) -> dict[str, Any]:
    plain = (
        "id",
        "external_id",
        "name",
        "segment",
        "email",
        "phone",
        "first_order_at",
        "last_order_at",
        "orders",
        "last_contacted_at",
        "mirrored_at",
        "has_lead",
    )
    lead = None
    if row["lead_id"] is not None:
        stage, owner = names.get(("stage", row["stage_id"])), names.get(("person", row["owner_id"] or 0))
        lead = {"id": row["lead_id"], "name": row["lead"], "stage": named(row["stage_id"], stage), "owner": named(row["owner_id"], owner)}
    return {
        **{name: row[name] for name in plain}, "market": (row["market"] or "").strip() or None, "lifetime_usd": money(row["lifetime_usd"]), "lead": lead,
        "team": named(row["team_id"], names.get(("team", row["team_id"] or 0))),
        "company": named(row["company_id"], names.get(("company", row["company_id"] or 0))),
    }  # fmt: skip


def standing_customer(session: Session, customer_id: int) -> reads.Row:
    """The customer's row. Raises `NotFound` for a hidden or missing one, or one that production has no longer."""
    person_of(session).require("customer", "view")
    row = reads.customer(session, customer_id)
    if row is None:
        raise NotFound("There is no such customer, or you may not see it.")
    return row


@routes.get("/customers/{customer_id}")
def read_customer(call: Caller, customer_id: int) -> Response:
    """One customer. `lead` is its lead as far as you see one; `has_lead` also tells of a colleague's."""
    with call.acting() as session:
        row = standing_customer(session, customer_id)
        return answer(_customer(row, _names(session, [row])))


@routes.get("/customers/{customer_id}/orders")
def list_orders(call: Caller, customer_id: int, query: Annotated[Paging, Query()]) -> Response:
    """A customer's orders, newest first, in their own currency and in USD at the rate of their day."""
    with call.acting() as session:
        standing_customer(session, customer_id)
        return _orders(session, "customer", customer_id, query)


@routes.get("/leads/{lead_id}/orders")
def list_orders_of_lead(call: Caller, lead_id: int, query: Annotated[Paging, Query()]) -> Response:
    """What the lead's company ordered, newest first. Whoever sees the lead sees them."""
    with call.acting() as session:
        standing_lead(session, lead_id)
        return _orders(session, "lead", lead_id, query)


def _orders(session: Session, whose: Any, record_id: int, query: Paging) -> Response:
    belongs_to = ["orders", whose, record_id]
    position = cursors.read(query.cursor, belongs_to)
    after = None if position is None else (datetime.fromisoformat(position[0]), position[1])
    rows = reads.orders_of(session, whose, record_id, limit=query.limit + 1, after=after)
    page = rows[: query.limit]
    next_cursor = cursors.write((page[-1]["ordered_at"].isoformat(), page[-1]["id"]), belongs_to) if len(rows) > len(page) else None
    return listing([_order(row) for row in page], next_cursor)


def _order(row: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: row[name] for name in ("id", "external_id", "ordered_at", "status", "is_counted")}
    return {**plain, "customer_id": row["customer_id"], "amount": money(row["amount"], row["currency"].strip()), "amount_usd": money(row["amount_usd"])}
