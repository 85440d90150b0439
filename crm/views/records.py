"""The saved view as the write path knows it: one's own without more, a team's or everyone's with the grant to share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from crm.access import person_of
from crm.changes.records import Checks, Field, RecordType, by_name, register
from crm.errors import Invalid
from crm.views.rules import PRIVATE, read_address, read_page
from crm.views.sharing import check_audience, check_share

LONGEST_NAME = 60


class ViewChecks(Checks):
    """A view is its maker's; who else sees it depends on the grant to share."""

    def settle(self, current: Mapping[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
        me = person_of(self.session).id or None
        if current is None:
            wanted = {"audience": PRIVATE, "address": {}, "position": 0, "is_pinned": False, **{k: v for k, v in wanted.items() if v is not None}}
            wanted["owner_id"] = me
            if not wanted.get("name"):
                raise Invalid("Give the view a name.", field="name")
            wanted["page"] = read_page(wanted.get("page"))
        elif wanted.keys() & {"owner_id", "page"}:
            raise Invalid("A view stays its maker's, and of its page. Save another one instead.", field="page")
        if wanted.get("deleted_at"):
            return wanted
        after = {**(current or {}), **wanted}
        if len(after["name"]) > LONGEST_NAME:
            raise Invalid(f"A view's name takes up to {LONGEST_NAME} characters.", field="name")
        if "address" in wanted:
            wanted["address"] = read_address(after["page"], wanted["address"])
        self._check_audience(after, wanted)
        return wanted

    def _check_audience(self, after: dict[str, Any], wanted: dict[str, Any]) -> None:
        audience = check_audience(self.session, after, wanted, what="view")
        if after.get("default_for_role_id"):
            self._check_default(after, audience)
        check_share(self.session, audience, after.get("for_team_id"))

    def _check_default(self, after: Mapping[str, Any], audience: str) -> None:
        if audience == PRIVATE:
            raise Invalid("A page can only open with a view that a team or everyone sees. Share it first.", field="default_for_role_id")
        if not self._is("roles", after["default_for_role_id"]):
            raise Invalid("There is no such role.", field="default_for_role_id")
        taken = self.session.scalar(
            text("""
                select v.name from crm.views as v
                where v.default_for_role_id = :role and v.page = :page and v.for_team_id is not distinct from cast(:team as bigint)
                    and v.deleted_at is null and v.id is distinct from cast(:id as bigint)
            """),
            {"role": after["default_for_role_id"], "page": after["page"], "team": after.get("for_team_id"), "id": after.get("id")},
        )
        if taken:
            raise Invalid(f"“{taken}” opens the page for this role already. Take that back first.", field="default_for_role_id")

    def _is(self, table: str, record_id: int | None, more: str = "") -> bool:
        return bool(record_id and self.session.scalar(text(f"select true from crm.{table} where id = :id{more}"), {"id": record_id}))


VIEW = register(
    RecordType(
        name="view",
        table="crm.views",
        label="View",
        resource="view",
        fields=by_name(
            Field("owner_id", "Made by", "id"),
            Field("audience", "For", is_required=True),
            Field("for_team_id", "Team", "id"),
            Field("page", "Page", is_required=True),
            Field("name", "Name", is_required=True),
            Field("address", "What it asks for", "json", is_required=True),
            Field("position", "Position", "int", is_required=True),
            Field("is_pinned", "Pinned", "flag", is_required=True),
            Field("default_for_role_id", "Opens for role", "id"),
        ),
        checks=ViewChecks,
        team_sql="r.for_team_id",
    )
)
