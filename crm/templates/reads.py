"""Templates as the person sees them: everybody's, and those of the teams in reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.errors import Invalid
from crm.fields.catalogue import catalogue
from crm.templates.merging import custom_name, merges, parse


@dataclass(frozen=True, slots=True)
class Template:
    """One template; `team_id` is None for everybody's."""

    id: int
    version: int
    team_id: int | None
    name: str
    subject: str
    body: str
    created_at: datetime
    updated_at: datetime


_COLUMNS = "t.id, t.version, t.team_id, t.name, t.subject, t.body, t.created_at, t.updated_at"
_ALL = text(f"select {_COLUMNS} from crm.templates as t where t.deleted_at is null order by t.team_id nulls first, lower(t.name), t.id")
_AFTER = text(f"select {_COLUMNS} from crm.templates as t where t.deleted_at is null and t.id > :after order by t.id limit :most")
_ONE = text(f"select {_COLUMNS} from crm.templates as t where t.id = :id and t.deleted_at is null")
_NAMING = text("select subject, body from crm.templates where deleted_at is null and (position(:name in subject) > 0 or position(:name in body) > 0)")


def templates(session: Session) -> Sequence[Template]:
    """Every template in sight: everybody's first, then team by team, by name."""
    return [Template(*row) for row in session.execute(_ALL)]


def templates_after(session: Session, *, after: int = 0, most: int = 100) -> Sequence[Template]:
    """Those in sight by id, behind `after`."""
    return [Template(*row) for row in session.execute(_AFTER, {"after": after, "most": most})]


def template(session: Session, template_id: int) -> Template | None:
    """One template; None when hidden, missing or removed."""
    row = session.execute(_ONE, {"id": template_id}).one_or_none()
    return None if row is None else Template(*row)


def templates_for(session: Session, team_id: int) -> Sequence[Template]:
    """What can be written with on a lead of this team: its own templates, those of the teams above it, and everybody's."""
    line = catalogue(session).line(team_id)
    return [each for each in templates(session) if each.team_id in line]


def uses_of(session: Session, record_type: str, key: str) -> int:
    """How many templates that the role of this moment sees name this custom field."""
    name = custom_name(record_type, key)
    return sum(name in _named(row.subject) | _named(row.body) for row in session.execute(_NAMING, {"name": f"{record_type}.custom"}))


def _named(written: str) -> set[str]:
    try:
        return {merge.name for merge in merges(parse(written, field="body"))}
    except Invalid:  # the rules were other ones when it was written
        return set()
