"""How teams, pipelines and stages stand, for the rules that place a lead. Remembered for a moment, since every save asks.

It is read by the machinery, so it knows also what the person does not see: use it to decide, not to show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from crm.access import as_system, person_of
from crm.pipelines.reads import PipelineRow, pipelines

LASTS_SECONDS = 2.0
"""However long a person goes on with the same access stamp (an import does), what they are held against is no older."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Live pipelines with their stages in order; each live team's parent."""

    pipelines: Sequence[PipelineRow]
    parents: Mapping[int, int | None]
    ids: frozenset[tuple[str, int]]
    """("team", id), ("pipeline", id) and ("stage", id) of all of them."""

    def line(self, team_id: int) -> list[int]:
        """The team and those above it, nearest first."""
        line: list[int] = []
        current: int | None = team_id
        while current is not None and current not in line:
            line.append(current)
            current = self.parents.get(current)
        return line


_remembered: WeakKeyDictionary[Engine, tuple[int, float, Layout]] = WeakKeyDictionary()


def layout(session: Session) -> Layout:
    """As of the person's access stamp, which grows with every change of a team, pipeline or stage."""
    engine, stamp = session.get_bind(), person_of(session).stamp
    assert isinstance(engine, Engine)
    if not stamp:  # the command line has none, and may just have changed all of this in its own transaction
        return own_layout(session)
    found = _remembered.get(engine)
    if found is None or found[0] != stamp or monotonic() - found[1] > LASTS_SECONDS:
        found = _remembered[engine] = (stamp, monotonic(), _read_afresh(engine))
    return found[2]


def _read_afresh(engine: Engine) -> Layout:
    with as_system(engine=engine) as session:
        return own_layout(session)


def own_layout(session: Session) -> Layout:
    """As this transaction sees it: with what it has just made itself."""
    parents = {row.id: row.parent_id for row in session.execute(text("select id, parent_id from crm.teams where deleted_at is null"))}
    found = pipelines(session)
    ids = {("team", team_id) for team_id in parents} | {("pipeline", pipeline.id) for pipeline in found}
    return Layout(found, parents, frozenset(ids | {("stage", stage.id) for pipeline in found for stage in pipeline.stages}))
