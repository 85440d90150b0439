"""A lead in the API's form, and back: references as {id, name}, money as {amount, currency}."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from crm.api.answers import money, named
from crm.api.names import POINTS_TO, REFERENCES, field_of
from crm.api.requests import LeadFields
from crm.changes import Disagreement, Result
from crm.leads.references import names_of

RECORD_FIELDS = {name: name for name in LeadFields.model_fields} | {api: record for record, api in REFERENCES.items() if api in LeadFields.model_fields}
"""API field -> record field, for what a writer may set."""

Names = Mapping[tuple[str, int], str]


def lead_of(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row of `crm.leads.reads` as the API says it."""
    return {
        "id": row["id"],
        "version": row["version"],
        "name": row["name"],
        "company": named(row["company_id"], row["company"]),
        "team": named(row["team_id"], row["team"]),
        "pipeline": named(row["pipeline_id"], row["pipeline"]),
        "stage": named(row["stage_id"], row["stage"], kind=row["stage_kind"]),
        "owner": named(row["owner_id"], row["owner"]),
        "value": money(row["value_amount"], row["value_currency"]),
        "value_usd": money(row["value_usd"]),
        "expected_close_on": row["expected_close_on"],
        "next_step": row["next_step"],
        "source": row["source"],
        "market": row["market"],
        "email": row["email"],
        "phone": row["phone"],
        "lost_reason": row["lost_reason"],
        "external_id": row["external_id"],
        "custom": row["custom"],
        "lifetime_usd": money(row["lifetime_usd"]),
        "last_order_at": row["last_order_at"],
        "last_contacted_at": row["last_contacted_at"],
        "stage_entered_at": row["stage_entered_at"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


def given_values(fields: LeadFields) -> dict[str, Any]:
    """What the writer set, by record field; references still as they wrote them."""
    found: dict[str, Any] = {}
    for name in fields.model_fields_set:
        value = getattr(fields, name)
        if name == "custom":
            found |= {f"custom.{key}": part for key, part in value.items()}
        elif name == "value":
            found[name] = None if value is None else {"amount": value.amount, "currency": value.currency}
        else:
            found[RECORD_FIELDS[name]] = value
    return found


# Values of change rows and conflicts


def ids_in(pairs: Iterable[tuple[str, Any]], into: dict[str, set[int]]) -> dict[str, set[int]]:
    """Adds the ids among (record field, plain value) to `into`, by kind of record."""
    for field, value in pairs:
        kind = POINTS_TO.get(field)
        if kind and isinstance(value, int):
            into.setdefault(kind, set()).add(value)
    return into


def value_of(field: str, plain: Any, names: Names) -> Any:
    """A plain value of a record field in the API's form."""
    kind = POINTS_TO.get(field)
    return named(plain, names.get((kind, plain))) if kind and isinstance(plain, int) else plain


def conflicts_of(session: Session, results: Sequence[Result]) -> dict[int, list[dict[str, Any]]]:
    """Record id -> its conflicts; looks the names up at once."""
    met = [(result.record_id or 0, found) for result in results for found in result.conflicts]
    ids: dict[str, set[int]] = {}
    for _, found in met:
        ids_in(((found.field, value) for value in (found.seen, found.theirs, found.mine)), ids)
        if found.their_person_id:
            ids.setdefault("person", set()).add(found.their_person_id)
    names = names_of(session, ids)
    by_record: dict[int, list[dict[str, Any]]] = {}
    for record_id, found in met:
        by_record.setdefault(record_id, []).append(conflict_of(found, names))
    return by_record


def conflict_of(met: Disagreement, names: Names) -> dict[str, Any]:
    return {
        "field": field_of(met.field),
        "seen": value_of(met.field, met.seen, names),
        "theirs": value_of(met.field, met.theirs, names),
        "mine": value_of(met.field, met.mine, names),
        "their_person": named(met.their_person_id, names.get(("person", met.their_person_id or 0))),
        "their_at": met.their_at,
    }
