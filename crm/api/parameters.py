"""Query parameters: what is checked before a use case sees it, and what OpenAPI says about it."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from crm.api.requests import LARGEST_ID, Request


class Paging(Request):
    limit: int = Field(50, ge=1, le=200, description="Rows a page")
    cursor: Annotated[str, Field(min_length=1, max_length=2000)] | None = Field(None, description="`next_cursor` of the page before")


class AsOf(Request):
    as_of: Annotated[str, Field(max_length=40)] | None = Field(
        None, description="A day (to its end, in the reporting time zone) or a moment in RFC 3339", examples=["2026-03-31"]
    )
    known_on: Annotated[str, Field(max_length=40)] | None = Field(
        None, description="A day: without what was entered after its end; not before `as_of`, and alone both", examples=["2026-03-31"]
    )


Several = Annotated[list[Annotated[str, Field(min_length=1, max_length=300)]], Field(max_length=100)]


class LeadQuery(Paging, AsOf):
    """`custom.<key>`, `custom.<key>.from` and `custom.<key>.to` stand beside these."""

    model_config = ConfigDict(extra="allow")
    list_prefixes: ClassVar[frozenset[str]] = frozenset({"custom."})
    """What begins the names of further parameters, each of which may be given several times."""
    team: Several = Field([], description="Id or name; may be given several times, as all of these")
    pipeline: Several = Field([], description="Id or name")
    stage: Several = Field([], description="Id or name")
    owner: Several = Field([], description="Id, name, `me` or `none`")
    source: Several = Field([])
    q: Annotated[str, Field(max_length=200)] = Field("", description="Part of a name, company, mail address, phone number or external id")
    updated_since: Annotated[str, Field(max_length=40)] | None = Field(None, description="RFC 3339; leads changed at or after it")
    sort: Annotated[str, Field(max_length=40)] = Field("-updated_at", description="A column, with - for descending", examples=["-lifetime_usd"])


Moment = Annotated[str, Field(max_length=40)]


class CompanyQuery(Paging):
    q: Annotated[str, Field(max_length=200)] = Field("", description="Part of the name")


class ContactQuery(CompanyQuery):
    company: Annotated[int, Field(ge=1, le=LARGEST_ID)] | None = Field(None, description="Contacts of this company")


class PreviewQuery(Request):
    lead: Annotated[int, Field(ge=1, le=LARGEST_ID)] = Field(description="The lead it is filled in for")
    contact: Annotated[int, Field(ge=1, le=LARGEST_ID)] | None = Field(None, description="Whom it speaks to, of the lead's contacts; by itself, when left out")


class AlertQuery(Paging):
    lead: Annotated[int, Field(ge=1, le=LARGEST_ID)] | None = Field(None, description="Alerts of this lead")
    person: Annotated[str, Field(min_length=1, max_length=300)] | None = Field(None, description="Whom they remind: `me`, id or name")
    is_done: bool | None = Field(None, description="Finished ones, or open ones; both, when left out")
    due_from: Moment | None = Field(None, description="RFC 3339; due at or after it")
    due_before: Moment | None = Field(None, description="RFC 3339; due before it")


Days = Annotated[int, Field(ge=1, le=36500)]


class CustomerQuery(Paging):
    market: Several = Field([], description="ISO 3166 country; may be given several times")
    segment: Several = Field([])
    ordered_days: Days | None = Field(None, description="Ordered within so many days")
    not_ordered_days: Days | None = Field(None, description="No order for so many days")
    contacted: bool | None = Field(None, description="Whether somebody contacted them since their last order")
    not_contacted_days: Days | None = Field(None, description="Nobody contacted them for so many days")
    has_lead: bool | None = Field(None, description="Whether you see a lead of theirs")
    q: Annotated[str, Field(max_length=200)] = Field("", description="Part of a name; or a whole mail address or external id")
    sort: Annotated[str, Field(max_length=40)] = Field(
        "-last_order_at", description="`last_order_at`, `lifetime_usd` or `name`, with - for descending", examples=["-lifetime_usd"]
    )


class ExploreQuery(AsOf):
    """What is asked for stands beside `as_of` and `known_on`."""

    model_config = ConfigDict(extra="allow")


class ReportQuery(AsOf):
    """A report's own parameters stand beside `as_of` and `known_on`."""

    model_config = ConfigDict(extra="allow")
