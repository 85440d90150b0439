"""The mirror follows production: whole answers only, nothing written twice, and what hangs on it counted right."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

import crm.records  # noqa: F401 - the write path knows every type
from crm.clock import now
from crm.customers.sync import sync
from tests.db.mirror import agrees, customer, give_markets, last_run, order, stamps
from tests.db.production import Memory


@pytest.fixture
def markets(db, cast):
    give_markets(db, cast)


@pytest.fixture
def shop(markets):
    """One customer with three orders."""
    found = Memory()
    found.customer("1", name="Shop One")
    for number, (amount, currency) in enumerate((("100.00", "USD"), ("200.00", "AED"), ("50.00", "EUR"))):
        found.order(f"o{number}", "1", amount=Decimal(amount), currency=currency, at=now() - timedelta(days=30 - number))
    return found


def test_the_first_run_mirrors_everything(db, cast, shop):
    done = sync(shop)
    found = customer(db)
    assert (found["name"], found["market"], found["team_id"], found["orders"]) == ("Shop One", "AE", cast.teams["Gulf"], 3)
    assert found["lifetime_usd"] == Decimal("100.00") + Decimal("54.46") + Decimal("55.00")
    assert (order(db, "o1")["amount_usd"], order(db, "o1")["team_id"], order(db, "o1")["is_counted"]) == (Decimal("54.46"), cast.teams["Gulf"], True)
    run = last_run(db)
    assert (run["state"], run["kind"], run["customers_read"], run["orders_read"], run["customers_changed"], run["orders_changed"]) == (
        "done",
        "full",
        1,
        3,
        1,
        3,
    )
    assert done.run_id == run["id"] and run["seen_until"] == max(row.updated_at for row in shop.orders_)
    agrees(db)


@pytest.mark.parametrize("kind", ["full", "difference"])
def test_a_second_run_writes_nothing(db, cast, shop, kind):
    shop.rate("AED", date(2024, 1, 1), "0.3")
    sync(shop)
    before = stamps(db)
    done = sync(shop, kind=kind)
    assert stamps(db) == before
    assert (done.counts["customers_changed"], done.counts["orders_changed"], done.counts["leads_changed"], done.counts["leads_created"]) == (0, 0, 0, 0)


def test_a_difference_reads_from_a_day_before_the_newest_change_seen_so_late_rows_are_met(db, shop):
    sync(shop)
    newest = max(row.updated_at for row in shop.orders_)
    shop.order("late", "1", at=newest - timedelta(days=200), updated_at=newest - timedelta(hours=20))
    shop.order("too old", "1", at=newest - timedelta(days=200), updated_at=newest - timedelta(hours=30))
    sync(shop)
    assert shop.asked == [None, newest - timedelta(days=1)]
    assert {row["external_id"] for row in db.rows("select external_id from crm.orders")} == {"o0", "o1", "o2", "late"}
    sync(shop, kind="full")
    assert customer(db)["orders"] == 5
    agrees(db)


def test_a_refunded_order_stays_and_counts_no_more(db, shop):
    sync(shop)
    shop.change("o0", status="refunded")
    sync(shop)
    assert (order(db, "o0")["is_counted"], order(db, "o0")["gone_at"]) == (False, None)
    assert (customer(db)["orders"], customer(db)["lifetime_usd"]) == (2, Decimal("109.46"))
    agrees(db)


def test_of_an_id_that_comes_twice_the_row_changed_last_counts(db, shop):
    shop.order("o0", "1", amount=Decimal("7.00"), updated_at=now())
    shop.order("o0", "1", amount=Decimal("8.00"), updated_at=now() - timedelta(days=60))
    shop.customer("1", name="Older name", updated_at=datetime(2019, 1, 1, tzinfo=UTC))
    sync(shop)
    assert (order(db, "o0")["amount"], customer(db)["name"]) == (Decimal("7.00"), "Shop One")


def test_an_order_that_moves_to_another_customer_is_counted_with_that_one(db, shop):
    shop.customer("2", market="JO")
    sync(shop)
    shop.change("o0", customer_id="2")
    sync(shop)
    assert (customer(db)["orders"], customer(db, "2")["orders"]) == (2, 1)
    agrees(db)


def test_a_customer_that_moves_to_another_market_takes_their_orders_along(db, cast, shop):
    sync(shop)
    shop.change("1", market="JO")
    sync(shop)
    assert {row["team_id"] for row in db.rows("select team_id from crm.orders")} == {cast.teams["Levant"]} == {customer(db)["team_id"]}
    agrees(db)


def test_a_market_given_to_another_team_takes_its_customers_along_at_the_next_difference(db, cast, shop):
    sync(shop)
    with db.owner().begin() as connection:
        connection.execute(text("update crm.markets set team_id = :t, version = version + 1 where code = 'AE'"), {"t": cast.teams["Levant"]})
    sync(shop)
    assert (customer(db)["team_id"], order(db, "o0")["team_id"]) == (cast.teams["Levant"], cast.teams["Levant"])
    agrees(db)


def test_orders_without_a_rate_count_as_no_usd_until_there_is_one(db, shop):
    shop.order("yen", "1", currency="JPY", amount=Decimal("10000.00"), at=now() - timedelta(days=40))
    done = sync(shop)
    assert (done.without_rate, order(db, "yen")["amount_usd"], customer(db)["orders"]) == (1, None, 4)
    assert db.value("select times from crm.alarms where kind = 'rates_missing' and resolved_at is null") == 1
    shop.rate("JPY", now().date() + timedelta(days=1), "0.007")
    sync(shop)
    assert order(db, "yen")["amount_usd"] == Decimal("70.00")
    agrees(db)


def test_a_corrected_rate_revalues_the_orders_it_holds_for_and_no_others(db, shop):
    first, second = date(2024, 1, 1), (now() - timedelta(days=25)).date()
    shop.rate("AED", first, "0.25")
    shop.order("new", "1", currency="AED", at=now() - timedelta(days=5))
    sync(shop)
    shop.rate("AED", second, "0.5")
    sync(shop, kind="full")
    assert (order(db, "o1")["amount_usd"], order(db, "new")["amount_usd"]) == (Decimal("50.00"), Decimal("50.00"))
    agrees(db)


def test_a_days_new_rate_leaves_the_orders_before_it_as_they_are(db, shop):
    yesterday = now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    shop.rate("AED", date(2024, 1, 1), "0.25")
    for name, at in (("before", yesterday - timedelta(seconds=1)), ("since", yesterday)):
        shop.order(name, "1", currency="AED", at=at, updated_at=now() - timedelta(days=3))
    shop.order("newest", "1", at=now())
    sync(shop)
    shop.rate("AED", yesterday.date(), "0.5")
    assert sync(shop).counts["orders_changed"] == 1
    assert (order(db, "before")["amount_usd"], order(db, "since")["amount_usd"]) == (Decimal("25.00"), Decimal("50.00"))
    agrees(db)


def test_orders_of_unknown_customers_wait_and_are_counted(db, shop):
    shop.order("waits", "9")
    done = sync(shop)
    assert (done.waiting, db.value("select count(*) from crm.orders")) == (1, 3)
    shop.customer("9", updated_at=now())
    assert sync(shop).waiting == 0
    assert customer(db, "9")["orders"] == 1


def test_a_full_run_marks_what_is_gone_and_brings_it_back_when_it_reappears(db, shop):
    for number in range(20):
        shop.customer(f"c{number}")
        shop.order(f"x{number}", f"c{number}")
    sync(shop)
    kept = shop.orders_[:], shop.customers_[:]
    shop.drop("o0")
    shop.drop("c3")
    sync(shop, kind="full")
    assert order(db, "o0")["gone_at"] and customer(db, "c3")["gone_at"]
    assert (customer(db)["orders"], db.value("select count(*) from crm.orders where gone_at is not null")) == (2, 1)
    agrees(db)
    before = stamps(db)
    sync(shop, kind="full")
    assert stamps(db) == before
    shop.orders_, shop.customers_ = kept
    sync(shop, kind="full")
    assert (order(db, "o0")["gone_at"], customer(db, "c3")["gone_at"], customer(db)["orders"]) == (None, None, 3)
    agrees(db)


def test_a_difference_marks_nothing_as_gone(db, shop):
    sync(shop)
    shop.drop("o0")
    sync(shop)
    assert order(db, "o0")["gone_at"] is None


def test_a_customer_named_as_one_company_is_linked_and_its_leads_show_what_it_ordered(db, cast, shop):
    with db.owner().begin() as connection:
        company = connection.scalar(text("insert into crm.companies (name, market) values ('shop one', 'AE') returning id"))
        connection.execute(text("update crm.leads set company_id = :c, version = version + 1 where id = :l"), {"c": company, "l": cast.leads["Petra Supplies"]})
    sync(shop)
    lead = db.rows("select lifetime_usd, last_order_at, version from crm.leads where id = :id", id=cast.leads["Petra Supplies"])[0]
    assert (customer(db)["company_id"], lead["lifetime_usd"], lead["last_order_at"]) == (company, Decimal("209.46"), order(db, "o2")["ordered_at"])
    version = lead["version"]
    shop.order("o9", "1", amount=Decimal("1000.00"))
    done = sync(shop)
    lead = db.rows("select lifetime_usd, version from crm.leads where id = :id", id=cast.leads["Petra Supplies"])[0]
    assert (lead["lifetime_usd"], lead["version"], done.counts["leads_changed"]) == (Decimal("1209.46"), version, 1)
    agrees(db)


def test_a_date_in_the_future_does_not_hide_what_comes_until_then(db, shop):
    shop.order("odd", "1", updated_at=now() + timedelta(days=3000))
    sync(shop)
    assert last_run(db)["seen_until"] <= now()


def test_a_run_that_was_cut_short_while_it_wrote_is_mended_by_the_next(db, cast, shop):
    sync(shop)
    with db.owner().begin() as connection:
        connection.execute(text("insert into crm.sync_runs (kind, state, step) values ('difference', 'running', 'Writing orders: 1 of 2')"))
        connection.execute(text("update crm.customers set orders = 77"))
        connection.execute(text("update crm.orders set market = 'FR', amount_usd = 1"))
    done = sync(shop)
    assert done.kind == "full"
    runs = db.rows("select state, problem from crm.sync_runs order by id")
    assert [run["state"] for run in runs] == ["done", "failed", "done"] and "stopped" in runs[1]["problem"]
    agrees(db)
    assert sync(shop).kind == "difference"
