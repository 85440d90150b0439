"""Companies for screens. Row security decides which are in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class CompanyRow:
    """One company; `leads` counts those that the person sees."""

    id: int
    version: int
    name: str
    team_id: int | None
    owner_id: int | None
    leads: int


_SELECT = """select c.id, c.version, c.name, c.team_id, c.owner_id,
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


def company(session: Session, company_id: int) -> CompanyRow | None:
    """One company; None when hidden, missing or deleted."""
    row = session.execute(_COMPANY, {"id": company_id}).one_or_none()
    return CompanyRow(*row) if row else None


def companies_called(session: Session, q: str, *, most: int = 8) -> Sequence[CompanyRow]:
    """Companies with these letters in their name: the one called exactly so first, then by name."""
    return [CompanyRow(*row) for row in session.execute(_CALLED, {"q": q.strip()[:200], "most": most})]
