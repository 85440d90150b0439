"""A lead goes on in another pipeline (prospect, deal, account): a linked lead begins there, and the old one ends, in one change set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import writing
from crm.changes import Edit, apply
from crm.db import direct
from crm.errors import Gone, Invalid, NotFound
from crm.fields.catalogue import own_catalogue
from crm.leads import reads
from crm.leads.records import LEAD
from crm.pipelines.layout import own_layout
from crm.pipelines.reads import PipelineRow, StageRow, pipelines

CARRIED = ("name", "owner_id", "company_id", "value", "expected_close_on", "next_step", "source", "market", "email", "phone")
"""What the new lead has from the old one, beside its custom fields and contacts."""
_CONTACTS = text(
    "insert into crm.lead_contacts (lead_id, contact_id) select :new, contact_id from crm.lead_contacts where lead_id = :old on conflict do nothing"
)
_STANDING = text(f"""
    select custom, {", ".join(column for name in CARRIED for column, _ in LEAD.fields[name].columns)},
        (select p.name from crm.people as p where p.id = owner_id and p.disabled_at is not null) as gone_owner
    from crm.leads where id = :id""")
_LINKED = """
    select l.id, l.name, l.pipeline_id, l.id = :came_from as is_before from crm.leads as l
    where l.deleted_at is null and l.merged_into_id is null and (l.came_from_lead_id = :id or l.id = :came_from)
    order by l.id"""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """`gone_owner`: who owned the old lead and is disabled, so that the new one went by the team's assignment rules, or is nobody's yet."""

    lead_id: int
    change_set_id: int | None
    gone_owner: str | None = None


@dataclass(frozen=True, slots=True)
class Linked:
    """A lead that this one continues (`is_before`), or that continues it."""

    id: int
    name: str
    pipeline_id: int
    is_before: bool


def hand_over(
    session: Session, lead_id: int, seen_version: int, pipeline_id: int, *, ends_in: int | None = None, source: str
) -> HandedOver:  # fmt: skip
    """Begin a linked lead in the first open stage of that pipeline, and end this one in a won stage (`ends_in`; the first one, when None).

    The new lead stays in the team, or goes to the pipeline's where that is another one. An owner who is disabled stays behind.
    Raises `NotFound`, `Refused`, `Stale` and `Invalid`; nothing is written then.
    """
    row = _standing(session, lead_id)
    target = next((pipeline for pipeline in pipelines(session) if pipeline.id == pipeline_id), None)
    if target is None or not target.stages:
        raise Invalid("There is no such pipeline, or you may not see it.", field="pipeline_id")
    if target.id == row["pipeline_id"]:
        raise Invalid(f"The lead is in “{target.name}” already.", field="pipeline_id")
    end = _end(session, row, ends_in)
    label = f"Handed over {row['name']} to {target.name}"[:200]
    with direct.savepoint(session):
        values = _values(session, row, target)
        brought, gone_owner = _brought(session, row, values["team_id"])
        made = apply(
            session, [Edit(LEAD.name, None, {**values, **brought}, brought=frozenset(brought))], source=source, label=label, on_conflict="refuse"
        )  # fmt: skip
        new_id = made.results[0].record_id
        assert new_id is not None
        with writing(session, "lead", "create"):
            session.execute(_CONTACTS, {"new": new_id, "old": lead_id})
        ended = Edit(LEAD.name, lead_id, {"stage_id": end.id}, seen_version)
        apply(session, [ended], source=source, on_conflict="refuse", change_set_id=made.change_set_id)
    return HandedOver(new_id, made.change_set_id, gone_owner)


def _standing(session: Session, lead_id: int) -> Mapping[str, Any]:
    row = reads.lead(session, lead_id)
    if row is None or row["deleted_at"]:
        raise NotFound("There is no such lead, or you may not see it.")
    if row["merged_into_id"]:
        raise Gone("This lead was merged into another one.", merged_into=row["merged_into_id"])
    return row


def won_stages(session: Session, pipeline_id: int) -> Sequence[StageRow]:
    """Where a lead of the pipeline may end, in order."""
    pipeline = next((pipeline for pipeline in own_layout(session).pipelines if pipeline.id == pipeline_id), None)
    return [stage for stage in pipeline.stages if stage.kind == "won"] if pipeline else []


def _end(session: Session, row: Mapping[str, Any], ends_in: int | None) -> StageRow:
    won = won_stages(session, row["pipeline_id"])
    found = next((stage for stage in won if ends_in in (None, stage.id)), None)
    if found is None:
        raise Invalid(f"“{row['pipeline']}” has no such won stage, where the lead would end. Choose another one, or ask an admin to add one.", field="stage_id")
    return found


def _values(session: Session, row: Mapping[str, Any], target: PipelineRow) -> dict[str, Any]:
    """Where it begins."""
    line = own_layout(session).line(row["team_id"])
    team_id = row["team_id"] if target.team_id in line else target.team_id
    return {"team_id": team_id, "pipeline_id": target.id, "came_from_lead_id": row["id"]}


def _brought(session: Session, row: Mapping[str, Any], team_id: int) -> tuple[dict[str, Any], str | None]:
    """What comes along from the old lead, fields that are closed to whoever hands it over included; of custom ones, what the new team has.

    Beside it the name of an owner who is disabled: nobody works on a new lead of theirs.
    """
    standing: Mapping[Any, Any] = session.execute(_STANDING, {"id": row["id"]}).mappings().one()
    carried = {name: LEAD.fields[name].from_row(standing) for name in CARRIED}
    if standing["gone_owner"]:
        carried["owner_id"] = None
    fields = own_catalogue(session).of_team(LEAD.name, team_id)
    return carried | {field.name: standing["custom"][field.key] for field in fields if field.key in standing["custom"]}, standing["gone_owner"]


def linked(session: Session, row: Mapping[Any, Any]) -> list[Linked]:
    """The leads before and after this one, as far as they are seen."""
    found = direct.rows(session, _LINKED, {"id": row["id"], "came_from": row["came_from_lead_id"] or 0})
    return [Linked(*each) for each in found]
