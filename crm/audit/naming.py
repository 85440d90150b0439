"""What the audit calls the records that shape the work: by their name, or by what people know those without one by."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.audit import kinds

MOST_FOUND = 200

_KNOWN_BY: Mapping[str, str] = {
    "custom_field": "select id, label as name from crm.custom_fields",
    "grant": """
        select g.id, r.name || ', ' || g.resource || ': ' || g.action as name
        from crm.grants as g join crm.roles as r on r.id = g.role_id""",
    "field_rule": """
        select x.id, r.name || ', ' || coalesce(f.label, replace(x.field, '_', ' ')) || ' of ' || x.record_type as name
        from crm.field_rules as x join crm.roles as r on r.id = x.role_id
        left join crm.custom_fields as f on f.record_type = x.record_type and 'custom.' || f.key = x.field""",
    "goal": """
        select g.id, coalesce(p.name || ' in ', '') || t.name || ', quarter from ' || g.starts_on as name
        from crm.goals as g join crm.teams as t on t.id = g.team_id left join crm.people as p on p.id = g.person_id""",
    "setting": "select id, replace(key, '_', ' ') as name from crm.organisation_settings",
}
"""Kinds of records without a name of their own -> (id, name) of each. The others carry it in their table."""


def _named(kind: str) -> str:
    return _KNOWN_BY.get(kind) or f"select id, name from {kinds.shaping_types()[kind].table}"


def names_of(session: Session, kind: str, ids: Collection[int]) -> dict[int, str]:
    """id -> what the record is called now, removed ones too; those that this person may not see are left out."""
    asked = text(f"select id, name from ({_named(kind)}) as n where id = any(:ids)")
    return {row.id: row.name for row in session.execute(asked, {"ids": sorted(ids)})}


def called(session: Session, sought: str) -> list[tuple[str, int]]:
    """(kind, id) of the records whose name holds these words, given in small letters."""
    return [
        (kind, record_id)
        for kind in kinds.shaping_types()
        for record_id in session.scalars(text(f"select id from ({_named(kind)}) as n where strpos(lower(name), :q) > 0 limit {MOST_FOUND}"), {"q": sought})
    ]
