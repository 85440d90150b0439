"""What admins settle about orders: which saved questions are read, and which customers become leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import audit, person_of, writing
from crm.changes import Edit, Outcome, apply, delete_edit
from crm.customers.mirror_state import QUESTIONS, RunState, checked, run_state
from crm.customers.production import Production, WriteProof
from crm.customers.records import LEAD_RULE
from crm.organisation.configuring import save_setting

_RULES = text("""
    select id, version, name, is_active, position, segment, market, ordered_within_days, team_id, pipeline_id
    from crm.lead_rules where deleted_at is null order by position, id
""")
_RUNS = text("select r.*, p.name as asked_by from crm.sync_runs as r left join crm.people as p on p.id = r.asked_by_id order by r.id desc limit :most")
_MADE = text("select rule_id, count(*) as leads from crm.lead_reasons group by rule_id")


class Connection(Production, Protocol):
    """A production that can show that its key only reads."""

    def prove_read_only(self) -> WriteProof: ...


@dataclass(frozen=True, slots=True)
class Rule:
    """A lead rule as it stands; `leads` were made by it, as far as they are seen."""

    id: int
    version: int
    name: str
    is_active: bool
    position: int
    segment: str | None
    market: str | None
    ordered_within_days: int
    team_id: int | None
    pipeline_id: int | None
    leads: int = 0


def prove(connection: Connection, *, since: datetime) -> WriteProof:
    """Whether the key only reads; raises `BadAnswer` where a question cannot be read or does not answer what is expected.

    The first row of each question since then is looked at. Takes some seconds and writes nothing here.
    """
    proof = connection.prove_read_only()
    if proof.is_proven:
        for read in (connection.customers, connection.orders, connection.rates):
            next(iter(read(since)), None)
    return proof


def save_questions(session: Session, numbers: Mapping[str, int], *, seen_version: int | None = None) -> Outcome:
    """Keep which saved questions are read, audited, as they were seen. The caller has proven that the key cannot write. Raises `Stale`."""
    person = person_of(session)
    person.require("settings", "configure")
    value = checked(numbers)
    done = save_setting(session, QUESTIONS, value, seen_version=seen_version, source="page")
    with writing(session, "settings", "configure"):
        audit.record(session, "order_lens_connected", person_id=person.id, subject="order_lens", questions=value)
    return done


def rules(session: Session) -> list[Rule]:
    """Every rule in the order in which they are tried."""
    made = {row.rule_id: row.leads for row in session.execute(_MADE)}
    return [Rule(**row, leads=made.get(row["id"], 0)) for row in session.execute(_RULES).mappings()]


def save_rule(session: Session, rule_id: int | None, seen_version: int | None, values: Mapping[str, Any], *, source: str) -> Outcome:
    """A new rule, or one changed as it was seen. Raises `Invalid`, `Refused`, `Stale`."""
    label = f"Rule {values.get('name') or ''}".strip()
    return apply(session, [Edit(LEAD_RULE.name, rule_id, values, seen_version)], source=source, label=label, on_conflict="refuse")


def remove_rule(session: Session, rule_id: int, seen_version: int, *, source: str) -> Outcome:
    """The rule makes no more leads; those it made stay. Raises `Refused`, `Stale`."""
    return apply(session, [delete_edit(LEAD_RULE.name, rule_id, seen_version)], source=source, label="Rule removed", on_conflict="refuse")


def newest_runs(session: Session, most: int = 8) -> Sequence[RunState]:
    """The latest readings of production, newest first."""
    return [run_state(dict(row)) for row in session.execute(_RUNS, {"most": most}).mappings()]
