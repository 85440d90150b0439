"""What stands already: the leads a key finds and what the last import said of them, companies and contacts by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.leads.records import LEAD

SOURCE = "import"


@dataclass
class Standing:
    """A lead as it is now. `said` holds what imports said of it last, in plain form, `said_at_version` when."""

    id: int
    version: int
    pipeline_id: int
    values: dict[str, Any]
    said: dict[str, Any] = field(default_factory=dict)
    said_at_version: int | None = None


_KEYS = {"external_id": "l.external_id", "email": "lower(l.email)", "phone": "l.phone", "name": "l.name"}


def standing(session: Session, team_id: int, key: str, wanted: Sequence[str]) -> dict[str, list[Standing]]:
    """The team's live leads by the key's value; more than one where the key is not unique."""
    column = "l.custom ->> :custom_key" if key.startswith("custom.") else _KEYS[key]
    columns = ", ".join(f"l.{name}" for spec in LEAD.fields.values() for name, _ in spec.columns)
    rows = session.execute(
        text(f"""
            select l.id, l.version, l.custom, {columns}, {column} as key_value
            from crm.leads as l
            where l.team_id = :team_id and l.deleted_at is null and l.merged_into_id is null and {column} = any(cast(:wanted as text[]))
        """),
        {"team_id": team_id, "wanted": list(wanted), "custom_key": key.removeprefix("custom.")},
    ).mappings()
    found: dict[str, list[Standing]] = {}
    for row in map(dict[str, Any], rows):
        values = {name: spec.plain(spec.from_row(row)) for name, spec in LEAD.fields.items()} | {
            f"custom.{name}": value for name, value in row["custom"].items()
        }
        found.setdefault(row["key_value"], []).append(Standing(row["id"], row["version"], row["pipeline_id"], values))
    _add_what_was_said(session, {lead.id: lead for leads in found.values() for lead in leads})
    return found


def _add_what_was_said(session: Session, leads: Mapping[int, Standing]) -> None:
    statement = text("""
        select c.record_id, c.version, c.fields from crm.changes as c
        where c.record_type = 'lead' and c.record_id = any(cast(:ids as bigint[])) and c.source = :source
            and not exists (select from crm.change_sets as s where s.undoes_id = c.change_set_id)
        order by c.record_id, c.version
    """)
    for row in session.execute(statement, {"ids": list(leads), "source": SOURCE}):
        lead = leads[row.record_id]
        lead.said_at_version = row.version
        lead.said |= {name: new for name, (_old, new) in row.fields.items()}


def companies(session: Session, names: Iterable[str], team_id: int) -> dict[str, int]:
    """Live companies by lower-case name; the team's own before others', the oldest first."""
    statement = text("""
        select distinct on (lower(c.name)) c.id, lower(c.name) as name from crm.companies as c
        where lower(c.name) = any(cast(:names as text[])) and c.deleted_at is null and c.merged_into_id is null
        order by lower(c.name), c.team_id is distinct from :team_id, c.id
    """)
    return {row.name: row.id for row in session.execute(statement, {"names": list(names), "team_id": team_id})}


def contacts(session: Session, names: Iterable[str], company_ids: Iterable[int]) -> dict[tuple[int | None, str], int]:
    """Live contacts by company and lower-case name."""
    statement = text("""
        select distinct on (c.company_id, lower(c.name)) c.id, c.company_id, lower(c.name) as name from crm.contacts as c
        where lower(c.name) = any(cast(:names as text[])) and c.deleted_at is null and c.merged_into_id is null
            and (c.company_id = any(cast(:company_ids as bigint[])) or c.company_id is null)
        order by c.company_id, lower(c.name), c.id
    """)
    rows = session.execute(statement, {"names": list(names), "company_ids": list(company_ids)})
    return {(row.company_id, row.name): row.id for row in rows}


def currencies_with_rate(session: Session) -> set[str]:
    return {"USD", *session.scalars(text("select distinct currency from crm.exchange_rates"))}
