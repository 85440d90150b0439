"""Orders as one reads them at a glance: how many, how much, month by month, the newest in their own currency and in USD."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from html import escape
from typing import Any

import streamlit as st

from crm import clock, money
from crm.access import Person, acting_as
from crm.customers import reads
from crm.ui import look, words

Row = Mapping[str, Any]
MONTHS = 12
NEWEST = 6


def draw_of_lead(lead_id: int, person: Person) -> None:
    """What the lead's company ordered, and why the lead is there where orders made it. Whoever sees the lead sees them."""
    with acting_as(person) as session:
        customers = reads.customers_of_lead(session, lead_id)
        reason = reads.reason_of(session, lead_id)
        newest = reads.orders_of(session, "lead", lead_id, limit=NEWEST) if customers else []
        months = reads.months_of(session, "lead", lead_id, since=_since(person), time_zone=person.time_zone) if customers else []
    st.html("<div class='tl-panel-title'>Orders</div>")
    if reason:
        made = words.when(reason["created_at"], person.time_zone)
        st.html(f"<div class='tl-why'><small>Why is it here?</small>{escape(reason['text'])} <i>{escape(made)}</i></div>")
    if not customers:
        st.html("<span class='tl-muted'>No customer of this company in production yet.</span>")
        return
    orders, usd = sum(row["orders"] for row in customers), sum((row["lifetime_usd"] for row in customers), Decimal(0))
    last = max((row["last_order_at"] for row in customers if row["last_order_at"]), default=None)
    draw(orders, usd, last, months, newest, person)


def draw_of_customer(row: Row, person: Person, *, most: int) -> None:
    with acting_as(person) as session:
        newest = reads.orders_of(session, "customer", row["id"], limit=most)
        months = reads.months_of(session, "customer", row["id"], since=_since(person), time_zone=person.time_zone)
    draw(row["orders"], row["lifetime_usd"], row["last_order_at"], months, newest, person)


def draw(orders: int, usd: Decimal, last: Any, months: Sequence[tuple[date, int, Decimal]], newest: Sequence[Row], person: Person) -> None:
    """The figures, the bars and the list."""
    if not orders and not newest:
        look.empty("No orders yet.", "They show here minutes after production has them.")
        return
    last_said = f" · last {words.ago_html(last, person.time_zone)}" if last else ""
    st.html(f"<div class='tl-sum'><b>{words.count(orders, 'order')}, {escape(money.short(usd))}</b><span>lifetime{last_said}</span></div>")
    st.html(_bars(months, person))
    st.html(f"<table class='tl-orders'>{''.join(_line(row, person) for row in newest)}</table>")


def _since(person: Person) -> date:
    """The first day of the month eleven months ago."""
    today = clock.today(person.time_zone)
    months = today.year * 12 + today.month - MONTHS
    return date(months // 12, months % 12 + 1, 1)


def _bars(months: Sequence[tuple[date, int, Decimal]], person: Person) -> str:
    """Twelve months side by side; each says its own figures on hover."""
    found, first = {month: (count, usd) for month, count, usd in months}, _since(person)
    days = [date((first.year * 12 + first.month - 1 + n) // 12, (first.month - 1 + n) % 12 + 1, 1) for n in range(MONTHS)]
    most = max((usd for _, usd in found.values()), default=Decimal(0)) or Decimal(1)
    bars = []
    for day in days:
        count, usd = found.get(day, (0, Decimal(0)))
        share = max(round(float(usd / most), 2), 0.03 if count else 0)
        says = f"{day:%b %Y}: {words.count(count, 'order')}, {escape(money.short(usd))}"
        bars.append(f"<i title='{says}'><u style='height:calc((100% - 1rem) * {share})'></u><em>{day:%b}</em></i>")
    return f"<div class='tl-bars' role='img' aria-label='Orders of the last twelve months in USD'>{''.join(bars)}</div>"


def spark(values: Sequence[Decimal], says: str) -> str:
    """A line of small bars, the last one now."""
    most = max([*values, Decimal(1)])
    bars = "".join(f"<u style='height:{max(round(float(max(value, Decimal(0)) / most) * 100), 4)}%'></u>" for value in values)
    return f"<span class='tl-spark' role='img' aria-label='{escape(says)}' title='{escape(says)}'>{bars}</span>"


def _line(row: Row, person: Person) -> str:
    own = words.amount({"amount": row["amount"], "currency": row["currency"].strip()})
    usd = money.short(row["amount_usd"]) if row["amount_usd"] is not None else "no rate"
    status = f"<small>{escape(row['status'])}</small>" if not row["is_counted"] else ""
    when = f"<td title='{escape(words.moment(row['ordered_at'], person.time_zone))}'>{escape(words.when(row['ordered_at'], person.time_zone))}</td>"
    is_usd = row["currency"].strip() == money.BASE_CURRENCY
    return f"<tr{' class=tl-off' if status else ''}>{when}<td>{status}</td><td>{escape(own)}</td><td>{'' if is_usd else escape(usd)}</td></tr>"
