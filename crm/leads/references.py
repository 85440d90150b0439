"""What a lead refers to: from the id or exact name somebody wrote to the id, and from ids back to names.

Everything is read under the view role, so a hidden record is as unknown as a missing one; only the stages of the pipeline
that a seen lead stands in come from the layout, which is remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.db import direct
from crm.errors import Invalid
from crm.letters import legible
from crm.pipelines.layout import layout
from crm.pipelines.reads import PipelineRow, StageRow, pipelines

Given = int | str | None

_NAMES = {
    "team": text("select id, name from crm.teams where id = any(:ids)"),
    "pipeline": text("select id, name from crm.pipelines where id = any(:ids)"),
    "stage": text("select id, name from crm.stages where id = any(:ids)"),
    "person": text("select id, name from crm.people where id = any(:ids)"),
    "company": text("select id, name from crm.companies where id = any(:ids)"),
    "lead": text("select id, name from crm.leads where id = any(:ids)"),
}


def names_of(session: Session, wanted: Mapping[str, Collection[int]]) -> dict[tuple[str, int], str]:
    """(kind, id) -> name, for kinds team, pipeline, stage, person, company and lead, as far as they are seen."""
    found: dict[tuple[str, int], str] = {}
    for kind, ids in wanted.items():
        if ids:
            found |= {(kind, row.id): row.name for row in session.execute(_NAMES[kind], {"ids": sorted(ids)})}
    return found


class References:
    """Finds ids for what a door was given; looks each table up once. Raises `Invalid` with the field's name.

    An id is passed on (the write path checks it); a name must fit exactly, upper and lower case aside.
    """

    def __init__(self, session: Session) -> None:
        self.session = session

    @cached_property
    def _teams(self) -> dict[str, tuple[int, int | None]]:
        rows = self.session.execute(text("select id, lower(name) as name, parent_id from crm.teams where deleted_at is null"))
        return {row.name: (row.id, row.parent_id) for row in rows}

    @cached_property
    def _pipelines(self) -> list[PipelineRow]:
        return list(pipelines(self.session))

    def team(self, given: Given) -> int | None:
        if not isinstance(given, str):
            return given
        found = self._teams.get(legible(given).lower())
        if found is None:
            raise Invalid(f"There is no team “{given}”.", field="team_id")
        return found[0]

    def owner(self, given: Given) -> int | None:
        return self._one(
            given, "select id from crm.people where lower(name) = lower(:name) and disabled_at is null limit 2", field="owner_id", word="active person"
        )

    def person(self, given: Given) -> int | None:
        return self._one(
            given, "select id from crm.people where lower(name) = lower(:name) and disabled_at is null limit 2", field="person_id", word="active person"
        )

    def company(self, given: Given) -> int | None:
        return self._one(given, "select id from crm.companies where name = :name and deleted_at is null limit 2", field="company_id", word="company")

    def _one(self, given: Given, statement: str, *, field: str, word: str) -> int | None:
        if not isinstance(given, str):
            return given
        ids = list(self.session.scalars(text(statement), {"name": legible(given)}))
        return self._only(ids, given, field=field, word=word)

    @staticmethod
    def _only(ids: list[int], given: str, *, field: str, word: str) -> int:
        if not ids:
            raise Invalid(f"There is no {word} “{given}”, or you may not see it.", field=field)
        if len(ids) > 1:
            raise Invalid(f"There is more than one {word} “{given}”. Give its id.", field=field)
        return ids[0]

    def pipeline(self, given: Given, *, team_id: int | None) -> int | None:
        """By name: among the pipelines of the team and those above it, the nearest first."""
        if not isinstance(given, str):
            return given
        named = [p for p in self._pipelines if p.name.lower() == legible(given).lower()]
        for team in self._line(team_id):
            ids = [p.id for p in named if p.team_id == team]
            if ids:
                return self._only(ids, given, field="pipeline_id", word="pipeline")
        return self._only([p.id for p in named] if team_id is None else [], given, field="pipeline_id", word="pipeline")

    def stage(self, given: Given, *, pipeline_id: int | None, team_id: int | None, is_staying: bool = False) -> int | None:
        """By name: in the pipeline; without one, in the team's first that has such a stage, which is where a new lead goes.

        `is_staying`: a lead that the person sees stands in that pipeline, so its stages are theirs to know.
        """
        if not isinstance(given, str):
            return given
        if pipeline_id is not None:
            among = layout(self.session).pipelines if is_staying else self._pipelines
            return self._only(self._stages_called(given, [p for p in among if p.id == pipeline_id]), given, field="stage_id", word="stage")
        for team in self._line(team_id):
            in_team = [p for p in self._pipelines if p.team_id == team and p.stages]
            for pipelines_ in (in_team[:1], in_team):
                if ids := self._stages_called(given, pipelines_):
                    return self._only(ids, given, field="stage_id", word="stage")
        return self._only([], given, field="stage_id", word="stage")

    @staticmethod
    def _stages_called(given: str, among: Iterable[PipelineRow]) -> list[int]:
        return [stage.id for pipeline in among for stage in pipeline.stages if stage.name.lower() == legible(given).lower()]

    def _line(self, team_id: int | None) -> list[int]:
        """The team and those above it, nearest first."""
        parents = dict(self._teams.values())
        line: list[int] = []
        while team_id is not None and team_id not in line:
            line.append(team_id)
            team_id = parents.get(team_id)
        return line

    # Filters take several, and a name stands for everything that is called so.

    def team_ids(self, given: Iterable[str]) -> tuple[int, ...]:
        return self._filtered(given, lambda: {name: [found[0]] for name, found in self._teams.items()}, field="team", word="team")

    def pipeline_ids(self, given: Iterable[str]) -> tuple[int, ...]:
        return self._filtered(given, lambda: _by_name(self._pipelines), field="pipeline", word="pipeline")

    def stage_ids(self, given: Iterable[str]) -> tuple[int, ...]:
        return self._filtered(given, lambda: _by_name([s for p in self._pipelines for s in p.stages]), field="stage", word="stage")

    def owner_ids(self, given: Iterable[str], *, me: int) -> tuple[int, ...]:
        """`me`, `none` (as 0), ids and names; disabled people included."""
        words = {"me": [me], "none": [0]}
        return self._filtered(given, lambda: self._people, field="owner", word="person", words=words)

    @cached_property
    def _people(self) -> dict[str, list[int]]:
        return {row.name: [row.id] for row in self.session.execute(text("select id, lower(name) as name from crm.people"))}

    @staticmethod
    def _filtered(
        given: Iterable[str], read: Callable[[], Mapping[str, list[int]]], *, field: str, word: str, words: Mapping[str, list[int]] | None = None
    ) -> tuple[int, ...]:
        """Ids of names and ids; the names are read only where one was given that is not among `words`."""
        names: Mapping[str, list[int]] | None = None
        found: list[int] = []
        for name in given:
            key = legible(name).lower()
            if key.isdecimal() and len(key) < 19:
                found.append(int(key))
                continue
            if words and key in words:
                found += words[key]
                continue
            if names is None:
                names = read()
            if key not in names:
                raise Invalid(f"There is no {word} “{name}”.", field=field)
            found += names[key]
        return tuple(found)


def _by_name(rows: Iterable[PipelineRow | StageRow]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row in rows:
        found.setdefault(row.name.lower(), []).append(row.id)
    return found


def places(session: Session, ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """(team, pipeline) of these leads, as far as they are seen."""
    found = direct.rows(session, "select id, team_id, pipeline_id from crm.leads where id = any(:ids)", {"ids": sorted(ids)})
    return {lead_id: (team_id, pipeline_id) for lead_id, team_id, pipeline_id in found}


def wanted_ids(references: References, given: Mapping[str, Any], *, place: tuple[int, int] | None) -> dict[str, Any]:
    """`given` (record fields, references by id or name) with ids. `place` is the lead's (team, pipeline); None for a new one."""
    found = dict(given)
    if place is None and not found.get("team_id"):
        raise Invalid("Say which team the lead belongs to.", field="team_id")
    team_id, pipeline_id = place or (None, None)
    if "team_id" in found:
        found["team_id"] = references.team(found["team_id"])
        if found["team_id"] != team_id:
            team_id, pipeline_id = found["team_id"], None
    if "pipeline_id" in found:
        found["pipeline_id"] = pipeline_id = references.pipeline(found["pipeline_id"], team_id=team_id)
    if "stage_id" in found:
        is_staying = place is not None and pipeline_id == place[1]
        found["stage_id"] = references.stage(found["stage_id"], pipeline_id=pipeline_id, team_id=team_id, is_staying=is_staying)
    if "owner_id" in found:
        found["owner_id"] = references.owner(found["owner_id"])
    if "company_id" in found:
        found["company_id"] = references.company(found["company_id"])
    return found
