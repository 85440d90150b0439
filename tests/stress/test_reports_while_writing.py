"""While many people write and folds run, every report equals a recount from the leads in the same snapshot."""

import random
import threading

import pytest

from crm.errors import Busy, Stale
from crm.ledger.fold import fold
from tests.db.ledgers import add_lead, complaints
from tests.db.report_recount import differences, one_snapshot
from tests.db.test_reports_recount import act

pytestmark = pytest.mark.stress

WRITERS, EDITS, READS = 8, 60, 12


def test_reports_equal_a_recount_while_people_write(db, cast):
    is_over, errors, found = threading.Event(), [], []

    def write(seed):
        chance = random.Random(seed)
        leads = [add_lead(cast, "Gulf", "ana", value="10") for _ in range(5)]
        for _ in range(EDITS):
            try:
                act(db, cast, chance, leads)
            except (Busy, Stale):  # leads are each writer's own, stages and their targets everybody's
                continue

    def keep_folding():
        while not is_over.wait(0.2):
            fold(batch=7)

    def guarded(work):
        def run():
            try:
                work()
            except Exception as error:
                errors.append(error)

        return threading.Thread(target=run)

    writers = [guarded(lambda seed=seed: write(seed)) for seed in range(WRITERS)]
    folder = guarded(keep_folding)
    for thread in (*writers, folder):
        thread.start()
    reads = 0
    while reads < READS or any(thread.is_alive() for thread in writers):
        with one_snapshot() as session:
            found += differences(session)
        reads += 1
    for thread in writers:
        thread.join()
    is_over.set()
    folder.join()
    assert (errors, found) == ([], [])
    with one_snapshot() as session:
        assert differences(session) == []
    assert complaints() == []
