"""Twenty people who save once a second, in a process of their own, while something else is looked at."""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event

from sqlalchemy import text

from crm.access import acting_as, as_system, load
from crm.changes import Edit, apply
from crm.errors import CrmError
from crm.leads.records import LEAD, entry_unasked

WRITERS = 20
THINKS_SECONDS = 1.0
SETTLES_SECONDS = 5
_LEADS = text("""
    select l.id, l.pipeline_id from crm.leads as l tablesample system (0.5)
    where l.deleted_at is null and l.merged_into_id is null limit 2000
""")
_STAGES = text("select s.pipeline_id, s.id from crm.stages as s where s.deleted_at is null order by s.id")
_VERSION = text("select version from crm.leads where id = :id")


@contextmanager
def writing(person_id: int) -> Iterator[None]:
    """Somebody's saves go on until the end: moves from stage to stage, and values, of leads here and there."""
    apart = multiprocessing.get_context("spawn")
    is_over = apart.Event()
    process = apart.Process(target=_write, args=(person_id, is_over), daemon=True)
    process.start()
    time.sleep(SETTLES_SECONDS)
    try:
        if not process.is_alive():
            raise RuntimeError("The writers stopped by themselves.")
        yield
    finally:
        is_over.set()
        process.join(30)


def _write(person_id: int, is_over: Event) -> None:
    with as_system() as session:
        person = load(session, person_id)
    with acting_as(person) as session:
        leads = session.execute(_LEADS).tuples().all()
        stages: dict[int, list[int]] = {}
        for pipeline_id, stage_id in session.execute(_STAGES):
            stages.setdefault(pipeline_id, []).append(stage_id)

    def save(number: int) -> None:
        chance = random.Random(number)
        while not is_over.wait(THINKS_SECONDS * chance.uniform(0.5, 1.5)):
            lead_id, pipeline_id = chance.choice(leads)
            wanted = {"stage_id": chance.choice(stages[pipeline_id])} if chance.random() < 0.5 else {"value": _amount(chance)}
            try:
                with acting_as(person) as session, entry_unasked(session):
                    version = session.scalars(_VERSION, {"id": lead_id}).one()
                    apply(session, [Edit(LEAD.name, lead_id, wanted, version)], source="bench", on_conflict="refuse")
            except CrmError:
                continue  # another of them was faster

    threads = [threading.Thread(target=save, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _amount(chance: random.Random) -> dict[str, str]:
    return {"amount": str(chance.randrange(100, 90_000)), "currency": "USD"}
