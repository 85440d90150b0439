"""The activity as the write path knows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from crm.access import person_of
from crm.changes.records import Checks, Field, RecordType, by_name, register
from crm.clock import now
from crm.errors import Invalid, NotFound

KINDS = {"call": "Call", "meeting": "Meeting", "note": "Note", "mail_in": "Mail in", "mail_out": "Mail out", "message": "Message"}


class ActivityChecks(Checks):
    """An activity belongs to a lead one sees; it happened in the past, and says something or has a kind that does."""

    def settle(self, current: Mapping[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
        if "kind" in wanted and wanted["kind"] not in KINDS:
            raise Invalid(f"“{wanted['kind']}” is not a kind of activity. Take one of: {', '.join(KINDS)}.", field="kind")
        if current is None:
            seen = self.session.scalar(text("select 1 from crm.leads where id = :id and deleted_at is null"), {"id": wanted.get("lead_id")})
            if not seen:
                raise NotFound("There is no such lead, or you may not see it.")
            wanted = {"happened_at": now(), "body": "", **{k: v for k, v in wanted.items() if v is not None}}
            wanted["person_id"] = person_of(self.session).id or None
            if "kind" not in wanted:
                raise Invalid("Say what happened: a call, a meeting, a note...", field="kind")
        if "body" in wanted:
            wanted["body"] = wanted["body"] or ""
        after = {**(current or {}), **wanted}
        if after["kind"] == "note" and not after.get("body"):
            raise Invalid("Write something in the note.", field="body")
        if after["happened_at"] > now():
            raise Invalid("An activity has happened already: give a time that is not in the future.", field="happened_at")
        if (after.get("duration_minutes") or 0) < 0:
            raise Invalid("A duration cannot be negative.", field="duration_minutes")
        return wanted


ACTIVITY = register(
    RecordType(
        name="activity",
        table="crm.activities",
        label="Activity",
        resource="activity",
        fields=by_name(
            Field("lead_id", "Lead", "id", is_required=True, refers_to="crm.leads"),
            Field("person_id", "Person", "id"),
            Field("kind", "Kind", is_required=True),
            Field("body", "Text", "long_text"),
            Field("happened_at", "When", "moment", is_required=True),
            Field("duration_minutes", "Minutes", "int"),
        ),
        checks=ActivityChecks,
        team_sql="(select l.team_id from crm.leads as l where l.id = r.lead_id)",
        owner_sql="r.person_id",
        rank=0,
    )
)
