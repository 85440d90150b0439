"""The lead as the write path knows it: its fields and what follows from changing them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import person_of
from crm.access.acting import stepping_aside
from crm.assignment.assigning import Assigned, assign, keep_reasons
from crm.changes.records import Checks, Field, RecordType, by_name, register
from crm.db import direct
from crm.errors import CrmError, Invalid
from crm.fields import checks as custom_checks  # noqa: F401 - custom values are typed wherever leads are written
from crm.fields.catalogue import requirement_labels
from crm.leads import rules
from crm.organisation.rules import read_market
from crm.pipelines.layout import Layout, layout, own_layout
from crm.pipelines.reads import PipelineRow, StageRow

_UNASKED = "leads.entry_unasked"
_HAS_ACTIVITY = text("select exists (select from crm.activities where lead_id = :lead and kind = :kind and deleted_at is null)")


@contextmanager
def entry_unasked(session: Session) -> Iterator[None]:
    """Meanwhile stages ask nothing of leads that enter: their stage was removed, and nobody could fill in thousands first."""
    session.info[_UNASKED] = True
    try:
        yield
    finally:
        del session.info[_UNASKED]


class LeadChecks(Checks):
    """Team, pipeline and stage belong together; a stage may ask for fields; an owner is somebody active."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._owners: dict[int, tuple[bool, bool, frozenset[int]]] = {}
        self._layout: Layout | None = None
        self._looked_again = False
        self._given: dict[int, Assigned] = {}
        self._ownerless: dict[int, dict[str, Any]] = {}
        self._owed: dict[int, StageRow] = {}
        self._stands: set[int] = set()

    def _layout_with(self, place: Mapping[str, Any]) -> Layout:
        """The layout; read once more, in this transaction, where it lacks a part of `place` that the transaction may have made itself."""
        if self._layout is None:
            self._layout = layout(self.session)
        parts = {(word, place.get(f"{word}_id")) for word in ("team", "pipeline", "stage") if place.get(f"{word}_id") is not None}
        if not self._looked_again and not parts <= self._layout.ids:
            self._looked_again, self._layout = True, own_layout(self.session)
        return self._layout

    def settle(self, current: Mapping[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
        is_unsaid = current is None and "owner_id" not in wanted
        if current is None:
            wanted = self._begin(wanted)
        after = {**(current or {}), **wanted}
        if wanted.get("deleted_at"):
            return wanted
        if wanted.get("market"):
            wanted["market"] = read_market(wanted["market"])
        moved = {"team_id", "pipeline_id", "stage_id"} & wanted.keys()
        if moved:
            self._place(current, wanted, after)
        if wanted.get("owner_id") is not None and wanted["owner_id"] != (current or {}).get("owner_id"):
            self._check_owner(wanted["owner_id"])
        if current is None and (is_unsaid or wanted["owner_id"] is None):
            self._ownerless[id(wanted)] = wanted
        return wanted

    def complete(self, new: Sequence[dict[str, Any]]) -> Mapping[int, CrmError]:
        """Leads for which nobody named an owner go where the rules of their team say, as far as the person may make them there.

        Only then it shows whether one stands without the owner that its stage asks for.
        """
        theirs = [values for values in new if id(values) in self._ownerless]
        reach, me = person_of(self.session).reach("lead", "create"), person_of(self.session).id
        if not theirs:
            return {}
        with stepping_aside(self.session):
            found = assign(self.session, theirs, may_take=lambda team, person: reach.covers(team_id=team, owner_id=person, person_id=me))
        for values, given in zip(theirs, found, strict=True):
            if given:
                values["owner_id"] = given.person_id
                self._given[id(values)] = given
        owing = {place: self._owed[id(values)] for place, values in enumerate(new) if id(values) in self._owed and values["owner_id"] is None}
        return {place: rules.missing_owner(stage) for place, stage in owing.items()}

    def made(self, new: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
        """Each lead that a rule gave to somebody says so."""
        given = [(lead_id, self._given.pop(id(values))) for lead_id, values in new if id(values) in self._given]
        if given:
            with stepping_aside(self.session):
                keep_reasons(self.session, given)

    def _begin(self, wanted: dict[str, Any]) -> dict[str, Any]:
        wanted = {name: value for name, value in wanted.items() if value is not None or name == "owner_id"}
        if not wanted.get("name"):
            raise Invalid("Give the lead a name.", field="name")
        if not wanted.get("team_id"):
            raise Invalid("Say which team the lead belongs to.", field="team_id")
        if "owner_id" not in wanted:
            wanted["owner_id"] = person_of(self.session).id or None
        return wanted

    def _place(self, current: Mapping[str, Any] | None, wanted: dict[str, Any], after: dict[str, Any]) -> None:
        """Fill in pipeline and stage where the team or pipeline moved, and check that the three fit."""
        team_id = after["team_id"]
        standing = self._layout_with(after)
        if team_id not in standing.parents:
            raise Invalid("There is no such team.", field="team_id")
        line = standing.line(team_id)
        if current is None:
            standing = self._in_sight(standing, line)
        team_moved = current is not None and team_id != current["team_id"]
        if (current is None or team_moved) and wanted.get("pipeline_id") is None and wanted.get("stage_id") is not None:
            # A stage names its pipeline.
            owner = next((p for p in standing.pipelines if any(s.id == wanted["stage_id"] for s in p.stages)), None)
            wanted["pipeline_id"] = after["pipeline_id"] = owner.id if owner else None
        if wanted.get("pipeline_id") is None and (current is None or (team_moved and _pipeline(standing, after.get("pipeline_id"), line) is None)):
            wanted["pipeline_id"] = after["pipeline_id"] = rules.default_pipeline(standing.pipelines, line).id
        pipeline = rules.check_pipeline(_pipeline(standing, after["pipeline_id"], line), line)
        self._hold(pipeline)
        if wanted.get("stage_id") is None and (current is None or pipeline.id != current["pipeline_id"]):
            if not pipeline.stages:
                raise Invalid(f"“{pipeline.name}” has no stages yet.", field="pipeline_id")
            wanted["stage_id"] = after["stage_id"] = pipeline.first_stage.id
        stage = rules.check_stage(after["stage_id"], pipeline)
        if current is None or stage.id != current["stage_id"]:
            self._check_entry(stage, current, wanted, after)
        if team_moved and "owner_id" not in wanted and after.get("owner_id") and not self._belongs(after["owner_id"], line):
            wanted["owner_id"] = None  # nobody of the new team's yet: it shows as unassigned there

    def _hold(self, pipeline: PipelineRow) -> None:
        """It stays as it is until the transaction ends. The layout may be a moment old, and somebody may have archived it meanwhile."""
        if pipeline.id in self._stands:
            return
        if not direct.rows(self.session, "select crm.pipeline_stands(:id)", {"id": pipeline.id})[0][0]:
            raise Invalid(f"“{pipeline.name}” was archived a moment ago. Reload and choose another pipeline.", field="pipeline_id")
        self._stands.add(pipeline.id)

    def _check_entry(self, stage: StageRow, current: Mapping[str, Any] | None, wanted: dict[str, Any], after: Mapping[str, Any]) -> None:
        """A new lead has no activities yet, so only one that moves in is asked for them. What is taken back stood there before."""
        if self.session.info.get(_UNASKED) or self.session.info.get("undoing"):
            return
        if current is None and after.get("owner_id") is None and "owner_id" in stage.required_fields:
            self._owed[id(wanted)] = stage  # a rule of the team may name one yet
            stage = replace(stage, required_fields=tuple(name for name in stage.required_fields if name != "owner_id"))
        rules.check_entry(stage, after, requirement_labels(self.session, stage.required_fields))
        if stage.required_activity and current is not None:
            asked = {"lead": current["id"], "kind": stage.required_activity}
            rules.check_activity(stage, is_there=bool(self.session.scalar(_HAS_ACTIVITY, asked)))

    def _in_sight(self, standing: Layout, line: Sequence[int]) -> Layout:
        """For a new lead, only pipelines that the person sees count. The wall is asked where their reach alone does not say it."""
        reach = person_of(self.session).reach("pipeline", "view")
        if reach.everywhere or all(p.team_id in reach.teams for p in standing.pipelines if p.team_id in line):
            return standing
        self._layout, self._looked_again = own_layout(self.session), True
        return self._layout

    def _owner(self, owner_id: int) -> tuple[bool, bool, frozenset[int]]:
        """(is active, is organisation-wide, teams)."""
        if owner_id not in self._owners:
            row = self.session.execute(
                text("""
                    select p.disabled_at is null as is_active, coalesce(bool_or(m.id is not null and m.team_id is null), false) as is_wide,
                        coalesce(array_agg(m.team_id) filter (where m.team_id is not null), '{}') as teams
                    from crm.people as p left join crm.memberships as m on m.person_id = p.id
                    where p.id = :id group by p.id
                """),
                {"id": owner_id},
            ).one_or_none()
            self._owners[owner_id] = (row.is_active, row.is_wide, frozenset(row.teams)) if row else (False, False, frozenset())
        return self._owners[owner_id]

    def _belongs(self, owner_id: int, line: Sequence[int]) -> bool:
        _, is_wide, teams = self._owner(owner_id)
        return is_wide or bool(teams & set(line))

    def _check_owner(self, owner_id: int) -> None:
        if not self._owner(owner_id)[0]:
            raise Invalid("That person does not exist or is disabled. Choose another owner.", field="owner_id")


def _pipeline(standing: Layout, pipeline_id: int | None, line: Sequence[int]) -> PipelineRow | None:
    return next((p for p in standing.pipelines if p.id == pipeline_id and p.team_id in line), None)


LEAD = register(
    RecordType(
        name="lead",
        table="crm.leads",
        label="Lead",
        resource="lead",
        fields=by_name(
            Field("name", "Name", is_required=True),
            Field("team_id", "Team", "id", is_required=True),
            Field("pipeline_id", "Pipeline", "id", is_required=True),
            Field("stage_id", "Stage", "id", is_required=True),
            Field("owner_id", "Owner", "id"),
            Field("company_id", "Company", "id", refers_to="crm.companies"),
            Field("value", "Value", "money"),
            Field("expected_close_on", "Expected close", "date"),
            Field("next_step", "Next step"),
            Field("source", "Source"),
            Field("market", "Market"),
            Field("email", "Mail"),
            Field("phone", "Phone"),
            Field("lost_reason", "Lost reason"),
            Field("external_id", "External id"),
            Field("came_from_lead_id", "Came from", "id", refers_to="crm.leads"),
            Field("merged_into_id", "Merged into", "id", refers_to="crm.leads"),
        ),
        checks=LeadChecks,
        coupled=(frozenset({"team_id", "pipeline_id", "stage_id"}),),
        has_custom=True,
        has_effective_at=True,
        rank=2,
        shown_in={"value": ("value_usd", "of_usd", "open_usd")},
    )
)
