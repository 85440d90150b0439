"""Where the rows go: the team, its pipeline and stages, and the people who own leads. With `may_make`, whatever is missing is made."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.changes import Edit, apply
from crm.errors import Invalid
from crm.fields.catalogue import own_catalogue
from crm.fields.kinds import TypedField, typed
from crm.fields.records import CUSTOM_FIELD
from crm.fields.rules import label_of
from crm.imports.rules import NewStage, lay_out_stages, stage_kind
from crm.imports.survey import Survey
from crm.letters import legible
from crm.people.use_cases import add_person, add_team, role_id
from crm.pipelines.reads import PipelineRow, StageRow, pipelines
from crm.pipelines.records import PIPELINE, STAGE

SOURCE = "import"
NEW_PIPELINE = "Leads"
DEFAULT_STAGES = (NewStage("Lead", "open", lay_out_stages(["Lead"])[0].probability),)
UNINVITED = "not-invited.example"
"""Where people live whom a file names and nobody has invited: a domain that no mail ever reaches."""


@dataclass(frozen=True)
class Place:
    """The target of one run. `owners` maps lower-case names and mail addresses to people's ids."""

    team_id: int
    team: str
    pipeline: PipelineRow
    owners: Mapping[str, int]

    def stage(self, name: str) -> StageRow:
        """The stage by its name, whatever its case. Raises `Invalid` with the names there are."""
        for stage in self.pipeline.stages:
            if stage.name.lower() == name.lower():
                return stage
        names = ", ".join(stage.name for stage in self.pipeline.stages)
        raise Invalid(f"There is no stage “{name[:60]}” in “{self.pipeline.name}”. Its stages are: {names}. Or add --create-missing.", field="stage")

    def owner(self, name: str) -> int:
        """The person by name or mail address. Raises `Invalid`."""
        found = self.owners.get(name.lower())
        if found is None:
            raise Invalid(f"There is nobody called “{name[:60]}”. Add them first, or add --create-missing.", field="owner")
        return found


def settle(session: Session, team: str, pipeline: str | None, names: Survey, *, may_make: bool, made: dict[str, list[str]]) -> Place:
    """The place that the rows need; what was made is added to `made`. Raises `Invalid` for what is missing and may not be made."""
    team_id, team_name = _team(session, team, may_make=may_make, made=made)
    found = _pipeline(session, team_id, team_name, pipeline, names, may_make=may_make, made=made)
    if may_make and (missing := [name for key, name in names.stages.items() if key not in {stage.name.lower() for stage in found.stages}]):
        _add_stages(session, found.id, [NewStage(s.name, s.kind, s.probability) for s in lay_out_stages(missing)], after=found.stages)
        made.setdefault("stages", []).extend(missing)
        found = _named(session, found.id)
    if not found.stages:
        raise Invalid(f"The pipeline “{found.name}” has no stages yet. Add some, or add --create-missing.", field="pipeline")
    owners = _owners(session)
    if may_make:
        for key, name in names.owners.items():
            if key not in owners:
                owners |= {key: _add_owner(session, name, team_id, owners)}
                made.setdefault("people", []).append(name)
    return Place(team_id, team_name, found, owners)


def settle_fields(
    session: Session, place: Place, names: Iterable[str], *, may_make: bool, made: dict[str, list[str]]
) -> dict[str, TypedField]:  # fmt: skip
    """The custom fields among `names`, by `custom.<key>`; missing ones are made as text of the team's. Raises `Invalid` for what may not be made."""
    wanted = list(dict.fromkeys(name for name in names if name.startswith("custom.")))
    known = own_catalogue(session) if wanted else None
    if known is None:
        return {}
    line = known.line(place.team_id)
    missing = [name for name in wanted if (found := known.find("lead", name.removeprefix("custom."))) is None or found.team_id not in line]
    if missing and not may_make:
        fields = ", ".join(each.name for each in known.of_team("lead", place.team_id)) or "none yet"
        raise Invalid(
            f"Leads of {place.team} have no field “{missing[0]}”. Fields are: {fields}. Or add --create-missing, which makes it as text.", field="map"
        )
    if missing:
        keys = [name.removeprefix("custom.") for name in missing]
        edits = [
            Edit(CUSTOM_FIELD.name, None, {"record_type": "lead", "key": key, "label": label_of(key), "kind": "text", "team_id": place.team_id}) for key in keys
        ]
        apply(session, edits, source=SOURCE, label="New fields", on_conflict="refuse")
        made.setdefault("fields", []).extend(keys)
        known = own_catalogue(session)

    def people(name: str) -> list[int]:
        return [place.owners[name.lower()]] if name.lower() in place.owners else []

    return {each.name: typed(each, people) for each in known.of_team("lead", place.team_id) if each.name in wanted}


def _team(session: Session, name: str, *, may_make: bool, made: dict[str, list[str]]) -> tuple[int, str]:
    wanted = legible(name)
    row = session.execute(text("select id, name from crm.teams where lower(name) = lower(:name) and deleted_at is null"), {"name": wanted}).one_or_none()
    if row is not None:
        return row.id, row.name
    if not may_make:
        teams = ", ".join(session.scalars(text("select name from crm.teams where deleted_at is null order by name"))) or "none yet"
        raise Invalid(f"There is no team “{wanted}”. Teams are: {teams}. Or add --create-missing.", field="team")
    made.setdefault("teams", []).append(wanted)
    return add_team(session, wanted, source=SOURCE), wanted


def _pipeline(
    session: Session, team_id: int, team: str, name: str | None, names: Survey, *, may_make: bool, made: dict[str, list[str]]
) -> PipelineRow:  # fmt: skip
    of_team = [found for found in pipelines(session) if found.team_id == team_id]
    if name is None and of_team:
        return of_team[0]
    for found in of_team:
        if name is not None and found.name.lower() == legible(name).lower():
            return found
    if not may_make:
        known = ", ".join(found.name for found in of_team) or "none yet"
        raise Invalid(
            f"The team “{team}” has no pipeline{f' “{name}”' if name else ''}. Its pipelines are: {known}. Or add --create-missing.", field="pipeline"
        )
    wanted = legible(name or NEW_PIPELINE)
    edit = Edit(PIPELINE.name, None, {"team_id": team_id, "name": wanted, "position": len(of_team)})
    pipeline_id = apply(session, [edit], source=SOURCE, label="New pipeline", on_conflict="refuse").results[0].record_id or 0
    made.setdefault("pipelines", []).append(wanted)
    stages = lay_out_stages(names.stages.values())
    if not any(stage.kind == "open" for stage in stages):
        stages = [*DEFAULT_STAGES, *stages]
    _add_stages(session, pipeline_id, stages, after=())
    made.setdefault("stages", []).extend(stage.name for stage in stages)
    return _named(session, pipeline_id)


def _named(session: Session, pipeline_id: int) -> PipelineRow:
    return next(found for found in pipelines(session) if found.id == pipeline_id)


def _add_stages(session: Session, pipeline_id: int, stages: Iterable[NewStage], *, after: Iterable[StageRow]) -> None:
    """Behind the ones that stand: in which order they belong is for people to say."""
    first = max((stage.position for stage in after), default=-1) + 1
    edits = [
        Edit(STAGE.name, None, {
            "pipeline_id": pipeline_id, "name": stage.name, "kind": stage_kind(stage.name), "position": first + place, "probability": stage.probability,
        })
        for place, stage in enumerate(stages)
    ]  # fmt: skip
    apply(session, edits, source=SOURCE, label="New stages", on_conflict="refuse")


def _owners(session: Session) -> dict[str, int]:
    """Active people by lower-case name and mail address; a name wins over a disabled person's."""
    rows = session.execute(
        text("select id, lower(name) as name, email, disabled_at is not null as is_disabled from crm.people order by disabled_at is null, id")
    ).all()
    return {row.email: row.id for row in rows} | {row.name: row.id for row in rows}


def _add_owner(session: Session, name: str, team_id: int, known: Mapping[str, int]) -> int:
    """A rep of the team without a password: nobody can sign in as them before an admin sends a set-up link."""
    if "@" in name:
        email, shown = name.lower(), name.split("@")[0].replace(".", " ").replace("_", " ").title()
    else:
        email, shown = _address(name, known), name
    return add_person(session, {"email": email, "name": shown}, [(team_id, role_id(session, "rep"))], source=SOURCE)


def _address(name: str, known: Mapping[str, int]) -> str:
    bare = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    local = re.sub(r"[^a-z0-9]+", ".", bare).strip(".")[:50] or "person"
    number = 1
    while (found := f"{local}{number if number > 1 else ''}@{UNINVITED}") in known:
        number += 1
    return found
