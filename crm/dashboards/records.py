"""Dashboards and their blocks as the write path knows them. The grants are those of saved views: nobody needs two to keep what they look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from crm.access import person_of
from crm.changes.records import Checks, Field, RecordType, by_name, register
from crm.dashboards import rules
from crm.errors import Invalid, NotFound
from crm.views.rules import PRIVATE
from crm.views.sharing import check_audience, check_share

_DASHBOARD = text("select audience, for_team_id from crm.dashboards where id = :id and deleted_at is null")
_COUNT = text("select count(*) from crm.dashboard_blocks where dashboard_id = :id and deleted_at is null")


class DashboardChecks(Checks):
    """A dashboard is its maker's; who else sees it depends on the grant to share."""

    def settle(self, current: Mapping[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
        if current is None:
            wanted = {"audience": PRIVATE, "filters": {}, **{k: v for k, v in wanted.items() if v is not None}}
            wanted["owner_id"] = person_of(self.session).id or None
            if not wanted.get("name"):
                raise Invalid("Give the dashboard a name.", field="name")
        elif "owner_id" in wanted:
            raise Invalid("A dashboard stays its maker's. Copy it to have one of your own.", field="owner_id")
        if wanted.get("deleted_at"):
            return wanted
        after = {**(current or {}), **wanted}
        if len(after["name"]) > rules.LONGEST_NAME:
            raise Invalid(f"A dashboard's name takes up to {rules.LONGEST_NAME} characters.", field="name")
        if "filters" in wanted:
            wanted["filters"] = rules.read_filters(wanted["filters"])
        check_share(self.session, check_audience(self.session, after, wanted, what="dashboard"), after.get("for_team_id"))
        return wanted


class BlockChecks(Checks):
    """A block is a figure there is, or an exploration, on a dashboard that stands; changing one changes the dashboard, for everybody who sees it."""

    def settle(self, current: Mapping[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
        if current is not None and wanted.keys() & {"dashboard_id", "kind", "what"}:
            raise Invalid("A block stays what it is. Add another one, and remove this.", field="what")
        if current is None:
            wanted = {"kind": rules.REPORT, "width": rules.HALF, "position": 0, "parameters": {}, **{k: v for k, v in wanted.items() if v is not None}}
        after = {**(current or {}), **wanted}
        self._check_dashboard(after.get("dashboard_id"), is_new=current is None)
        if wanted.get("deleted_at"):
            return wanted
        if current is None:
            self._check_what(after)
        if len(after.get("title") or "") > rules.LONGEST_TITLE:
            raise Invalid(f"A title takes up to {rules.LONGEST_TITLE} characters.", field="title")
        rules.read_word(after["width"], rules.WIDTHS, field="width")
        if "parameters" in wanted:
            wanted["parameters"] = rules.read_parameters(after["kind"], wanted["parameters"])
        return wanted

    def _check_dashboard(self, dashboard_id: int | None, *, is_new: bool) -> None:
        row = self.session.execute(_DASHBOARD, {"id": dashboard_id}).one_or_none()
        if row is None:
            raise NotFound("There is no such dashboard, or you may not see it.")
        check_share(self.session, row.audience, row.for_team_id)
        if is_new and (self.session.scalar(_COUNT, {"id": dashboard_id}) or 0) >= rules.MOST_BLOCKS:
            raise Invalid(f"A dashboard takes up to {rules.MOST_BLOCKS} blocks. Remove one, or begin another dashboard.", field="dashboard_id")

    def _check_what(self, after: Mapping[str, Any]) -> None:
        kind = rules.read_word(after["kind"], rules.KINDS, field="kind")
        rules.read_word(after.get("what"), tuple(rules.FIGURES) if kind == rules.REPORT else (rules.EXPLORE,), field="what")


DASHBOARD = register(
    RecordType(
        name="dashboard",
        table="crm.dashboards",
        label="Dashboard",
        resource="view",
        fields=by_name(
            Field("owner_id", "Made by", "id"),
            Field("audience", "For", is_required=True),
            Field("for_team_id", "Team", "id"),
            Field("name", "Name", is_required=True),
            Field("filters", "Opens with", "json", is_required=True),
        ),
        checks=DashboardChecks,
        team_sql="r.for_team_id",
    )
)
BLOCK = register(
    RecordType(
        name="dashboard_block",
        table="crm.dashboard_blocks",
        label="Block",
        resource="view",
        fields=by_name(
            Field("dashboard_id", "Dashboard", "id", is_required=True, refers_to="crm.dashboards"),
            Field("kind", "Kind", is_required=True),
            Field("what", "Figure", is_required=True),
            Field("title", "Title"),
            Field("width", "Width", is_required=True),
            Field("position", "Position", "int", is_required=True),
            Field("parameters", "Narrowed to", "json", is_required=True),
        ),
        checks=BlockChecks,
        grant="edit",
        team_sql="(select d.for_team_id from crm.dashboards as d where d.id = r.dashboard_id)",
        owner_sql="(select d.owner_id from crm.dashboards as d where d.id = r.dashboard_id)",
        rank=8,
    )
)
