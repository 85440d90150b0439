"""Whatever production answers: the last good copy stays as it was, its age is known, and an alarm says what happened."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

import crm.records  # noqa: F401 - the write path knows every type
from crm.access import acting_as
from crm.connectors.metabase import Metabase
from crm.customers.mirror_state import mirror_state
from crm.customers.production import BadAnswer
from crm.customers.sync import sync
from tests.connectors.bad_answers import BAD_ORDERS, CUSTOMERS, KEY, ORDERS, QUESTIONS, RATES, rows, scripted
from tests.db.mirror import agrees, customer, give_markets, last_run, stamps
from tests.db.production import Memory

GOOD = {"customers": CUSTOMERS, "orders": ORDERS, "rates": RATES}


@pytest.fixture(scope="module")
def door():
    with scripted() as server:
        yield server


@pytest.fixture(scope="module")
def asked(module_db, module_cast, door):
    """A mirror of good answers, of which a lead was made; answers how to ask again. No test of it leaves a trace but in runs and alarms."""
    give_markets(module_db, module_cast, is_rule_active=True)
    with module_db.owner().begin() as connection:
        connection.execute(text("update crm.lead_rules set ordered_within_days = 3000, version = version + 1"))

    def reader(**patience: float) -> Metabase:
        return Metabase(door.url, KEY, QUESTIONS, pause_seconds=0, **patience)

    sync(reader())
    assert (module_db.value("select count(*) from crm.orders"), module_db.value("select count(*) from crm.lead_reasons")) == (5, 1)
    return reader


def alarms(db):
    return db.rows("select kind, times, text from crm.alarms where resolved_at is null order by kind")


@pytest.mark.parametrize("bad", [bad for bad in BAD_ORDERS if bad.kind], ids=lambda bad: bad.name)
def test_a_bad_answer_changes_nothing_and_raises_an_alarm(module_db, module_cast, door, asked, bad):
    db = module_db
    before, good = stamps(db), last_run(db)
    door.answers("orders", *bad.answers)
    for kind in ("full", "difference"):
        with pytest.raises(BadAnswer) as met:
            sync(asked(**bad.patience), kind=kind)
        assert met.value.kind == bad.kind
    assert stamps(db) == before
    assert (last_run(db)["state"], last_run(db)["problem"]) == ("failed", met.value.detail)
    assert alarms(db) == [{"kind": f"sync_{bad.kind}", "times": 2, "text": met.value.detail}]
    with acting_as(module_cast.who("ana")) as session:
        state = mirror_state(session)
    assert (state.as_of, state.failed.problem, state.running) == (good["started_at"], met.value.detail, None)
    door.answers("orders", rows(ORDERS))
    sync(asked())
    assert alarms(db) == [] and stamps(db) == before


def test_an_empty_answer_is_part_of_one_when_everything_was_asked_for_and_nothing_new_otherwise(module_db, door, asked):
    db = module_db
    before = stamps(db)
    for name in GOOD:
        door.answers(name, rows([]))
        with pytest.raises(BadAnswer, match="where"):
            sync(asked(), kind="full")
        sync(asked())
        assert stamps(db) == before
        door.answers(name, rows(GOOD[name]))


def test_a_full_answer_with_less_than_nine_tenths_of_what_is_known_is_refused(db, cast):
    give_markets(db, cast)
    shop = Memory()
    for number in range(20):
        shop.customer(str(number))
        shop.order(f"o{number}", str(number))
    sync(shop)
    before = stamps(db)
    shop.drop("o0"), shop.drop("o1"), shop.drop("o2")
    with pytest.raises(BadAnswer, match="17 orders where 20 are known"):
        sync(shop, kind="full")
    assert stamps(db) == before and alarms(db)[0]["kind"] == "sync_partial"
    shop.order("o2", "2")
    sync(shop, kind="full")
    assert db.value("select count(*) from crm.orders where gone_at is not null") == 2 and alarms(db) == []
    agrees(db)


def test_an_answer_that_breaks_off_after_good_rows_keeps_none_of_them(db, cast):
    give_markets(db, cast)
    shop = Memory()
    for number in range(30):
        shop.customer(str(number))
    shop.breaks["customers"] = BadAnswer("half", "The connection broke.")
    with pytest.raises(BadAnswer):
        sync(shop)
    assert db.value("select count(*) from crm.customers") == 0


@pytest.mark.parametrize(
    "wrong",
    [{"amount": Decimal("NaN")}, {"amount": Decimal("1e13")}, {"amount": Decimal("99999999999.00"), "currency": "KWD"}, {"currency": "DIRHAM"},
     {"customer_id": "a\x00b"}],
)  # fmt: skip
def test_a_value_that_cannot_be_kept_is_met_before_anything_changes(db, cast, wrong):
    give_markets(db, cast)
    shop = Memory()
    shop.customer("1")
    shop.rate("KWD", (shop.order("good", "1").ordered_at).date(), "3000000")
    sync(shop)
    before = stamps(db)
    shop.order("bad", "1", **wrong)
    with pytest.raises(BadAnswer):
        sync(shop)
    assert stamps(db) == before and alarms(db)[0]["kind"] == "sync_values"


def test_an_error_of_our_own_is_a_failed_run_and_an_alarm_without_its_message(db, cast):
    give_markets(db, cast)
    shop = Memory()
    shop.customer("1")
    shop.breaks["orders"] = ValueError("Ana's mail address")
    with pytest.raises(ValueError, match="Ana"):
        sync(shop)
    assert last_run(db)["state"] == "failed" and "Ana" not in last_run(db)["problem"] + alarms(db)[0]["text"]
    shop.breaks.clear()
    sync(shop)
    assert alarms(db) == [] and customer(db)["name"] == "Shop 1"


def test_failures_of_one_kind_count_up_in_one_alarm_and_keep_when_it_began(db, cast):
    shop = Memory(breaks={"rates": BadAnswer("unreachable", "It is down.")})
    for _ in range(3):
        with pytest.raises(BadAnswer):
            sync(shop)
    (alarm,) = db.rows("select times, last_at - first_at as lasted from crm.alarms")
    assert alarm["times"] == 3 and alarm["lasted"] > timedelta(0)
