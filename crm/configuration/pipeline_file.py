"""Teams with their pipelines and stages in the configuration file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from crm.access import missing_grant, person_of
from crm.configuration.drafts import DraftEdit
from crm.configuration.making import new_edits
from crm.configuration.pipeline_plan import Planned, edits_of, requirements_of, standing
from crm.configuration.yaml_reading import known_parts, mapping, number, sequence, team_of, words
from crm.errors import Invalid
from crm.leads.reads import names_of_teams
from crm.pipelines.reads import PipelineRow, StageRow, pipelines

STAGE_KEYS = ("stage", "was", "kind", "probability", "target_days", "colour", "fields", "activity", "lost_reasons")


def _may_shape(session: Session, team_id: int) -> bool:
    reach = person_of(session).reach("pipeline", "configure")
    return reach.everywhere or team_id in reach.teams


def write(session: Session) -> dict[str, Any]:
    """The pipelines that the person may shape, team by team."""
    names, found = names_of_teams(session), dict[str, Any]()
    for pipeline in pipelines(session):
        if pipeline.team_id in names and _may_shape(session, pipeline.team_id):
            team = found.setdefault(names[pipeline.team_id], {"pipelines": {}})
            team["pipelines"][pipeline.name] = [_write_stage(stage) for stage in pipeline.stages]
    return found


def _write_stage(stage: StageRow) -> dict[str, Any]:
    said = {
        "stage": stage.name, "kind": stage.kind, "probability": stage.probability, "target_days": stage.target_days, "colour": stage.colour,
        **requirements_of(stage),
    }  # fmt: skip
    return {name: value for name, value in said.items() if value is not None}


def read(session: Session, given: Any) -> list[DraftEdit]:
    """The edits that make the named pipelines so. Raises `Invalid`."""
    ids = {name: team_id for team_id, name in names_of_teams(session).items()}
    known = pipelines(session)
    edits: list[DraftEdit] = []
    for name, team in mapping(given, "teams").items():
        team_id, parts = team_of(name, ids), mapping(team, name)
        if parts and not _may_shape(session, team_id):
            raise missing_grant("pipeline", "configure", here=person_of(session).may("pipeline", "configure"))
        known_parts(parts, ("pipelines",), name, "a team")
        for title, stages in mapping(parts.get("pipelines", {}), name).items():
            edits += _read_pipeline(session, team_id, words(title, name), sequence(stages, f"{name}, {title}"), known)
    return edits


def _read_pipeline(session: Session, team_id: int, name: str, given: Sequence[Any], known: Sequence[PipelineRow]) -> list[DraftEdit]:
    wanted = [_read_stage(each, f"{name}, stage {place}", f"{team_id}.{name}.{place}") for place, each in enumerate(given, 1)]
    if not wanted:
        raise Invalid(f"{name}: a pipeline has at least one stage.")
    pipeline = next((p for p in known if p.team_id == team_id and p.name.lower() == name.lower()), None)
    if pipeline is None:
        values = [{key: value for key, value in stage.values.items() if key != "position"} for stage in wanted]
        return list(new_edits(session, name, team_id, values, ref=f"{team_id}.{name}"))
    left = {stage.name.lower(): stage for stage in pipeline.stages}
    renamed_from = _renamed(name, given, left)
    planned: list[Planned] = []
    for place, stage in enumerate(wanted):
        was = renamed_from.get(place) or left.pop(stage.name.lower(), None)
        planned.append(replace(stage, key=was.id, was=was) if was else stage)
    planned += [replace(standing(stage), is_removed=True) for stage in left.values()]
    renamed = [DraftEdit("pipeline", pipeline.id, {"name": name}, pipeline.version)] if name != pipeline.name else []
    return [*renamed, *edits_of(pipeline, planned, None)]


def _renamed(pipeline: str, given: Sequence[Any], left: dict[str, StageRow]) -> dict[int, StageRow]:
    """place in the file -> the stage that stands and gets another name there; it is taken out of `left`. Raises `Invalid` for one that nobody knows.

    A file that is read a second time says the old name of a stage that has its new one by now.
    """
    found: dict[int, StageRow] = {}
    for place, stage in enumerate(given):
        if stage.get("was") is None:
            continue
        was = words(stage["was"], f"{pipeline}, stage {place + 1}, was")
        if was.lower() in left:
            found[place] = left.pop(was.lower())
        elif str(stage["stage"]).lower() not in left:
            raise Invalid(f"{pipeline}, stage {place + 1}: no stage is called “{was}”, or another one was it already.")
    return found


def _read_stage(given: Any, where: str, ref: str) -> Planned:
    said = mapping(given, where)
    known_parts(said, STAGE_KEYS, where, "a stage")
    asks = {name: said[name] for name in ("fields", "activity", "lost_reasons") if said.get(name)}
    return Planned(
        ref, words(said.get("stage"), where), kind=words(said.get("kind", "open"), f"{where}, kind"), probability=number(said, "probability", where, 0),
        target_days=said.get("target_days") if said.get("target_days") is None else int(number(said, "target_days", where, 0)),
        colour=None if said.get("colour") is None else words(said["colour"], f"{where}, colour"), requirements=asks,
    )  # fmt: skip
