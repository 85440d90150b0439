"""Companies and their contacts for screens and the API. Row security decides which are in them, roles which of their fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from crm.changes import hiding
from crm.fields.catalogue import catalogue

MOST_CONTACTS = 50


@dataclass(frozen=True, slots=True)
class CompanyRow:
    """One company; `leads` counts those that the person sees."""

    id: int
    version: int
    name: str
    team_id: int | None
    owner_id: int | None
    market: str | None
    website: str | None
    phone: str | None
    custom: Mapping[str, Any]
    leads: int


@dataclass(frozen=True, slots=True)
class ContactRow:
    """One human of a company."""

    id: int
    version: int
    company_id: int | None
    name: str
    title: str | None
    email: str | None
    phone: str | None
    team_id: int | None
    owner_id: int | None
    custom: Mapping[str, Any]


Record = dict[str, Any]
"""A company or contact with all its columns, for lists that go on by id."""


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Which of them: with these letters in the name; of contacts, those of one company."""

    q: str = ""
    company_id: int | None = None


_SELECT = """select c.id, c.version, c.name, c.team_id, c.owner_id, c.market, c.website, c.phone, c.custom,
        (select count(*) from crm.leads as l where l.company_id = c.id and l.deleted_at is null) as leads"""
_COMPANY = text(f"""
    {_SELECT}
    from crm.companies as c
    where c.id = :id and c.deleted_at is null
""")
_CALLED = text(f"""
    {_SELECT}
    from (
        select *
        from crm.companies
        where deleted_at is null and merged_into_id is null and lower(name) like crm.search_pattern(:q)
        order by lower(name) = lower(:q) desc, name, id
        limit :most
    ) as c
    order by lower(c.name) = lower(:q) desc, c.name, c.id
""")
_CONTACT_COLUMNS = "c.id, c.version, c.company_id, c.name, c.title, c.email, c.phone, c.team_id, c.owner_id, c.custom"
_CONTACTS = text(f"""
    select {_CONTACT_COLUMNS}
    from crm.contacts as c
    where c.company_id = :id and c.deleted_at is null and c.merged_into_id is null
    order by lower(c.name), c.id
    limit {MOST_CONTACTS}
""")
_CONTACT = text(f"""
    select {_CONTACT_COLUMNS}
    from crm.contacts as c
    where c.id = :id and c.deleted_at is null and c.merged_into_id is null
""")


def company(session: Session, company_id: int) -> CompanyRow | None:
    """One company; None when hidden, missing or deleted."""
    return next((CompanyRow(**row) for row in _rows(session, "company", _COMPANY, id=company_id)), None)


def companies_called(session: Session, q: str, *, most: int = 8) -> Sequence[CompanyRow]:
    """Companies with these letters in their name: the one called exactly so first, then by name."""
    return [CompanyRow(**row) for row in _rows(session, "company", _CALLED, q=q.strip()[:200], most=most)]


def contacts_of(session: Session, company_id: int) -> Sequence[ContactRow]:
    """The company's contacts by name, up to a few dozen."""
    return [ContactRow(**row) for row in _rows(session, "contact", _CONTACTS, id=company_id)]


def contact(session: Session, contact_id: int) -> ContactRow | None:
    """One contact; None when hidden, missing, deleted or merged."""
    return next((ContactRow(**row) for row in _rows(session, "contact", _CONTACT, id=contact_id)), None)


_COLUMNS: Mapping[str, str] = {
    "company": "c.id, c.version, c.name, c.website, c.phone, c.market, c.team_id, c.owner_id, c.custom, c.created_at, c.updated_at",
    "contact": "c.id, c.version, c.company_id, c.name, c.title, c.email, c.phone, c.team_id, c.owner_id, c.custom, c.created_at, c.updated_at",
}
_TABLE: Mapping[str, str] = {"company": "crm.companies", "contact": "crm.contacts"}


def records(session: Session, record_type: str, wanted: RecordFilter, *, after: int = 0, limit: int = 50) -> Sequence[Record]:
    """Companies or contacts in the order of their ids, those behind `after`."""
    where, given = ["c.id > :after", "c.deleted_at is null", "c.merged_into_id is null"], {"after": after, "limit": limit}
    more: dict[str, Any] = {}
    if wanted.q.strip():
        where.append("lower(c.name) like crm.search_pattern(:q)")
        more["q"] = wanted.q.strip()
    if wanted.company_id is not None:
        where.append("c.company_id = :company_id")
        more["company_id"] = wanted.company_id
    statement = f"select {_COLUMNS[record_type]} from {_TABLE[record_type]} as c where {' and '.join(where)} order by c.id limit :limit"
    return _rows(session, record_type, text(statement), **given, **more)


def record(session: Session, record_type: str, record_id: int) -> Record | None:
    """One of them; None when hidden, missing, deleted or merged."""
    statement = f"select {_COLUMNS[record_type]} from {_TABLE[record_type]} as c where c.id = :id and c.deleted_at is null and c.merged_into_id is null"
    return next(iter(_rows(session, record_type, text(statement), id=record_id)), None)


def _rows(session: Session, record_type: str, statement: TextClause, **given: Any) -> list[dict[str, Any]]:
    """With hidden fields empty, and of the custom ones those that the record can hold."""
    rows: list[dict[str, Any]] = [dict(row) for row in session.execute(statement, given).mappings()]
    known = catalogue(session)
    for row in rows:
        row["custom"] = known.shown(record_type, row["custom"], row["team_id"])
    return list(hiding.blank(session, record_type, rows))
