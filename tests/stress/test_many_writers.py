"""Twenty real processes write over the same fifty leads: no accepted edit is lost, every refusal says what was met."""

import json
import os
import random
import subprocess
import sys

import pytest

from crm.access import OPERATOR, acting_as, as_system, load
from crm.changes import Edit, apply
from crm.errors import Busy

pytestmark = pytest.mark.stress

WRITERS, EDITS, LEADS = 20, 500, 50
FIELDS = ("next_step", "source", "email", "phone", "lost_reason")


def write(person_id: int, seed: int, edits: int, leads: list[int]) -> dict[str, object]:
    """What one writer process does: edits with the version it last saw, as a rep with an old page would."""
    chance = random.Random(seed)
    with as_system() as session:
        person = load(session, person_id)
    seen = dict.fromkeys(leads, 1)
    accepted: list[tuple[int, int, dict[str, str]]] = []
    refused: list[tuple[int, str, int, int, object, object, object]] = []
    busy = 0
    for number in range(edits):
        lead_id = chance.choice(leads)
        wanted = {name: f"w{seed} e{number} {name}" for name in chance.sample(FIELDS, chance.randint(1, 2))}
        try:
            with acting_as(person) as session:
                result = apply(session, [Edit("lead", lead_id, wanted, seen[lead_id])], source="stress").results[0]
        except Busy:
            busy += 1
            continue
        assert result.status in ("applied", "merged", "conflict"), result
        if result.applied:
            accepted.append((lead_id, result.version or 0, {name: wanted[name] for name in result.applied}))
        # The record's version when they met: the one before this edit's own, if it wrote the other field.
        version = (result.version or 0) - bool(result.applied)
        refused += [(lead_id, met.field, seen[lead_id], version, met.seen, met.theirs, met.mine == wanted[met.field]) for met in result.conflicts]
        if chance.random() < 0.7:  # some pages stay old for long
            seen[lead_id] = result.version or seen[lead_id]
    return {"accepted": accepted, "refused": refused, "busy": busy}


def test_twenty_writers_lose_nothing(db, cast):
    with acting_as(OPERATOR) as session:
        made = apply(session, [Edit("lead", None, {"name": f"Shared {n}", "team_id": cast.teams["Gulf"]}) for n in range(LEADS)], source="test")
    leads = [result.record_id for result in made.results]
    names = ("ana", "bruno", "mona", "alma")
    writers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.stress.test_many_writers", str(cast.people[names[n % 4]]), str(n), str(EDITS), json.dumps(leads)],
            stdout=subprocess.PIPE, text=True, env=os.environ.copy(),
        )
        for n in range(WRITERS)
    ]  # fmt: skip
    reports = [json.loads(writer.communicate(timeout=1500)[0]) for writer in writers]
    assert all(writer.returncode == 0 for writer in writers)

    changes = {
        (row["record_id"], row["version"]): row["fields"]
        for row in db.rows("select record_id, version, fields from crm.changes where record_type = 'lead' and record_id = any(:ids)", ids=leads)
    }
    lost = 0
    for report in reports:
        for lead_id, version, written in report["accepted"]:
            fields = changes.get((lead_id, version), {})
            lost += any(fields.get(name, [None, None])[1] != value for name, value in written.items())
    accepted = sum(len(report["accepted"]) for report in reports)
    sys.stdout.write(
        f"{WRITERS} writers x {EDITS} edits over {LEADS} leads: {accepted} accepted, {sum(len(r['refused']) for r in reports)} cells refused, "
        f"{sum(r['busy'] for r in reports)} busy, {lost} lost\n"
    )
    assert lost == 0
    for report in reports:
        for lead_id, name, seen_version, version, seen, theirs, is_mine in report["refused"]:
            assert (seen, theirs, is_mine) == (_told(changes, lead_id, name, seen_version), _told(changes, lead_id, name, version), True)
    assert accepted == len([key for key in changes if key[1] > 1])
    for lead_id in leads:  # the row is what its changes say, one after the other without a gap
        versions = sorted(version for record_id, version in changes if record_id == lead_id)
        assert versions == list(range(1, len(versions) + 1))
        row = db.rows("select * from crm.leads where id = :id", id=lead_id)[0]
        assert {name: row[name] for name in FIELDS} == {name: _told(changes, lead_id, name, versions[-1]) for name in FIELDS}


def _told(changes, lead_id, name, version):
    """The field's value at `version`, as the history tells it."""
    told = [changes[(lead_id, v)][name][1] for v in range(1, version + 1) if name in changes[(lead_id, v)]]
    return told[-1] if told else None


if __name__ == "__main__":
    import crm.records  # noqa: F401

    person_id, seed, edits, leads = sys.argv[1:]
    sys.stdout.write(json.dumps(write(int(person_id), int(seed), int(edits), json.loads(leads))))
