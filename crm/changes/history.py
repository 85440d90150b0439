"""What happened to a record, and how it stood on an earlier day."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from crm.access import person_of
from crm.changes import hiding

_CHANGES = text("""
    select c.id, c.version, c.change_set_id, c.person_id, p.name as person_name, c.source, c.at, c.effective_at, c.fields
    from crm.changes as c
    left join crm.people as p on p.id = c.person_id
    where c.record_type = :kind and c.record_id = :id and (cast(:before as int) is null or c.version < :before)
    order by c.version desc
    limit :most
""")


def changes_of(session: Session, kind: str, record_id: int, *, before: int | None = None, most: int = 200) -> list[RowMapping]:
    """The record's changes, newest first; `before` is a version to continue from. Empty when hidden."""
    found = session.execute(_CHANGES, {"kind": kind, "id": record_id, "before": before, "most": most}).mappings().all()
    return list(hiding.of_changes(session, kind, found))


_LATER = text("""
    select c.version, c.fields
    from crm.changes as c
    where c.record_type = :kind and c.record_id = :id and coalesce(c.effective_at, c.at) >= :moment
    order by c.version desc
""")


def values_before(session: Session, kind: str, record_id: int, current: Mapping[str, Any], moment: datetime) -> dict[str, Any] | None:
    """`current` (plain values by field) wound back to just before `moment`; None when the record did not exist yet."""
    found = dict(current)
    for row in session.execute(_LATER, {"kind": kind, "id": record_id, "moment": moment}).mappings():
        if row["version"] == 1:
            return None
        for name, (old, _new) in row["fields"].items():
            found[name] = old
    for name in person_of(session).hidden_fields(kind):
        found.pop(name, None)
    return found


def plain_text(value: Any) -> str:
    """A plain value as one word of text; a dash for none."""
    if value in (None, "", {}, []):
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
