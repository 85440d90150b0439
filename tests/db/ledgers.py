"""What the tests of the ledger, its fold and its reports say again and again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text

from crm.access import OPERATOR, acting_as
from crm.changes import Edit, apply
from crm.ledger.checks import fold_equals_postings, ledger_equals_leads, stays_are_right
from crm.reports.use_cases import run
from tests.cast import Cast
from tests.conftest import Database

Totals = dict[int, tuple[int, float]]


def at(moment: str) -> datetime:
    """ "2026-03-31 22:00" in UTC."""
    return datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo("UTC"))


def add_lead(cast: Cast, team: str, owner: str | None, *, when: datetime | None = None, value: str | None = None, stage: str = "Lead", **more: Any) -> int:
    """A lead that began at `when`; `more`: other fields of it."""
    wanted = {
        "name": "Sohar Steel", "team_id": cast.teams[team], "owner_id": cast.people[owner] if owner else None, "stage_id": cast.stages[team][stage],
        "value": {"amount": value, "currency": "USD"} if value else None, **more,
    }  # fmt: skip
    with acting_as(OPERATOR) as session:
        return apply(session, [Edit("lead", None, wanted, effective_at=when)], source="test", on_conflict="refuse").results[0].record_id or 0


def change(db: Database, lead_id: int, *, when: datetime | None = None, **wanted: Any) -> None:
    """One change of a lead, effective at `when`."""
    version = db.value("select version from crm.leads where id = :id", id=lead_id)
    with acting_as(OPERATOR) as session:
        apply(session, [Edit("lead", lead_id, wanted, version, effective_at=when)], source="test", on_conflict="refuse")


def set_target(db: Database, stage_id: int, days: int | None) -> None:
    """What a stage's target is from now on."""
    version = db.value("select version from crm.stages where id = :id", id=stage_id)
    with acting_as(OPERATOR) as session:
        apply(session, [Edit("stage", stage_id, {"target_days": days}, version)], source="test", on_conflict="refuse")


def set_time_zone(db: Database, name: str) -> None:
    with db.owner().begin() as connection:
        connection.execute(
            text(
                "update crm.organisation_settings set value = to_jsonb(cast(:z as text)), version = version + 1"
                " where key = 'reporting_time_zone' and value <> to_jsonb(cast(:z as text))"
            ),
            {"z": name},
        )


def totals(person: Any, as_of: date | None = None, **filters: str) -> Totals:
    """Stage id -> (leads, value in USD), without empty stages."""
    rows = run(person, "pipeline_by_stage", filters, as_of).rows
    return {row["stage_id"]: (row["leads"], float(row["value_usd"])) for row in rows if row["leads"] or row["value_usd"]}


def recount_now(db: Database, where: str = "true", **parameters: Any) -> Totals:
    """The same straight from the leads."""
    rows = db.rows(
        f"select stage_id, count(*) as leads, coalesce(sum(value_usd), 0) as usd from crm.leads where deleted_at is null and {where} group by 1", **parameters
    )
    return {row["stage_id"]: (row["leads"], float(row["usd"])) for row in rows}


def recount_as_of(db: Database, day: date, time_zone: str) -> Totals:
    """The same by replaying history, change row by change row, up to the end of the day. Values must be in USD."""
    leads: dict[int, dict[str, Any]] = {}
    history = db.rows("select record_id, fields, coalesce(effective_at, at) as at from crm.changes where record_type = 'lead' order by record_id, version")
    for step in history:
        if step["at"].astimezone(ZoneInfo(time_zone)).date() <= day:
            leads.setdefault(step["record_id"], {}).update({name: pair[1] for name, pair in step["fields"].items()})
    found: dict[int, list[float]] = {}
    for lead in leads.values():
        if lead.get("deleted_at") is None:
            total = found.setdefault(lead["stage_id"], [0, 0.0])
            total[0] += 1
            total[1] += _usd(lead.get("value"))
    return {stage: (int(count), value) for stage, (count, value) in found.items()}


def _usd(value: Mapping[str, str] | None) -> float:
    assert value is None or value["currency"] == "USD"
    return float(value["amount"]) if value else 0.0


def days(db: Database) -> set[tuple[Any, ...]]:
    """Every sum of the fold, without ids."""
    columns = "team_id, pipeline_id, stage_id, owner_id, leads, value_usd"
    rows = db.rows(f"select day, {columns} from crm.posting_days union all select month - 100000, {columns} from crm.posting_months")
    return {tuple(row.values()) for row in rows}


def complaints() -> list[str]:
    """What does not add up between leads, postings, stays and fold; empty when all is well."""
    with acting_as(OPERATOR) as session:
        verdicts = [check(session) for check in (ledger_equals_leads, stays_are_right, fold_equals_postings)]
    return [verdict.says for verdict in verdicts if not verdict.is_good]
