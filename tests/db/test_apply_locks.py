"""People who save at the same moment wait for one another, or are told; nobody is lost and nobody deadlocks."""

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from crm.access import acting_as
from crm.activities.use_cases import add_activity
from crm.changes import Edit, apply, delete_edit, rows
from crm.companies.records import COMPANY
from crm.errors import Busy
from tests.db.acts import edit, history, record, row, save
from tests.jobs.waiting import LONG_SECONDS, eventually


def is_waiting(db) -> bool:
    waiting = "select from pg_locks as l join pg_stat_activity as a using (pid) where not l.granted and a.datname = current_database()"
    return bool(db.value(f"select exists ({waiting})"))


def until_it_waits(db) -> None:
    eventually(lambda: is_waiting(db))


def at_the_lock(monkeypatch, act) -> None:
    """Somebody else acts after the first look, just before the records are locked."""
    lock, done = rows.lock, []

    def meanwhile(*arguments):
        if not done:
            done.append(True)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(act).result()
        return lock(*arguments)

    monkeypatch.setattr(rows, "lock", meanwhile)


def test_a_lead_deleted_between_the_look_and_the_lock_is_not_edited(db, cast, monkeypatch):
    at_the_lock(monkeypatch, lambda: save(cast, "bruno", delete_edit("lead", cast.leads["Petra Supplies"], 1)))
    outcome = save(cast, "ana", edit(cast, "Petra Supplies", 1, next_step="x"))
    assert outcome.results[0].status == "not_found"
    assert row(db, cast, "Petra Supplies")["next_step"] is None


def test_a_lead_moved_out_of_reach_between_the_look_and_the_lock_is_refused(db, cast, monkeypatch):
    at_the_lock(monkeypatch, lambda: save(cast, "mona", edit(cast, "Petra Supplies", 1, team_id=cast.teams["Levant"])))
    outcome = save(cast, "ana", edit(cast, "Petra Supplies", 1, next_step="x"), edit(cast, "Delta Foods", 1, next_step="y"))
    assert [r.status for r in outcome.results] == ["denied", "applied"]
    assert row(db, cast, "Petra Supplies")["next_step"] is None


def test_a_lead_changed_between_the_look_and_the_lock_is_merged(db, cast, monkeypatch):
    at_the_lock(monkeypatch, lambda: save(cast, "bruno", edit(cast, "Petra Supplies", 1, phone="1")))
    assert save(cast, "ana", edit(cast, "Petra Supplies", 1, next_step="x")).results[0].status == "merged"


def test_a_deletion_meets_a_change_made_just_before_the_lock(db, cast, monkeypatch):
    at_the_lock(monkeypatch, lambda: save(cast, "ana", edit(cast, "Al Noor Trading", 1, next_step="call them today")))
    outcome = save(cast, "mona", delete_edit("lead", cast.leads["Al Noor Trading"], 1))
    assert outcome.results[0].status == "conflict"
    assert row(db, cast, "Al Noor Trading")["deleted_at"] is None


def test_bulk_edits_of_the_same_leads_in_opposite_orders_never_deadlock(db, cast):
    ids = [r.record_id for r in save(cast, "ana", *(Edit("lead", None, {"name": f"L{i}", "team_id": cast.teams["Gulf"]}) for i in range(60))).results]

    def go(who, field, order):
        seen = dict.fromkeys(order, 1)
        for i in range(6):
            outcome = save(cast, who, *(Edit("lead", lead, {field: f"{who} {i}"}, seen[lead]) for lead in order))
            assert outcome.count("applied", "merged") == 60
            seen = {result.record_id: result.version for result in outcome.results}

    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(go, "ana", "next_step", ids), pool.submit(go, "bruno", "phone", ids[::-1])]
        wait(done)
    assert [each.exception() for each in done] == [None, None]
    assert db.value("select count(*) from crm.leads where id = any(:ids) and version = 13 and next_step = 'ana 5' and phone = 'bruno 5'", ids=ids) == 60


def test_calls_noted_at_once_with_one_lead_never_deadlock_and_the_newest_counts(db, cast):
    lead = cast.leads["Petra Supplies"]

    def go(who, minute):
        for second in range(12):
            with acting_as(cast.who(who)) as session:
                add_activity(session, lead, {"kind": "call", "happened_at": datetime(2026, 1, 5, 10, minute, second, tzinfo=UTC)}, source="test")

    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(go, who, minute) for who, minute in (("ana", 1), ("bruno", 2), ("mona", 3), ("alma", 4))]
        wait(done)
    assert [each.exception() for each in done] == [None] * 4
    assert row(db, cast, "Petra Supplies")["last_contacted_at"] == datetime(2026, 1, 5, 10, 4, 11, tzinfo=UTC)


def test_an_older_call_that_waited_does_not_hide_a_newer_one(db, cast):
    lead = cast.leads["Petra Supplies"]
    noon, morning = datetime(2026, 1, 5, 12, tzinfo=UTC), datetime(2026, 1, 5, 9, tzinfo=UTC)

    def note(at):
        with acting_as(cast.who("bruno")) as session:
            add_activity(session, lead, {"kind": "call", "happened_at": at}, source="test")

    with ThreadPoolExecutor(1) as pool:
        with acting_as(cast.who("ana")) as session:
            add_activity(session, lead, {"kind": "call", "happened_at": noon}, source="test")
            later = pool.submit(note, morning)
            until_it_waits(db)
        later.result()
    assert row(db, cast, "Petra Supplies")["last_contacted_at"] == noon


def test_a_note_does_not_wait_for_somebody_who_edits_the_lead(db, cast):
    with acting_as(cast.who("ana")) as session:
        apply(session, [edit(cast, "Petra Supplies", 1, next_step="x")], source="test")
        with acting_as(cast.who("bruno")) as other:
            add_activity(other, cast.leads["Petra Supplies"], {"kind": "note", "body": "meanwhile"}, source="test")


def test_an_activity_moved_to_another_lead_counts_there_and_no_longer_here(db, cast):
    at = datetime(2026, 1, 5, 12, tzinfo=UTC)
    with acting_as(cast.who("ana")) as session:
        call = add_activity(session, cast.leads["Petra Supplies"], {"kind": "call", "happened_at": at}, source="test").results[0].record_id
        apply(session, [Edit("activity", call, {"lead_id": cast.leads["Delta Foods"]}, 1)], source="test", on_conflict="refuse")
    assert (row(db, cast, "Petra Supplies")["last_contacted_at"], row(db, cast, "Delta Foods")["last_contacted_at"]) == (None, at)


@pytest.mark.parametrize("first", ["company", "lead"])
def test_search_finds_a_lead_by_its_companys_name_whoever_saves_first(db, cast, first):
    company = save(cast, "ana", Edit(COMPANY.name, None, {"name": "Before"})).results[0].record_id
    acts = {
        "company": ("ana", Edit(COMPANY.name, company, {"name": "Afterwards"}, 1)),
        "lead": ("bruno", edit(cast, "Petra Supplies", 1, company_id=company)),
    }
    second = "lead" if first == "company" else "company"
    with ThreadPoolExecutor(1) as pool:
        with acting_as(cast.who(acts[first][0])) as session:
            apply(session, [acts[first][1]], source="test", on_conflict="refuse")
            later = pool.submit(save, cast, *acts[second])
            until_it_waits(db)
        later.result()
    with acting_as(cast.who("ana")) as session:
        assert session.scalars(text("select crm.search_leads('afterwards', 9)")).all() == [cast.leads["Petra Supplies"]]


def test_who_would_wait_in_a_ring_is_told_to_try_again_and_the_other_saves(db, cast):
    """Two transactions that take two leads in opposite orders, one call each: the calls' own order cannot help there."""
    with ThreadPoolExecutor(1) as pool:
        met, taken = threading.Event(), threading.Event()

        def other():
            with acting_as(cast.who("bruno")) as session:
                apply(session, [edit(cast, "Petra Supplies", 1, next_step="b")], source="test")
                taken.set()
                assert met.wait(LONG_SECONDS)
                apply(session, [edit(cast, "Delta Foods", 1, next_step="b")], source="test")

        running = pool.submit(other)
        assert taken.wait(LONG_SECONDS)
        failures = []
        try:
            with acting_as(cast.who("ana")) as session:
                apply(session, [edit(cast, "Delta Foods", 1, next_step="a")], source="test")
                met.set()
                apply(session, [edit(cast, "Petra Supplies", 1, next_step="a")], source="test")
        except Busy as error:
            failures.append(error)
        failures += [running.exception()] if running.exception() else []
    assert len(failures) == 1 and isinstance(failures[0], Busy) and "try again" in failures[0].detail
    standing = {row(db, cast, lead)["next_step"] for lead in ("Petra Supplies", "Delta Foods")}
    assert len(standing) == 1


def test_a_deadlock_inside_one_call_is_tried_again(db, cast, monkeypatch):
    """The first write of the call fails as the victim of a deadlock would; the second try succeeds."""
    import psycopg.errors
    from sqlalchemy.exc import OperationalError

    update, tries = rows.update, []

    def once(*arguments, **options):
        tries.append(True)
        if len(tries) == 1:
            raise OperationalError("update", {}, psycopg.errors.DeadlockDetected())
        return update(*arguments, **options)

    monkeypatch.setattr(rows, "update", once)
    outcome = save(cast, "ana", edit(cast, "Petra Supplies", 1, next_step="x"))
    assert outcome.results[0].status == "applied" and len(tries) == 2
    assert len(history(db, "lead", cast.leads["Petra Supplies"])) == 2
    assert db.value("select count(*) from crm.change_sets where id = :id", id=outcome.change_set_id) == 1


def test_a_key_that_two_imports_bring_at_once_makes_one_lead(db, cast):
    def bring(who):
        return save(cast, who, Edit("lead", None, {"name": who, "team_id": cast.teams["Gulf"], "external_id": "SAME"})).results[0].status

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(bring, ("ana", "bruno"))) == ["applied", "invalid"]
    assert record(db, "leads", db.value("select id from crm.leads where external_id = 'SAME'"))["version"] == 1
