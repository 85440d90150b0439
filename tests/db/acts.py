"""What the tests of the write path say again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text

from crm.access import acting_as
from crm.changes import Edit, LeftAlone, Outcome, Undone, apply, undo
from tests.cast import Cast
from tests.conftest import Database


def edit(cast: Cast, lead: str, version: int | None, **wanted: Any) -> Edit:
    """An edit of one of the cast's leads; `custom__size=3` is the custom field size."""
    return Edit("lead", cast.leads[lead], {name.replace("custom__", "custom."): value for name, value in wanted.items()}, version)


def new_lead(cast: Cast, team: str = "Gulf", **values: Any) -> Edit:
    return Edit("lead", None, {"name": "Sohar Steel", "team_id": cast.teams[team], **values})


def save(cast: Cast, who: str, *edits: Edit, **options: Any) -> Outcome:
    """One transaction of one person."""
    with acting_as(cast.who(who)) as session:
        return apply(session, edits, source="test", **options)


def take_back(cast: Cast, who: str, change_set_id: int | None) -> Undone:
    assert change_set_id is not None
    with acting_as(cast.who(who)) as session:
        return undo(session, change_set_id)


def row(db: Database, cast: Cast, lead: str) -> Mapping[str, Any]:
    return record(db, "leads", cast.leads[lead])


def record(db: Database, table: str, record_id: int | None) -> Mapping[str, Any]:
    return db.rows(f"select * from crm.{table} where id = :id", id=record_id)[0]


def history(db: Database, kind: str, record_id: int) -> Sequence[Mapping[str, Any]]:
    return db.rows("select * from crm.changes where record_type = :kind and record_id = :id order by version", kind=kind, id=record_id)


def counts(db: Database) -> dict[str, int]:
    """Rows of every table that a write could touch."""
    tables = (
        "leads", "companies", "contacts", "activities", "changes", "change_sets", "conflicts", "postings", "stays", "lead_search_texts", "audit_events",
        "memberships", "grants", "people", "teams", "pipelines", "stages", "lead_custom_values",
    )  # fmt: skip
    columns = ", ".join(f"(select count(*) from crm.{table}) as {table}" for table in tables)
    return dict(db.rows(f"select {columns}, (select count(*) from jobs.procrastinate_jobs) as jobs")[0])


def role_of(session: Any) -> str:
    return session.scalar(text("select current_user"))


def reasons(left_alone: Sequence[LeftAlone]) -> list[str]:
    return [left.reason for left in left_alone]
