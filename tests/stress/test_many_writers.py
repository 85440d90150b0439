"""Twenty real processes write over the same fifty leads: no accepted edit is lost, every refusal says what was met."""

import json
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic

import pytest

from crm.access import OPERATOR, acting_as, as_system, load
from crm.changes import Edit, apply
from crm.errors import Busy
from crm.ledger.fold import fold
from tests.db.ledgers import complaints

pytestmark = pytest.mark.stress

WRITERS, EDITS, LEADS = 20, 500, 50
FIELDS = ("next_step", "source", "email", "phone", "lost_reason")
PEOPLE = ("ana", "bruno", "mona", "alma")


def texts(chance, seed, number):
    """Every value is one of a kind, so that a lost one cannot hide behind another."""
    return {name: f"w{seed} e{number} {name}" for name in chance.sample(FIELDS, chance.randint(1, 2))}


def moves(chance, seed, number, *, stages, people):
    """What the ledger keeps: stage, owner, value, market and the month of the expected close."""
    cells = {
        "stage_id": chance.choice(stages), "owner_id": chance.choice([None, *people]), "source": chance.choice(["web", "fair", None]),
        "value": {"amount": str(chance.randint(1, 9_999)), "currency": chance.choice(["USD", "AED", "EUR"])},
        "expected_close_on": f"2027-{chance.randint(1, 12):02}-15",
    }  # fmt: skip
    return {name: cells[name] for name in chance.sample(sorted(cells), chance.randint(1, 2))}


def write(person_id, seed, edits, leads, places):
    """What one writer process does: edits with the version it last saw, as a rep with an old page would."""
    chance = random.Random(seed)
    with as_system() as session:
        person = load(session, person_id)
    seen = dict.fromkeys(leads, 1)
    accepted, refused, busy = [], [], 0
    for number in range(edits):
        lead_id = chance.choice(leads)
        wanted = moves(chance, seed, number, **places) if places else texts(chance, seed, number)
        try:
            with acting_as(person) as session:
                result = apply(session, [Edit("lead", lead_id, wanted, seen[lead_id])], source="stress").results[0]
        except Busy:
            busy += 1
            continue
        assert result.status in ("applied", "merged", "conflict", "unchanged"), result
        if result.applied:
            accepted.append((lead_id, result.version or 0, {name: wanted[name] for name in result.applied}))
        # The record's version when they met: the one before this edit's own, if it wrote the other field.
        version = (result.version or 0) - bool(result.applied)
        refused += [(lead_id, met.field, seen[lead_id], version, met.seen, met.theirs, met.mine == wanted[met.field]) for met in result.conflicts]
        if chance.random() < 0.7:  # some pages stay old for long
            seen[lead_id] = result.version or seen[lead_id]
    return {"accepted": accepted, "refused": refused, "busy": busy}


def all_write(cast, leads, **places):
    """What each of the writer processes reports; prints the sum."""
    began = monotonic()
    given = [str(EDITS), json.dumps(leads), json.dumps(places)]
    writers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.stress.test_many_writers", str(cast.people[PEOPLE[n % 4]]), str(n), *given],
            stdout=subprocess.PIPE, text=True, env=os.environ.copy(),
        )
        for n in range(WRITERS)
    ]  # fmt: skip
    reports = [json.loads(writer.communicate(timeout=1500)[0]) for writer in writers]
    assert all(writer.returncode == 0 for writer in writers)
    sys.stdout.write(
        f"\n{WRITERS} writers x {EDITS} edits over {LEADS} leads in {monotonic() - began:.0f} s: {sum(len(r['accepted']) for r in reports)} accepted, "
        f"{sum(len(r['refused']) for r in reports)} cells refused, {sum(r['busy'] for r in reports)} busy\n"
    )
    return reports


def new_leads(cast):
    with acting_as(OPERATOR) as session:
        made = apply(session, [Edit("lead", None, {"name": f"Shared {n}", "team_id": cast.teams["Gulf"]}) for n in range(LEADS)], source="test")
    return [result.record_id for result in made.results]


def history_of(db, leads):
    """(lead, version) -> field -> [old, new]"""
    rows = db.rows("select record_id, version, fields from crm.changes where record_type = 'lead' and record_id = any(:ids)", ids=leads)
    return {(row["record_id"], row["version"]): row["fields"] for row in rows}


def test_twenty_writers_lose_nothing(db, cast):
    leads = new_leads(cast)
    reports = all_write(cast, leads)
    changes = history_of(db, leads)
    lost = 0
    for report in reports:
        for lead_id, version, written in report["accepted"]:
            fields = changes.get((lead_id, version), {})
            lost += any(fields.get(name, [None, None])[1] != value for name, value in written.items())
    assert lost == 0
    for report in reports:
        for lead_id, name, seen_version, version, seen, theirs, is_mine in report["refused"]:
            assert (seen, theirs, is_mine) == (_told(changes, lead_id, name, seen_version), _told(changes, lead_id, name, version), True)
    assert sum(len(report["accepted"]) for report in reports) == len([key for key in changes if key[1] > 1])
    for lead_id in leads:  # the row is what its changes say, one after the other without a gap
        versions = sorted(version for record_id, version in changes if record_id == lead_id)
        assert versions == list(range(1, len(versions) + 1))
        row = db.rows("select * from crm.leads where id = :id", id=lead_id)[0]
        assert {name: row[name] for name in FIELDS} == {name: _told(changes, lead_id, name, versions[-1]) for name in FIELDS}


def test_the_ledger_adds_up_while_twenty_write_and_the_fold_runs_all_the_while(db, cast):
    """At every moment, and at the end: postings = leads, one open stay per lead, folded and unfolded = postings."""
    leads, is_over = new_leads(cast), Event()
    before = fold()

    def keep_folding():
        rounds, folded = 0, 0
        while not is_over.is_set():
            folded += fold(batch=200)
            assert complaints() == []
            rounds += 1
        return rounds, folded

    with ThreadPoolExecutor(1) as beside:
        folding = beside.submit(keep_folding)
        try:
            reports = all_write(cast, leads, stages=list(cast.stages["Gulf"].values()), people=[cast.people[name] for name in PEOPLE])
        finally:
            is_over.set()
        rounds, folded = folding.result()
    folded += before + fold()
    sys.stdout.write(f"{folded} postings folded in {rounds} rounds meanwhile\n")
    assert complaints() == []
    assert rounds > 1 and folded == db.value("select count(*) from crm.postings")
    assert sum(len(report["accepted"]) for report in reports) == len([key for key in history_of(db, leads) if key[1] > 1])


def _told(changes, lead_id, name, version):
    """The field's value at `version`, as the history tells it."""
    told = [changes[(lead_id, v)][name][1] for v in range(1, version + 1) if name in changes[(lead_id, v)]]
    return told[-1] if told else None


if __name__ == "__main__":
    import crm.records  # noqa: F401

    person_id, seed, edits, leads, places = sys.argv[1:]
    sys.stdout.write(json.dumps(write(int(person_id), int(seed), int(edits), json.loads(leads), json.loads(places))))
