"""Pipelines and stages as the person sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class StageRow:
    id: int
    pipeline_id: int
    name: str
    kind: str
    position: int
    probability: float
    target_days: int | None
    required_fields: tuple[str, ...]
    version: int
    required_activity: str | None = None
    lost_reasons: tuple[str, ...] = ()
    colour: str | None = None


@dataclass(frozen=True, slots=True)
class PipelineRow:
    id: int
    team_id: int
    name: str
    position: int
    stages: tuple[StageRow, ...]
    version: int

    @property
    def first_stage(self) -> StageRow:
        """Where leads begin: the first open stage. Of a pipeline that has stages."""
        return next((stage for stage in self.stages if stage.kind == "open"), self.stages[0])


_PIPELINES = text("""
    select p.id, p.team_id, p.name, p.position, p.version from crm.pipelines as p
    where p.deleted_at is null order by p.team_id, p.position, p.id
""")
_STAGES = text("""
    select s.id, s.pipeline_id, s.name, s.kind, s.position, s.probability, s.target_days, s.requirements, s.version, s.colour from crm.stages as s
    where s.deleted_at is null order by s.pipeline_id, s.position, s.id
""")


def pipelines(session: Session) -> Sequence[PipelineRow]:
    """Every live pipeline the session's role sees, with its stages in order."""
    stages: dict[int, list[StageRow]] = {}
    for row in session.execute(_STAGES):
        asks = row.requirements
        stages.setdefault(row.pipeline_id, []).append(
            StageRow(
                row.id, row.pipeline_id, row.name, row.kind, row.position, float(row.probability), row.target_days, tuple(asks.get("fields", ())),
                row.version, asks.get("activity"), tuple(asks.get("lost_reasons", ())), row.colour,
            )
        )  # fmt: skip
    return [PipelineRow(row.id, row.team_id, row.name, row.position, tuple(stages.get(row.id, ())), row.version) for row in session.execute(_PIPELINES)]
