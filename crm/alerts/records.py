"""The alert as the write path knows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import Reach, load, person_of
from crm.access.acting import stepping_aside
from crm.changes.records import Checks, Field, RecordType, by_name, register
from crm.clock import now
from crm.errors import Invalid, NotFound


class AlertChecks(Checks):
    """An alert belongs to a lead one sees and reminds somebody who sees it too; who made and who finished it follows by itself."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._sights: dict[int, Reach] = {}

    def settle(self, current: Mapping[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
        me = person_of(self.session).id or None
        if current is None:
            wanted = {"text": "", **{name: value for name, value in wanted.items() if value is not None}}
            seen = self.session.scalar(text("select 1 from crm.leads where id = :id and deleted_at is null"), {"id": wanted.get("lead_id")})
            if not seen:
                raise NotFound("There is no such lead, or you may not see it.")
            if not wanted.get("due_at"):
                raise Invalid("Say when the alert is due.", field="due_at")
            wanted["created_by_id"] = me
            if not wanted.setdefault("person_id", me):
                raise Invalid("Say whom the alert reminds.", field="person_id")
        elif wanted.get("lead_id", current["lead_id"]) != current["lead_id"]:
            raise Invalid("An alert stays with its lead. Make a new one there.", field="lead_id")
        if wanted.get("person_id") is not None and wanted["person_id"] != (current or {}).get("person_id"):
            self._check_person(wanted["person_id"], {**(current or {}), **wanted}["lead_id"], me)
        if "text" in wanted:
            wanted["text"] = wanted["text"] or ""
        if "done_at" in wanted:
            if wanted["done_at"] and wanted["done_at"] > now():
                raise Invalid("An alert is done now or was done before.", field="done_at")
            wanted["done_by_id"] = me if wanted["done_at"] else None
        return wanted

    def _check_person(self, person_id: int, lead_id: int, me: int | None) -> None:
        """Somebody who can sign in, and who sees the lead: an alert shows only where its lead does."""
        name = self.session.scalar(text("select name from crm.people where id = :id and disabled_at is null"), {"id": person_id})
        if name is None:
            raise Invalid("That person does not exist or is disabled. Choose somebody else.", field="person_id")
        if person_id == me or self.session.info.get("undoing"):
            return
        lead = self.session.execute(text("select team_id, owner_id from crm.leads where id = :id"), {"id": lead_id}).one()
        if not self._sight_of(person_id).covers(team_id=lead.team_id, owner_id=lead.owner_id, person_id=person_id):
            raise Invalid(
                f"{name} does not see this lead, so the alert would never reach them. Choose a colleague who sees it, or hand them the lead first.",
                field="person_id",
            )  # fmt: skip

    def _sight_of(self, person_id: int) -> Reach:
        """Which leads they see; remembered, as many alerts may go to one person."""
        if person_id not in self._sights:
            with stepping_aside(self.session):
                self._sights[person_id] = load(self.session, person_id).reach("lead", "view")
        return self._sights[person_id]


ALERT = register(
    RecordType(
        name="alert",
        table="crm.alerts",
        label="Alert",
        resource="alert",
        fields=by_name(
            Field("lead_id", "Lead", "id", is_required=True, refers_to="crm.leads"),
            Field("person_id", "For", "id", is_required=True),
            Field("due_at", "Due", "moment", is_required=True),
            Field("text", "What to do"),
            Field("done_at", "Done", "moment"),
            Field("done_by_id", "Done by", "id"),
            Field("created_by_id", "Made by", "id"),
        ),
        checks=AlertChecks,
        coupled=(frozenset({"done_at", "done_by_id"}),),
        team_sql="(select l.team_id from crm.leads as l where l.id = r.lead_id)",
        owner_sql="r.person_id",
        rank=0,
    )
)
