"""What removing a stage full of leads costs: the draft applied, its leads moved by the background's own job, and all of it taken back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from sqlalchemy import text

from crm.access import Person, acting_as
from crm.bench.ground import Ground
from crm.bench.measure import Figure
from crm.changes import Edit, apply, delete_edit, undo
from crm.clock import now
from crm.configuration import moving
from crm.configuration.drafts import Draft, DraftEdit
from crm.configuration.use_cases import apply_draft
from crm.leads.records import LEAD, entry_unasked
from crm.pipelines.records import STAGE

LEADS = 50_000
BATCH = 2000
SOURCE = "bench"

_FULLEST = text("""
    select l.pipeline_id, count(*) as leads from crm.leads as l join crm.pipelines as p on p.id = l.pipeline_id
    where l.deleted_at is null and l.merged_into_id is null and p.deleted_at is null
    group by l.pipeline_id order by leads desc limit 1
""")
_FIRST = text("select id from crm.stages where pipeline_id = :pipeline and deleted_at is null order by position, id limit 1")
_SOME = text("""
    select id, version from crm.leads where pipeline_id = :pipeline and deleted_at is null and merged_into_id is null order by id limit :most
""")
_VERSION = text("select version from crm.stages where id = :id")
_MOVE = text("select id, state from crm.stage_moves where change_set_id = :change_set")


def measure(ground: Ground) -> Iterator[Figure]:
    """Seconds to remove a stage and move its leads, and to take that back. The leads end where they were, with more history."""
    person = ground.people["all"]
    filling, stage_id, to_id, leads = _fill_stage(person)
    try:  # whatever happens, the ground is left as it was found
        removed: list[int] = []
        seconds = _seconds(lambda: removed.append(_remove(person, stage_id, to_id)))
        yield Figure("configuration", f"a removed stage's {leads:,} leads moved in the background", "s", seconds, bar=60)
        yield Figure("configuration", f"the removal of {leads:,} leads' stage taken back", "s", _seconds(lambda: _take_back(person, removed[0], leads + 1)))
    finally:
        _take_back(person, filling, leads)
        _delete(person, stage_id)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _fill_stage(person: Person) -> tuple[int, int, int, int]:
    """(change set, the new stage, where its leads will go, how many there are): leads of the fullest pipeline in a stage of their own."""
    with acting_as(person) as session:
        pipeline = session.execute(_FULLEST).one()
        to_id = session.scalars(_FIRST, {"pipeline": pipeline.pipeline_id}).one()
        leads = [(row.id, row.version) for row in session.execute(_SOME, {"pipeline": pipeline.pipeline_id, "most": LEADS})]
        wanted = {"pipeline_id": pipeline.pipeline_id, "name": f"Bench {now():%d %b %H:%M:%S}", "position": 1000}
        made = apply(session, [Edit(STAGE.name, None, wanted)], source=SOURCE, label="Stage of the bench", on_conflict="refuse")
    stage_id = made.results[0].record_id
    assert stage_id is not None
    filling: int | None = None
    for start in range(0, len(leads), BATCH):
        edits = [Edit(LEAD.name, lead_id, {"stage_id": stage_id}, version) for lead_id, version in leads[start : start + BATCH]]
        with acting_as(person) as session, entry_unasked(session):
            filling = apply(session, edits, source=SOURCE, on_conflict="refuse", change_set_id=filling).change_set_id
    assert filling is not None
    return filling, stage_id, to_id, len(leads)


def _remove(person: Person, stage_id: int, to_id: int) -> int:
    """The change set of the removal, once the last lead has moved. The job's own body runs here; asked for later it finds nothing left."""
    draft = Draft("bench", "Stage of the bench", (DraftEdit(STAGE.name, stage_id, {"deleted_at": True}, 1),), {stage_id: to_id})
    with acting_as(person) as session:
        done = apply_draft(session, draft, source=SOURCE)
        assert done.change_set_id is not None
        move_ids = [row.id for row in session.execute(_MOVE, {"change_set": done.change_set_id})]
    moved = sum(moving.go_on(move_id) for move_id in move_ids)
    if moved != done.leads_moving:
        raise RuntimeError(f"{moved:,} of {done.leads_moving:,} leads moved.")
    return done.change_set_id


def _take_back(person: Person, change_set_id: int, records: int) -> None:
    with acting_as(person) as session:
        done = undo(session, change_set_id)
    if done.records != records:
        raise RuntimeError(f"{done.records:,} of {records:,} records were taken back.")


def _delete(person: Person, stage_id: int) -> None:
    with acting_as(person) as session:
        version = session.scalars(_VERSION, {"id": stage_id}).one()
        apply(session, [delete_edit(STAGE.name, stage_id, version)], source=SOURCE, on_conflict="refuse")
