"""The configuration as one readable file, and a file as a draft of what it would change: written and read again, it changes nothing.

A file speaks only of what it names. A team or pipeline that it leaves out stays as it is; of a pipeline that it names, the stages in
the file are all there are. Other words add sections of their own to `SECTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml
from sqlalchemy.orm import Session

from crm.access import person_of
from crm.configuration.drafts import Draft, DraftEdit
from crm.configuration.making import new_edits
from crm.configuration.pipeline_plan import Planned, edits_of, requirements_of, standing
from crm.configuration.yaml_reading import mapping, read, sequence, words
from crm.errors import Invalid
from crm.leads.reads import names_of_teams
from crm.pipelines.reads import PipelineRow, StageRow, pipelines

FORMAT = 1
SUBJECT = "file"
HEAD = """# Throughline: how teams shape their work. Change it, read it in again, and look at what it comes to before you apply it.
# What the file leaves out stays as it is; of a pipeline that it names, these are all stages, in their order.
"""
STAGE_KEYS = ("stage", "kind", "probability", "target_days", "colour", "fields", "activity", "lost_reasons")


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the file: what stands under its name, and the edits that make it so."""

    write: Callable[[Session], Any]
    read: Callable[[Session, Any], Sequence[DraftEdit]]


def write_file(session: Session) -> str:
    """Everything that the person may configure, as YAML."""
    document: dict[str, Any] = {"throughline": FORMAT}
    for name, section in SECTIONS.items():
        if written := section.write(session):
            document[name] = written
    return f"{HEAD}{yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)}"


def read_file(session: Session, content: str | bytes) -> Draft:
    """The differences between the file and what stands, as a draft that nobody has kept yet. Raises `Invalid` with what is wrong."""
    document = mapping(read(content), "The file")
    if document.pop("throughline", None) != FORMAT:
        raise Invalid(f"The file does not begin with “throughline: {FORMAT}”: it is none of ours, or of another release.")
    if unknown := document.keys() - SECTIONS.keys():
        raise Invalid(f"“{min(unknown)[:60]}” is not a part of the configuration. Take some of: {', '.join(SECTIONS)}.")
    edits = [edit for name, given in document.items() for edit in SECTIONS[name].read(session, given)]
    return Draft(SUBJECT, "Configuration from a file", tuple(edits))


def _may_shape(session: Session, team_id: int) -> bool:
    reach = person_of(session).reach("pipeline", "configure")
    return reach.everywhere or team_id in reach.teams


def _write_teams(session: Session) -> dict[str, Any]:
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


def _read_teams(session: Session, given: Any) -> list[DraftEdit]:
    ids = {name.lower(): team_id for team_id, name in names_of_teams(session).items()}
    known = pipelines(session)
    edits: list[DraftEdit] = []
    for name, team in mapping(given, "teams").items():
        if name.strip().lower() not in ids:
            raise Invalid(f"There is no team “{name[:60]}”. Add it first, or leave it out of the file.")
        parts = mapping(team, name)
        if unknown := parts.keys() - {"pipelines"}:
            raise Invalid(f"{name}: “{min(unknown)[:60]}” is not something that a team has here. Take: pipelines.")
        for title, stages in mapping(parts.get("pipelines", {}), name).items():
            edits += _read_pipeline(session, ids[name.strip().lower()], words(title, name), sequence(stages, f"{name}, {title}"), known)
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
    planned: list[Planned] = []
    for stage in wanted:
        was = left.pop(stage.name.lower(), None)
        planned.append(replace(stage, key=was.id, was=was) if was else stage)
    planned += [replace(standing(stage), is_removed=True) for stage in left.values()]
    renamed = [DraftEdit("pipeline", pipeline.id, {"name": name}, pipeline.version)] if name != pipeline.name else []
    return [*renamed, *edits_of(pipeline, planned, None)]


def _read_stage(given: Any, where: str, ref: str) -> Planned:
    said = mapping(given, where)
    if unknown := said.keys() - set(STAGE_KEYS):
        raise Invalid(f"{where}: “{min(unknown)[:60]}” is not something that a stage has. Take some of: {', '.join(STAGE_KEYS)}.")
    asks = {name: said[name] for name in ("fields", "activity", "lost_reasons") if said.get(name)}
    return Planned(
        ref, words(said.get("stage"), where), kind=words(said.get("kind", "open"), f"{where}, kind"), probability=_number(said, "probability", where, 0),
        target_days=said.get("target_days") if said.get("target_days") is None else int(_number(said, "target_days", where, 0)),
        colour=None if said.get("colour") is None else words(said["colour"], f"{where}, colour"), requirements=asks,
    )  # fmt: skip


def _number(said: Mapping[str, Any], name: str, where: str, otherwise: float) -> float:
    found = said.get(name, otherwise)
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not -1e9 < found < 1e9:
        raise Invalid(f"{where}: {name} takes a number.")
    return found


SECTIONS: dict[str, Section] = {"teams": Section(_write_teams, _read_teams)}
