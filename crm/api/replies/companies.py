"""Companies, their contacts, and customers with their orders."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from crm.api.replies.shapes import Amount, Named, Out


class Company(Out):
    id: int
    version: int
    name: str
    website: str | None
    phone: str | None
    market: str | None
    team: Named | None
    owner: Named | None
    custom: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class CompanyList(Out):
    data: list[Company]
    next_cursor: str | None


class Contact(Out):
    id: int
    version: int
    name: str
    title: str | None
    email: str | None
    phone: str | None
    company: Named | None
    team: Named | None
    owner: Named | None
    custom: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class ContactList(Out):
    data: list[Contact]
    next_cursor: str | None


class CustomersLead(Named):
    stage: Named
    owner: Named | None


class Customer(Out):
    id: int
    external_id: str = Field(description="Production's own key")
    name: str
    market: str | None
    segment: str | None
    email: str | None
    phone: str | None
    company: Named | None = Field(description="The company of ours that it is")
    team: Named | None = Field(description="The team of its market")
    first_order_at: datetime | None
    last_order_at: datetime | None
    orders: int = Field(description="Counted orders: not those cancelled or paid back")
    lifetime_usd: Amount
    last_contacted_at: datetime | None = Field(description="The newest contact over all its leads")
    lead: CustomersLead | None = Field(description="Its lead, as far as you see one")
    has_lead: bool = Field(description="Whether it has a lead at all, also a colleague's")
    mirrored_at: datetime


class CustomerList(Out):
    data: list[Customer]
    next_cursor: str | None


class Order(Out):
    id: int
    external_id: str = Field(description="Production's own key")
    customer_id: int
    ordered_at: datetime
    amount: Amount
    amount_usd: Amount | None = Field(description="At the rate of the order's day; null where none is known")
    status: str
    is_counted: bool = Field(description="False for what was cancelled or paid back")


class OrderList(Out):
    data: list[Order]
    next_cursor: str | None
