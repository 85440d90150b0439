"""Custom fields for the page that shapes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.fields.catalogue import own_catalogue
from crm.fields.kinds import Definition


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field; `filled` counts the records that the person sees with a value in it."""

    field: Definition
    filled: int


_FILLED = {
    record_type: text(f"""
        select k.key, count(*) as filled from crm.{table} as r, jsonb_object_keys(r.custom) as k (key)
        where r.deleted_at is null and r.custom <> '{{}}'::jsonb group by k.key
    """)
    for record_type, table in (("lead", "leads"), ("company", "companies"), ("contact", "contacts"))
}


def fields_of(session: Session, record_type: str, team_id: int | None) -> Sequence[FieldRow]:
    """Everybody's fields (None) or those of one team alone, in order."""
    found = [each for each in own_catalogue(session).fields if each.record_type == record_type and each.team_id == team_id]
    filled = {row.key: row.filled for row in session.execute(_FILLED[record_type])} if found else {}
    return [FieldRow(each, filled.get(each.key, 0)) for each in found]
