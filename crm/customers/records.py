"""The rule that makes leads of customers, as the write path knows it. Customers and orders themselves are facts: nobody edits them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm.changes.records import Checks, Field, RecordType, by_name, register
from crm.customers import mirror_state as mirror_state  # its setting is a record too
from crm.errors import Invalid
from crm.organisation.rules import read_market

LONGEST_DAYS = 3660


class LeadRuleChecks(Checks):
    """A rule looks back one day to ten years."""

    def settle(self, current: Mapping[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
        if current is None:
            wanted = {"position": 0, "is_active": True, **{name: value for name, value in wanted.items() if value is not None}}
            if not wanted.get("name"):
                raise Invalid("Give the rule a name.", field="name")
        if wanted.get("market"):
            wanted["market"] = read_market(wanted["market"])
        days = {**(current or {}), **wanted}.get("ordered_within_days")
        if not days or not 1 <= days <= LONGEST_DAYS:
            raise Invalid(f"A rule looks back 1 to {LONGEST_DAYS:,} days.", field="ordered_within_days")
        return wanted


LEAD_RULE = register(
    RecordType(
        name="lead_rule",
        table="crm.lead_rules",
        label="Lead rule",
        resource="settings",
        fields=by_name(
            Field("name", "Name", is_required=True),
            Field("is_active", "Active", "flag", is_required=True),
            Field("position", "Position", "int", is_required=True),
            Field("segment", "Segment"),
            Field("market", "Market"),
            Field("ordered_within_days", "Ordered within days", "int", is_required=True),
            Field("team_id", "Team", "id"),
            Field("pipeline_id", "Pipeline", "id"),
        ),
        checks=LeadRuleChecks,
        grant="configure",
        team_sql="null::bigint",
        owner_sql="null::bigint",
    )
)
