"""Leads as they stood at a past moment.

Where a lead was (team, pipeline, stage, owner, its value in USD) comes from its stays; its other recorded fields are
wound back through the change rows, so that they too are as they were. Derived columns (orders, last contact), the time
of the last change and whatever search looks at carry today's label. A lead that the person does not see today, or whose
place then lies outside their reach, is left out.

With what was known on a day: stays as they were known then, and what was recorded after it is wound back, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import DateTime, bindparam, text
from sqlalchemy.orm import Session

from crm import clock
from crm.changes import hiding
from crm.changes.records import Field
from crm.errors import Invalid
from crm.leads.reads import COLUMNS, LeadFilter, LeadPage, page_of
from crm.leads.records import LEAD
from crm.leads.references import names_of
from crm.ledger.known import Known, as_known, check_known

_THEN = {
    "l.team_id": "t.team_id", "l.pipeline_id": "t.pipeline_id", "l.stage_id": "t.stage_id", "l.owner_id": "t.owner_id", "l.source": "t.source",
    "l.market": "t.market", "l.value_usd": "t.value_usd", "l.stage_entered_at": "t.stage_entered_at",
    "l.deleted_at": "null::timestamptz as deleted_at", "l.merged_into_id": "null::bigint as merged_into_id",
}  # fmt: skip
_COLUMNS = ", ".join(_THEN.get(column.strip(), column.strip()) for column in COLUMNS.split(","))
_SOURCE = f"""(select {_COLUMNS} from crm.stays as t join crm.leads as l on l.id = t.lead_id
    where t.entered_at < :before and (t.left_at is null or t.left_at >= :before))"""
_KNOWN_SOURCE = as_known(_SOURCE)
_SINCE = text("""
    select c.record_id, c.version, c.fields from crm.changes as c
    where c.record_type = 'lead' and c.record_id = any(:ids) and c.version > 1 and (coalesce(c.effective_at, c.at) >= :before or c.at >= :known_before)
    order by c.record_id, c.version desc
""").bindparams(bindparam("known_before", type_=DateTime(timezone=True)))
# Where the stay says it already, or where the column stays today's.
_NOT_WOUND_BACK = {"team_id", "pipeline_id", "stage_id", "owner_id", "came_from_lead_id", "merged_into_id", "deleted_at"}


@dataclass(frozen=True, slots=True)
class Past:
    """The last moment before `before`, which it is exclusive of; as far as it was known before `known_before`, None for what is known now."""

    before: datetime
    known_before: datetime | None = None

    @property
    def source(self) -> str:
        """Leads as they stood, in the place of `crm.leads`: SQL with the parameters `binds`."""
        return _SOURCE if self.known_before is None else _KNOWN_SOURCE

    @property
    def binds(self) -> dict[str, Any]:
        return {"before": self.before} | (Known(self.before, self.known_before).binds if self.known_before else {})


def past_of(as_of: datetime | None, known_on: date | None, time_zone: str) -> Past | None:
    """What both ask for: `as_of` as an exclusive bound, None for the end of `known_on`; None for now. Raises `Invalid`."""
    if known_on is None:
        return Past(as_of) if as_of else None
    check_known(known_on, None, clock.today(time_zone))
    known_before = clock.end_of(known_on, time_zone)
    if as_of and as_of > known_before:
        raise Invalid(f"On {known_on:%-d %b %Y} nobody knew what came after it. Give a later day, or an earlier as_of.", field="known_on")
    return Past(as_of or known_before, known_before)


def read_moment(given: str, time_zone: str) -> datetime:
    """`given` (a day, or a moment in RFC 3339) as an exclusive bound: what happened before it counts. Raises `Invalid`."""
    try:
        if len(given) == 10:
            return clock.end_of(date.fromisoformat(given), time_zone)
        moment = datetime.fromisoformat(given)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC) + timedelta(microseconds=1)
    except (ValueError, OverflowError):
        pass
    raise Invalid(f"“{given[:40]}” is neither a day (2026-03-31) nor a moment (2026-03-31T10:00:00Z).", field="as_of")


def list_leads_as_of(
    session: Session, past: Past, wanted: LeadFilter, *, sort: str = "-updated_at", limit: int = 100, after: tuple[Any, int] | None = None
) -> LeadPage:
    """`list_leads` at a past moment: filters, sort and rows by where leads were then."""
    page = page_of(session, past.source, past.binds, wanted, sort=sort, limit=limit, after=after)
    return LeadPage(wound_back(session, page.rows, past), page.next_after)


def lead_as_of(session: Session, lead_id: int, past: Past) -> Mapping[Any, Any] | None:
    """One lead; None when it is hidden or missing, did not exist yet, or was deleted then, as far as was known."""
    one = past.source.removesuffix(")") + " and t.lead_id = :lead_id)"
    page = page_of(session, one, {**past.binds, "lead_id": lead_id}, LeadFilter(), sort="id", limit=1)
    return next(iter(wound_back(session, page.rows, past)), None)


def wound_back(session: Session, rows: Sequence[Mapping[Any, Any]], past: Past) -> list[dict[str, Any]]:
    """Rows of `past.source` with their other fields as they were."""
    found = {row["id"]: dict(row) for row in rows}
    if not found:
        return []
    for change in session.execute(_SINCE, {"ids": list(found), "before": past.before, "known_before": past.known_before}):
        row = found[change.record_id]
        row["version"] = change.version - 1
        for name, (old, _) in change.fields.items():
            _set(row, name, old)
    _name_companies(session, list(found.values()))
    return list(hiding.blank(session, LEAD.name, list(found.values())))


def _set(row: dict[str, Any], name: str, plain: Any) -> None:
    if name in _NOT_WOUND_BACK:
        return
    if name.startswith("custom."):
        key = name.removeprefix("custom.")
        row["custom"] = {**row["custom"], key: plain}
        if plain is None:
            del row["custom"][key]
        return
    field: Field = LEAD.field(name)
    for (column, _), value in zip(field.columns, field.to_row(field.read_plain(plain)), strict=True):
        row[column] = value


def _name_companies(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    names = names_of(session, {"company": {row["company_id"] for row in rows if row["company_id"] is not None}})
    for row in rows:
        row["company"] = names.get(("company", row["company_id"]))
