"""What the ids of a lead are called: teams, pipelines, stages and people, remembered per access stamp.

The stamp grows with every change of one of them. A lead that somebody sees shows the names it carries, whoever
may see the rest of them, so they are read once for everybody by the machinery.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from crm.access import as_system, person_of

KEPT = 4


@dataclass(frozen=True, slots=True)
class StageName:
    name: str
    kind: str
    target_days: int | None


@dataclass(frozen=True, slots=True)
class Naming:
    """Names by id, deleted and disabled ones included."""

    teams: Mapping[int, str]
    pipelines: Mapping[int, str]
    stages: Mapping[int, StageName]
    people: Mapping[int, str]

    def knows(self, row: Mapping[Any, Any]) -> bool:
        return (
            row["team_id"] in self.teams and row["pipeline_id"] in self.pipelines and row["stage_id"] in self.stages
            and (row["owner_id"] is None or row["owner_id"] in self.people)
        )  # fmt: skip

    def of(self, row: Mapping[Any, Any]) -> dict[str, Any]:
        """The names that belong to a lead's row."""
        stage = self.stages.get(row["stage_id"])
        return {
            "team": self.teams.get(row["team_id"]),
            "pipeline": self.pipelines.get(row["pipeline_id"]),
            "stage": stage.name if stage else None,
            "stage_kind": stage.kind if stage else None,
            "target_days": stage.target_days if stage else None,
            "owner": self.people.get(row["owner_id"]),
        }


_remembered: OrderedDict[tuple[str, int], Naming] = OrderedDict()


def naming(session: Session, rows: Iterable[Mapping[Any, Any]]) -> Naming:
    """The names for these rows; read afresh when a row carries an id that is not remembered."""
    engine = session.get_bind()
    assert isinstance(engine, Engine)
    key = (str(engine.url), person_of(session).stamp)
    found = _remembered.get(key)
    if found is None or not all(found.knows(row) for row in rows):
        found = _remembered[key] = _read(engine)
        while len(_remembered) > KEPT:
            _remembered.popitem(last=False)
    return found


def _read(engine: Engine) -> Naming:
    with as_system(engine=engine) as session:
        return Naming(
            teams={row.id: row.name for row in session.execute(text("select id, name from crm.teams"))},
            pipelines={row.id: row.name for row in session.execute(text("select id, name from crm.pipelines"))},
            stages={
                row.id: StageName(row.name, row.kind, row.target_days) for row in session.execute(text("select id, name, kind, target_days from crm.stages"))
            },
            people={row.id: row.name for row in session.execute(text("select id, name from crm.people"))},
        )
