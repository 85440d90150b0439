"""Who asks for a reading of production, and that it runs once however many ask."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

import crm.records  # noqa: F401 - the write path knows every type
from crm import settings
from crm.__main__ import main
from crm.access import acting_as, as_system
from crm.activities.use_cases import add_activity
from crm.clock import now
from crm.commands import doctor
from crm.customers.asking import ask_for_sync
from crm.customers.mirror_state import mirror_state, questions
from crm.customers.production import BadAnswer
from crm.customers.sync import sync
from crm.errors import Busy, Invalid, Refused
from crm.jobs import syncing, tasks
from crm.jobs.app import app, connector
from tests.db.mirror import agrees, give_markets
from tests.db.production import Memory


@pytest.fixture
def configured(monkeypatch):
    monkeypatch.setenv("METABASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("METABASE_API_KEY", "mb_test")
    settings.current.cache_clear()
    yield
    monkeypatch.undo()
    settings.current.cache_clear()


@pytest.fixture
def shop(db, cast, configured, monkeypatch):
    """The configured production is this one."""
    give_markets(db, cast)
    found = Memory()
    for number in range(5):
        found.customer(str(number))
        found.order(f"o{number}", str(number))
    monkeypatch.setattr(syncing, "connected", lambda numbers: found)
    return found


def jobs(db):
    """Those that somebody asked for: a worker also brings the schedule's own, when a quarter of an hour has just begun."""
    return db.rows("""
        select task_name, args, status::text from jobs.procrastinate_jobs
        where task_name like 'sync%' and args ->> 'asked_by_id' is not null order by id
    """)


def runs(db):
    return db.rows("select kind, state, asked_by_id from crm.sync_runs order by id")


def asked(db):
    return [run for run in runs(db) if run["asked_by_id"]]


def work():
    with app.replace_connector(connector()):
        app.run_worker(wait=False, install_signal_handlers=False, listen_notify=False)


def age(db, minutes):
    with db.owner().begin() as connection:
        connection.execute(text("update crm.sync_runs set started_at = started_at - make_interval(mins => :m)"), {"m": minutes})


def test_thirty_who_look_at_once_are_one_job_and_one_run(db, cast, shop):
    ana = cast.who("ana")
    with ThreadPoolExecutor(30) as crowd:
        answers = list(crowd.map(lambda _: ask_for_sync(ana), range(30)))
    assert answers.count(True) == 1 and len(jobs(db)) == 1
    work()
    assert asked(db) == [{"kind": "full", "state": "done", "asked_by_id": cast.people["ana"]}]
    assert db.value("select count(*) from crm.orders") == 5


def test_a_fresh_mirror_is_not_asked_for_by_looking_but_by_hand(db, cast, shop):
    sync(shop)
    ana = cast.who("ana")
    assert not ask_for_sync(ana) and jobs(db) == []
    assert ask_for_sync(ana, by_hand=True) and not ask_for_sync(ana, by_hand=True)
    assert [job["task_name"] for job in jobs(db)] == ["sync_orders"]


def test_an_old_mirror_is_asked_for_by_looking(db, cast, shop):
    sync(shop)
    age(db, 6)
    assert ask_for_sync(cast.who("ana"))


def test_a_production_that_was_down_a_moment_ago_is_left_alone_by_who_looks(db, cast, shop):
    sync(shop)
    age(db, 60)
    shop.breaks["orders"] = BadAnswer("unreachable", "It is down.")
    with pytest.raises(BadAnswer):
        sync(shop)
    assert not ask_for_sync(cast.who("ana"))
    age(db, 6)
    assert ask_for_sync(cast.who("ana"))


def test_everything_anew_is_for_admins_and_waits_behind_a_difference(db, cast, shop):
    with pytest.raises(Refused, match="settings: configure"):
        ask_for_sync(cast.who("ana"), by_hand=True, is_full=True)
    alma = cast.who("alma")
    assert ask_for_sync(alma, by_hand=True) and ask_for_sync(alma, by_hand=True, is_full=True)
    assert not ask_for_sync(alma, by_hand=True, is_full=True) and not ask_for_sync(alma, by_hand=True)
    assert [job["task_name"] for job in jobs(db)] == ["sync_orders", "sync_orders_fully"]
    work()
    assert [run["kind"] for run in asked(db)] == ["full", "full"]


def test_without_a_production_looking_asks_for_nothing_and_a_hand_is_told(db, cast):
    assert not ask_for_sync(cast.who("ana"))
    with pytest.raises(Invalid, match="METABASE_URL"):
        ask_for_sync(cast.who("ana"), by_hand=True)
    tasks.sync_orders(1)
    tasks.sync_orders_fully(1)
    assert runs(db) == [] == jobs(db)


def test_the_schedule_reads_a_difference_and_at_night_everything(db, shop):
    tasks.sync_orders(timestamp=1)
    tasks.sync_orders(timestamp=2)
    tasks.sync_orders_fully(timestamp=3)
    assert [(run["kind"], run["state"]) for run in runs(db)] == [("full", "done"), ("difference", "done"), ("full", "done")]
    crons = {task.task.name: task.cron for task in app.periodic_registry.periodic_tasks.values()}
    assert (crons["sync_orders"], crons["sync_orders_fully"]) == ("*/15 * * * *", "7 2 * * *")


def test_a_bad_answer_ends_the_job_and_not_the_worker(db, cast, shop):
    shop.breaks["customers"] = BadAnswer("html", "A web page came back.")
    ask_for_sync(cast.who("ana"))
    work()
    assert [job["status"] for job in jobs(db)] == ["succeeded"] and asked(db)[0]["state"] == "failed"


def test_two_at_once_are_one(db, cast, shop):
    """The second is told while the first one reads."""
    told = []

    def meanwhile():
        shop.meanwhile = None
        with pytest.raises(Busy):
            sync(shop)
        with acting_as(cast.who("ana")) as session:
            told.append(mirror_state(session).running)

    shop.meanwhile = meanwhile
    sync(shop)
    assert len(runs(db)) == 1 and told[0].step == "Reading customers"
    with acting_as(cast.who("ana")) as session:
        assert mirror_state(session).running is None


def test_several_threads_that_sync_leave_one_mirror(db, shop):
    def run(_):
        try:
            return sync(shop).run_id
        except Busy:
            return None

    with ThreadPoolExecutor(6) as crowd:
        done = [found for found in crowd.map(run, range(6)) if found]
    assert done and len(runs(db)) == len(done)
    assert db.value("select count(*) from crm.orders") == 5
    agrees(db)


def test_a_call_logged_while_orders_are_written_is_not_held_up(db, cast, shop):
    """The rep's lead is that of a customer whose totals change in this very run; whenever the sync reports, nothing of it is locked."""
    with db.owner().begin() as connection:
        company = connection.scalar(text("insert into crm.companies (name, market) values ('Shop 1', 'AE') returning id"))
        connection.execute(
            text("update crm.leads set company_id = :c, version = version + 1 where id = :l"), {"c": company, "l": cast.leads["Al Noor Trading"]}
        )
    ana, steps, stuck = cast.who("ana"), [], []

    def call(step):
        def log():
            with acting_as(ana) as session:
                session.execute(text("set local lock_timeout = '3s'"))
                add_activity(session, cast.leads["Al Noor Trading"], {"kind": "call", "body": step}, source="test")

        try:
            log()
            steps.append(step)
        except Exception as error:
            stuck.append((step, error))

    sync(shop, progress=call)
    assert stuck == [] and any(step.startswith("Writing orders") for step in steps)
    assert db.value("select last_contacted_at from crm.customers where external_id = '1'") is not None
    agrees(db)


def test_a_call_logged_by_others_all_the_time_meets_no_deadlock(db, cast, shop):
    for number in range(60):
        shop.customer(f"c{number}")
        shop.order(f"x{number}", f"c{number}")
    with db.owner().begin() as connection:
        connection.execute(text("update crm.lead_rules set is_active = true, version = version + 1"))
    sync(shop)
    leads = [row["id"] for row in db.rows("select lead_id as id from crm.lead_reasons")]
    mona, is_over, failed = cast.who("mona"), threading.Event(), []

    def call():
        number = 0
        while not is_over.is_set():
            number += 1
            try:
                with acting_as(mona) as session:
                    for lead in sorted({leads[number % len(leads)], leads[(number * 7) % len(leads)]}):  # as every save does
                        add_activity(session, lead, {"kind": "call", "body": "x"}, source="test")
            except Exception as error:
                failed.append(error)

    callers = [threading.Thread(target=call, daemon=True) for _ in range(2)]
    for caller in callers:
        caller.start()
    try:
        for turn in range(3):
            for number in range(60):
                shop.order(f"y{turn}-{number}", f"c{number}", at=now())
            sync(shop)
    finally:
        is_over.set()
    for caller in callers:
        caller.join()
    assert failed == []
    agrees(db)


def test_the_numbers_of_the_questions_are_the_organisations(db, cast):
    with as_system() as session:
        assert questions(session) == {"customers": 1, "orders": 2, "rates": 3}
    with db.owner().begin() as connection:
        connection.execute(text("insert into crm.organisation_settings (key, value) values ('order_lens', '{\"orders\": 17}')"))
    with as_system() as session:
        assert questions(session) == {"customers": 1, "orders": 17, "rates": 3}


def test_the_command_reads_and_says_what_it_did(db, shop, capsys):
    assert main(["sync", "--full"]) == 0
    said = capsys.readouterr()
    assert "Read 5 customers, 5 orders and 0 rates (full)" in said.out and "The mirror holds 5 customers and 5 orders worth $500.00." in said.out
    assert "Writing orders: 5 of 5" in said.err
    assert main(["sync", "--json"]) == 0
    assert '"orders_changed": 0' in capsys.readouterr().out


def test_the_command_says_in_one_line_that_nothing_is_connected(db, cast, capsys):
    assert main(["sync"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and "METABASE_URL" in said.err


def test_the_command_says_in_one_line_what_was_wrong_with_the_answer(db, shop, capsys):
    shop.breaks["rates"] = BadAnswer("html", "A web page came back.")
    assert main(["sync"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == "A web page came back."


def test_doctor_knows_how_old_the_mirror_is(db, cast, shop):
    def mirror():
        return dict(doctor.examine())["mirror"]

    assert (mirror().is_good, mirror().says) == (True, "orders were never read")
    sync(shop)
    assert (mirror().is_good, mirror().says) == (True, "read 0 min ago")
    age(db, 90)
    shop.breaks["rates"] = BadAnswer("html", "A web page came back.")
    with pytest.raises(BadAnswer):
        sync(shop)
    assert (mirror().is_good, mirror().says) == (False, "read 90 min ago; the last run failed: A web page came back.")


def test_the_state_says_how_old_the_mirror_is_to_everybody_who_is_signed_in(db, cast, shop):
    with acting_as(cast.who("vera")) as session:
        before = mirror_state(session)
    assert (before.as_of, before.age, before.is_old, before.is_configured) == (None, None, True, True)
    sync(shop, asked_by=cast.people["ana"])
    age(db, 3)
    with acting_as(cast.who("vera")) as session:
        state = mirror_state(session)
    assert timedelta(minutes=3) <= state.age < timedelta(minutes=4) and not state.is_old
    assert (state.last_good.asked_by, state.last_good.counts["orders_read"], state.failed, state.alarms) == ("Ana", 5, None, [])
