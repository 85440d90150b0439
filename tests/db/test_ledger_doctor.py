"""`doctor` says yes when all holds, and names the one thing that does not."""

import json

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.__main__ import main
from crm.access import as_system
from crm.clock import now
from crm.customers.order_months import fold_orders
from crm.ledger.checks import fold_equals_postings, ledger_equals_leads, stays_are_right
from crm.ledger.fold import fold
from tests.db.ledgers import add_lead, at, change

NAMES = ["database", "schema", "row security", "ledger = leads", "stays", "fold = postings", "months = orders", "worker", "mirror"]


@pytest.fixture
def healthy(db, cast):
    """A database with leads, some of them folded, and a worker's heartbeat."""
    moved = add_lead(cast, "Gulf", "ana", when=at("2026-03-01 20:00"), value="5")
    change(db, moved, when=at("2026-03-20 20:00"), stage_id=cast.stages["Gulf"]["Contacted"])
    damage(db, "insert into crm.activities (lead_id, kind, happened_at) select max(id), 'call', '2026-03-02' from crm.leads")
    fold()
    add_lead(cast, "Gulf", None, when=at("2026-03-31 20:00"), value="5")
    damage(
        db,
        "insert into crm.customers (external_id, name) values ('c', 'Petra')",
        """insert into crm.orders (external_id, customer_id, ordered_at, amount, currency, amount_usd)
            select 'o', id, '2026-03-10', 10, 'USD', 10 from crm.customers""",
    )
    with as_system() as session:
        fold_orders(session, now())
    damage(db, "insert into jobs.procrastinate_workers default values")
    return db


def damage(db, *statements):
    with db.owner().begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def examine(capsys, *arguments):
    code = main(["doctor", "--json", *arguments])
    found = json.loads(capsys.readouterr().out)
    return code, found, [check["name"] for check in found["checks"] if not check["ok"]]


def test_all_is_well(healthy, capsys):
    code, found, failing = examine(capsys)
    assert (code, found["ok"], failing) == (0, True, [])
    assert [check["name"] for check in found["checks"]] == NAMES


def test_each_check_is_one_line(healthy, capsys):
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(NAMES)
    assert all(line.startswith("ok    ") for line in lines)
    assert "postings add up to the 6 live leads" in lines[3]


@pytest.mark.parametrize(
    ("broken", "failing"),
    [
        (["update crm.alembic_version set version_num = '0001'"], ["schema"]),
        (["alter table crm.leads no force row level security"], ["row security"]),
        (["create table crm.notes (id int)"], ["row security"]),
        (["create view crm.peek as select * from crm.leads", "grant select on crm.peek to crm_throughline_test_all"], ["row security"]),
        (["update crm.postings set leads = -leads where id = (select min(id) from crm.postings)"], ["ledger = leads", "fold = postings"]),
        (["update crm.postings set value_usd = value_usd + 0.01 where id = (select max(id) from crm.postings)"], ["ledger = leads", "fold = postings"]),
        (["update crm.stays set left_at = now(), left_by = 'moved' where id = (select min(id) from crm.stays)"], ["stays", "fold = postings"]),
        (["update crm.stays set owner_id = null where id = (select min(id) from crm.stays)"], ["stays", "fold = postings"]),
        (["delete from crm.unfolded_postings"], ["fold = postings"]),
        (["update crm.order_months set amount_usd = amount_usd + 0.01"], ["months = orders"]),
        (["delete from crm.order_months"], ["months = orders"]),
        (["insert into crm.order_months select id + 1, month, team_id, 'AE', currency, 1, 1, 1, 1, 0 from crm.order_months"], ["months = orders"]),
        (["delete from jobs.procrastinate_workers"], ["worker"]),
        (["update jobs.procrastinate_workers set last_heartbeat = now() - interval '2 minutes'"], ["worker"]),
    ],
)
def test_what_is_broken_is_named_and_the_exit_code_is_1(healthy, capsys, broken, failing):
    damage(healthy, *broken)
    code, found, named = examine(capsys)
    assert (code, found["ok"], named) == (1, False, failing)


WRONG_FOLDS = (
    "update crm.posting_days set leads = leads + 1 where id = (select min(id) from crm.posting_days)",
    "delete from crm.posting_months",
    "update crm.move_days set went = went + 1 where id = (select min(id) from crm.move_days)",
    "update crm.move_months set came_usd = came_usd + 0.01 where id = (select min(id) from crm.move_months)",
    "delete from crm.unfolded_stays",
    "update crm.standing_months set leads = leads + 1 where id = (select min(id) from crm.standing_months)",
    "update crm.source_months set value_usd = value_usd + 0.01 where id = (select min(id) from crm.source_months)",
    "update crm.closing_months set leads = leads + 1 where id = (select min(id) from crm.closing_months)",
    "update crm.stood_days set leads = leads + 1 where id = (select min(id) from crm.stood_days)",
    "delete from crm.stood_months",
    "update crm.stood_source_days set value_usd = value_usd + 0.01 where id = (select min(id) from crm.stood_source_days)",
    "update crm.stood_closing_months set leads = leads - 1 where id = (select min(id) from crm.stood_closing_months)",
    "update crm.late_days set leads = leads + 1 where id = (select min(id) from crm.late_days)",
    "update crm.late_months set value_usd = value_usd + 0.01 where id = (select min(id) from crm.late_months)",
    "update crm.passage_months set took[1] = took[1] + 1 where id = (select min(id) from crm.passage_months)",
    "update crm.passage_months set moved_on = moved_on + 1 where id = (select min(id) from crm.passage_months)",
    "update crm.folded_activities set kind = 'note' where activity_id = (select min(activity_id) from crm.folded_activities)",
    "update crm.folded_activities set owner_id = null",
    "update crm.folded_activities set before_at = happened_at",
    "delete from crm.folded_activities",
    "update crm.arrival_months set took[1] = took[1] + 1 where id = (select min(id) from crm.arrival_months)",
)


def test_whatever_is_wrong_with_a_fold_is_found_and_nothing_else(healthy):
    """Each in a transaction that is taken back before the next."""
    for broken in WRONG_FOLDS:
        with Session(healthy.owner()) as session:
            session.execute(text(broken))
            checks = (ledger_equals_leads, stays_are_right, fold_equals_postings)
            assert [check(session).is_good for check in checks] == [True, True, False], broken


def test_a_stay_that_outlived_its_lead_is_found(healthy, capsys):
    """Past the triggers, as a restore from half a backup would leave it."""
    delete = "update crm.leads set deleted_at = now() where id = (select min(id) from crm.leads)"
    damage(healthy, "alter table crm.leads disable trigger user", delete, "alter table crm.leads enable trigger user")
    assert examine(capsys)[2] == ["ledger = leads", "stays"]


def test_a_broken_fold_is_made_anew_on_request(healthy, capsys):
    damage(healthy, "update crm.posting_days set leads = leads + 1", "update crm.order_months set orders = orders + 1")
    code, _, failing = examine(capsys, "--rebuild-fold")
    assert (code, failing) == (0, [])


def test_a_check_that_cannot_run_does_not_hide_the_others(healthy, capsys):
    damage(healthy, "alter table crm.stays rename column source to origin")
    code, found, failing = examine(capsys)
    assert (code, failing) == (1, ["stays", "fold = postings"])
    assert [check["name"] for check in found["checks"]] == NAMES


def test_without_a_database_there_is_one_failing_line(healthy, capsys, monkeypatch):
    from crm import settings
    from crm.db import engine

    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    for cache in (settings.current, engine.owner_url, engine.runtime_engine, engine.role_names):
        cache.cache_clear()
    code, found, failing = examine(capsys)
    assert (code, failing, len(found["checks"])) == (1, ["database"], 1)
