"""Leads of a removed stage go to another one, by the change set that removed it: few at once, many in the background.

Each batch is a transaction of its own that holds the change set: whoever takes it back waits for the batch, and the next one finds it
taken back and stops. A batch looks for what is still there, so a job that runs twice does no more than one that runs once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import OPERATOR, Person, acting_as, as_system, load, person_of, writing
from crm.changes import Edit, apply, rows
from crm.db import queue
from crm.errors import CrmError, NotFound
from crm.leads.records import LEAD, entry_unasked

FEW = 500
BATCH = 2000
TASK = "move_leads_of_stage"
SOURCE = "configuration"

_THERE = text("""
    select id, version from crm.leads where stage_id = :stage and deleted_at is null and id > :after order by id limit :most
""")
_COUNT = text("select count(*) from crm.leads where stage_id = :stage and deleted_at is null")
_NEW = text("""
    insert into crm.stage_moves (change_set_id, person_id, from_stage_id, to_stage_id, leads)
    values (:change_set, :person, :from_stage, :to_stage, :leads) returning id
""")
_TAKE = text("select change_set_id, from_stage_id, to_stage_id, person_id, state from crm.stage_moves where id = :id")
_MOVED = text("update crm.stage_moves set moved = moved + :moved where id = :id")
_END = text("update crm.stage_moves set state = :state, problem = :problem, finished_at = now() where id = :id and state = 'running'")


@dataclass(frozen=True, slots=True)
class StageMove:
    """How far the leads of a removed stage have come. `state`: running, done, stopped (taken back) or failed."""

    id: int
    change_set_id: int
    stage: str
    to: str
    leads: int
    moved: int
    state: str
    problem: str | None
    finished_at: datetime | None

    @property
    def share(self) -> float:
        return min(self.moved / self.leads, 1.0) if self.leads else 1.0


_OF_PIPELINE = text("""
    select m.id, m.change_set_id, f.name as stage, t.name as "to", m.leads, m.moved, m.state, m.problem, m.finished_at
    from crm.stage_moves as m
    join crm.stages as f on f.id = m.from_stage_id
    join crm.stages as t on t.id = m.to_stage_id
    where f.pipeline_id = :pipeline and (m.finished_at is null or m.finished_at > now() - interval '1 hour')
    order by m.id desc limit 5
""")


def moves_of(session: Session, pipeline_id: int) -> list[StageMove]:
    """Leads on their way out of a pipeline's removed stages, and what arrived in the last hour; newest first."""
    return [StageMove(*row) for row in session.execute(_OF_PIPELINE, {"pipeline": pipeline_id})]


def begin(session: Session, change_set_id: int, from_stage_id: int, to_stage_id: int, *, source: str) -> int:
    """Move the leads of a stage that this transaction has removed: at once, or by a job. Answers how many are left to the job."""
    with writing(session, "account", "move"):
        leads = session.scalar(_COUNT, {"stage": from_stage_id}) or 0
    if leads <= FEW:
        _move(session, change_set_id, to_stage_id, _there(session, from_stage_id, 0), source=source, is_whole=True)
        return 0
    given = {"change_set": change_set_id, "person": person_of(session).id or None, "from_stage": from_stage_id, "to_stage": to_stage_id, "leads": leads}
    with writing(session, "account", "move"):
        move_id = session.scalar(_NEW, given)
    queue.ask(session, TASK, move_id=move_id)
    return leads


_AGAIN = text("update crm.stage_moves set state = 'running', problem = null, finished_at = null where id = :id and person_id is not distinct from :me")


def is_asked(session: Session) -> bool:
    """Whether a job waits or runs that moves leads; a move that is running without one has lost it."""
    return queue.is_asked(session, TASK)


def ask_again(session: Session, move_id: int) -> None:
    """Go on with a move of one's own that was interrupted, or that left leads behind. Raises `NotFound` for anybody else's."""
    with writing(session, "account", "move"):
        touched = session.execute(_AGAIN, {"id": move_id, "me": person_of(session).id or None}).rowcount  # type: ignore[attr-defined]
    if not touched:
        raise NotFound("Only whoever removed the stage can let its leads go on. Earlier changes, in the menu, takes the removal back.")
    queue.ask(session, TASK, move_id=move_id)


def go_on(move_id: int) -> int:
    """Move what is left, batch after batch, in the name of whoever removed the stage; answers how many it moved. Never raises for a person's sake."""
    try:
        with as_system() as session:
            person = _mover(session, move_id)
        return _sweep(person, move_id)
    except CrmError as error:
        with as_system() as session:
            session.execute(_END, {"id": move_id, "state": "failed", "problem": error.detail})
        return 0


def _mover(session: Session, move_id: int) -> Person:
    person_id = session.execute(_TAKE, {"id": move_id}).one().person_id
    return load(session, person_id) if person_id else OPERATOR


def _sweep(person: Person, move_id: int) -> int:
    """Until a whole sweep over the stage finds nothing more that can be moved."""
    total, after, problem = 0, 0, None
    while True:
        with acting_as(person) as session:
            move = session.execute(_TAKE, {"id": move_id}).one()
            rows.hold_change_set(session, move.change_set_id)
            if move.state != "running" or rows.is_undone(session, move.change_set_id):
                _end(session, move_id, "stopped", None)
                return total
            found = _there(session, move.from_stage_id, after)
            if not found and not after:
                _end(session, move_id, "done", problem)
                return total
            moved, refused = _move(session, move.change_set_id, move.to_stage_id, found, source=SOURCE)
            problem = refused or problem
            with writing(session, "account", "move"):
                session.execute(_MOVED, {"id": move_id, "moved": moved})
        total += moved
        if not found and problem:  # what is left cannot be moved, and stays where it is
            with acting_as(person) as session:
                _end(session, move_id, "done", problem)
            return total
        after = found[-1][0] if found else 0


def _there(session: Session, stage_id: int, after: int) -> Sequence[tuple[int, int]]:
    return [(row.id, row.version) for row in session.execute(_THERE, {"stage": stage_id, "after": after, "most": BATCH})]


def _move(
    session: Session, change_set_id: int, to_stage_id: int, leads: Sequence[tuple[int, int]], *, source: str, is_whole: bool = False
) -> tuple[int, str | None]:
    """(how many moved, why the first of the others did not)."""
    edits = [Edit(LEAD.name, lead_id, {"stage_id": to_stage_id}, version) for lead_id, version in leads]
    with entry_unasked(session):
        outcome = apply(session, edits, source=source, on_conflict="refuse" if is_whole else "leave", change_set_id=change_set_id)
    refused = next((result.error.detail for result in outcome.results if result.error), None)
    return outcome.count("applied", "merged"), refused


def _end(session: Session, move_id: int, state: str, problem: str | None) -> None:
    with writing(session, "account", "move"):
        session.execute(_END, {"id": move_id, "state": state, "problem": problem})
