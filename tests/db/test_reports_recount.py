"""Whatever people do to leads, every report says what a recount from the leads and their history says."""

import random
from datetime import timedelta

import pytest

from crm import clock
from crm.ledger.fold import fold, rebuild
from tests.db.ledgers import add_lead, change, complaints, set_target, set_time_zone
from tests.db.report_recount import differences, one_snapshot


def act(db, cast, chance, leads):
    """One random thing to a random lead: moved, given, valued, postponed, deleted, restored, or a new one; now and then said to have been earlier."""
    if chance.random() < 0.2:
        began = clock.now() - timedelta(days=chance.randrange(300))
        owner = chance.choice(["ana", "bruno", None])
        leads.append(add_lead(cast, "Gulf", owner, when=began, value=str(chance.randrange(1, 999)), source=chance.choice(["Web", "Fair", None])))
        return
    if chance.random() < 0.05:
        set_target(db, cast.stages["Gulf"][chance.choice(["Lead", "Contacted", "Negotiation"])], chance.choice([None, 0, 1, 20, 90]))
        return
    lead = chance.choice(leads)
    is_deleted = db.value("select deleted_at is not null from crm.leads where id = :id", id=lead)
    standing = db.value("select effective_at from crm.leads where id = :id", id=lead)
    when = None if chance.random() < 0.4 else standing + (clock.now() - standing) * chance.random() / 2
    if is_deleted:
        change(db, lead, when=when, deleted_at=None)
        return
    wanted = chance.choice([
        {"stage_id": cast.stages["Gulf"][chance.choice(["Lead", "Contacted", "Negotiation", "Won", "Lost"])]},
        {"stage_id": cast.stages["Gulf"]["Lost"], "lost_reason": chance.choice(["Price", "Timing"])},
        {"stage_id": cast.stages["Gulf"]["Won"], "value": {"amount": str(chance.randrange(1, 999)), "currency": "AED"}},
        {"owner_id": chance.choice([cast.people["ana"], cast.people["bruno"], None])},
        {"value": {"amount": str(chance.randrange(1, 999)), "currency": "USD"}},
        {"expected_close_on": f"2026-{chance.randrange(1, 13):02}-15", "source": chance.choice(["Web", "Fair", None])},
        {"deleted_at": clock.now()},
    ])  # fmt: skip
    if db.value("select count(*) from crm.leads where id = :id and stage_id = :s", id=lead, s=wanted.get("stage_id", 0)):
        return
    change(db, lead, when=when, **wanted)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_reports_equal_a_recount_after_random_edits(db, cast, seed):
    chance = random.Random(seed)
    leads = [add_lead(cast, "Gulf", "ana", when=clock.now() - timedelta(days=days), value="100") for days in (1, 30, 200, 350)]
    if seed % 2:
        set_time_zone(db, "Asia/Dubai")
    for number in range(60):
        act(db, cast, chance, leads)
        if number % 12 == 5:
            chance.choice([fold, rebuild, lambda: fold(batch=3)])()
        if number % 10 == 9:
            with one_snapshot() as session:
                assert differences(session) == []
    assert complaints() == []
