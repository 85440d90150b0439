"""Revenue is what the orders say at every moment, whatever of them was folded by month and whoever looks."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from threading import Thread
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from crm.access import OPERATOR, as_system
from crm.customers.order_months import fold_orders
from crm.customers.sync import sync
from crm.explore.use_cases import run_exploration
from crm.ledger.fold import fold
from crm.reports.use_cases import run
from tests.db.mirror import give_markets
from tests.db.production import Memory

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
FROM, TO = date(2025, 11, 10), date(2026, 6, 15)
MARKETS = {"AE": "Gulf", "SA": "Gulf", "EG": "Levant"}
CURRENCIES = ("AED", "USD", "EGP")


@pytest.fixture(autouse=True)
def _in_june(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def customers(db, cast):
    """Nine customers in three markets; the first is the company of a lead of Bruno's, whose team sees another market."""
    with db.owner().begin() as connection:
        ids = [
            connection.scalar(
                text("insert into crm.customers (external_id, name, market, team_id) values (:n, :n, :m, :t) returning id"),
                {"n": f"c{number}", "m": market, "t": cast.teams[MARKETS[market]]},
            )
            for number, market in enumerate([*MARKETS] * 3)
        ]
        company = connection.scalar(text("insert into crm.companies (name) values ('Petra') returning id"))
        connection.execute(text("update crm.leads set company_id = :c, version = version + 1 where id = :l"), {"c": company, "l": cast.leads["Petra Supplies"]})
        connection.execute(text("update crm.customers set company_id = :c where id = :id"), {"c": company, "id": ids[2]})
    return ids


def act(connection, chance: Random, customers: list[int]) -> None:
    """One of the things a reading of production does to an order."""
    ids = list(connection.scalars(text("select id from crm.orders")))
    at = NOW - timedelta(minutes=chance.randrange(60 * 24 * 260))
    usd = chance.choice([None, Decimal(chance.randrange(1, 9000)) / 100])
    values = {"at": at, "usd": usd, "a": Decimal(chance.randrange(1, 99_999)) / 100, "cur": chance.choice(CURRENCIES), "id": chance.choice(ids) if ids else 0}
    if not ids or chance.random() < 0.6:
        connection.execute(
            text("""insert into crm.orders (external_id, customer_id, ordered_at, amount, currency, amount_usd, is_counted, market, team_id)
                select gen_random_uuid()::text, c.id, :at, :a, :cur, :usd, :counted, c.market, c.team_id from crm.customers as c where c.id = :c"""),
            {**values, "c": chance.choice(customers), "counted": chance.random() < 0.9},
        )
    elif chance.random() < 0.5:
        connection.execute(text("update crm.orders set ordered_at = :at, amount = :a, amount_usd = :usd where id = :id"), values)
    elif chance.random() < 0.5:
        connection.execute(text("update crm.orders set gone_at = case when gone_at is null then now() end where id = :id"), values)
    else:
        connection.execute(text("delete from crm.orders where id = :id"), values)


def recounted(db, zone: str, *, sees=lambda order: True, market=None):
    """(month, market, currency) -> orders, customers, amount, USD, unconverted; from the orders by hand."""
    found = defaultdict(list)
    for order in db.rows("select * from crm.orders where is_counted and gone_at is null"):
        day = order["ordered_at"].astimezone(ZoneInfo(zone)).date()
        if FROM <= day <= TO and sees(order) and market in (None, order["market"]):
            found[day.replace(day=1), order["market"], order["currency"]].append(order)
    return {
        cell: (len(orders), len({o["customer_id"] for o in orders}), sum(o["amount"] for o in orders), sum(o["amount_usd"] or 0 for o in orders),
               sum(o["amount_usd"] is None for o in orders))
        for cell, orders in found.items()
    }  # fmt: skip


def told(person, **filters):
    rows = run(person, "revenue_by_market", {"from": FROM.isoformat(), "to": TO.isoformat(), **filters}).rows
    return {(r["month"], r["market"], r["currency"]): (r["orders"], r["customers"], r["amount"], r["revenue_usd"], r["unconverted"]) for r in rows}


def explored(person, **asked):
    """(market, first day of month) -> orders, USD, unconverted; as Explore says."""
    given = {"measure": "revenue", "from": FROM.isoformat(), "to": TO.isoformat(), "by": "market", "split": "ordered_month", "top_split": "50", **asked}
    return {(r["group_key"], r["split_key"]): (r["orders"], r["revenue_usd"], r["unconverted"]) for r in run_exploration(person, given).rows}


def by_market_and_month(cells):
    found = defaultdict(lambda: (0, Decimal(0), 0))
    for (month, market, _), (orders, _, _, usd, unconverted) in cells.items():
        before = found[market, f"{month:%Y-%m}"]
        found[market, f"{month:%Y-%m}"] = (before[0] + orders, before[1] + usd, before[2] + unconverted)
    return dict(found)


def added_up(cells):
    return [sum(each) for each in zip((0, 0, 0), *cells.values(), strict=True)]


def who_sees(person, scope):
    memberships = tuple(replace(m, grants={**m.grants, ("customer", "view"): scope}) for m in person.memberships)
    return replace(person, memberships=memberships, _reaches={}, views={})


@pytest.mark.parametrize("seed", range(4))
def test_whatever_changes_and_whenever_it_is_folded_revenue_is_a_recount(db, cast, customers, seed):
    chance = Random(seed)
    zone = db.value("select value #>> '{}' from crm.organisation_settings where key = 'reporting_time_zone'")
    bruno = cast.who("bruno")
    for _ in range(12):
        with db.owner().begin() as connection:
            for _ in range(chance.randrange(1, 12)):
                act(connection, chance, customers)
        if chance.random() < 0.7:
            with as_system() as session:
                fold_orders(session, NOW)
        assert told(OPERATOR) == recounted(db, zone)
        assert told(OPERATOR, market="SA") == recounted(db, zone, market="SA")
        assert told(cast.who("ana")) == recounted(db, zone, sees=lambda order: order["team_id"] == cast.teams["Gulf"])
        assert told(who_sees(bruno, "own")) == recounted(db, zone, sees=lambda order: order["customer_id"] == customers[2])
        everything = recounted(db, zone)
        assert explored(OPERATOR) == by_market_and_month(everything)
        for by in ("team", "currency", "ordered_quarter", "segment", "customer", "first_month"):
            assert added_up(explored(OPERATOR, by=by, split="", top="50")) == added_up(explored(OPERATOR)), by


def test_who_sees_a_team_and_their_own_customers_elsewhere_finds_both(db, cast, customers):
    with db.owner().begin() as connection:
        chance = Random(7)
        for _ in range(60):
            act(connection, chance, customers)
    with as_system() as session:
        assert fold_orders(session, NOW) > 6
    zone = db.value("select value #>> '{}' from crm.organisation_settings where key = 'reporting_time_zone'")
    bruno = cast.who("bruno")
    also = replace(bruno.memberships[0], team_id=cast.teams["Gulf"], grants={**bruno.memberships[0].grants, ("customer", "view"): "team"})
    both = replace(who_sees(bruno, "own"), memberships=(*who_sees(bruno, "own").memberships, also), _reaches={}, views={})
    expected = recounted(db, zone, sees=lambda order: order["team_id"] == cast.teams["Gulf"] or order["customer_id"] == customers[2])
    assert told(both) == expected
    assert explored(both) == by_market_and_month(expected)
    assert {market for _, market, _ in expected} == {"AE", "SA", "EG"}


def listed(db):
    return {row["month"] for row in db.rows("select month from crm.folded_order_months")}


def test_only_the_months_of_changed_orders_are_taken_off(db, cast, customers):
    order = text("""insert into crm.orders (external_id, customer_id, ordered_at, amount, currency, amount_usd, market, team_id)
        select cast(:at as text), id, cast(cast(:at as text) as timestamptz), 10, 'USD', 10, market, team_id from crm.customers where id = :c""")
    with db.owner().begin() as connection:
        for day in ("2025-12-10", "2026-01-10", "2026-03-10", "2026-05-10", "2026-06-10"):
            connection.execute(order, {"at": day, "c": customers[0]})
    with as_system() as session:
        assert fold_orders(session, NOW) == 6
        assert fold_orders(session, NOW) == 0
    whole = {date(2025, 12, 1), *(date(2026, month, 1) for month in range(1, 6))}
    assert listed(db) == whole
    for act, gone in (
        ("update crm.orders set ordered_at = '2026-04-10' where external_id = '2026-03-10'", {3, 4}),
        ("delete from crm.orders where external_id = '2026-01-10'", {1}),
        ("update crm.orders set amount = 11 where external_id = '2026-06-10'", set()),
    ):
        with db.owner().begin() as connection:
            connection.execute(text(act))
        assert listed(db) == whole - {date(2026, month, 1) for month in gone}
        with as_system() as session:
            fold_orders(session, NOW)
    with db.owner().begin() as connection:
        connection.execute(text("truncate crm.orders"))
    assert listed(db) == set()


def test_a_fold_waits_for_whoever_is_changing_orders_and_counts_them(db, cast, customers):
    with db.owner().begin() as connection:
        connection.execute(text("""insert into crm.orders (external_id, customer_id, ordered_at, amount, currency, amount_usd, market, team_id)
            select 'o', id, '2026-03-10', 10, 'USD', 10, market, team_id from crm.customers where id = :c"""), {"c": customers[0]})  # fmt: skip
    with as_system() as session:
        fold_orders(session, NOW)

    def count() -> None:
        with as_system() as session:
            fold_orders(session, NOW)

    with db.owner().begin() as connection:
        connection.execute(text("update crm.orders set amount_usd = 70"))
        folding = Thread(target=count)
        folding.start()
        waits = "select exists (select from pg_locks where relation = 'crm.folded_order_months'::regclass and not granted)"
        while folding.is_alive() and not connection.scalar(text(waits)):
            pass
    folding.join()
    assert date(2026, 3, 1) in listed(db)
    assert db.value("select sum(amount_usd) from crm.order_months") == 70


def test_another_reporting_time_zone_counts_its_own_months(db, cast, customers):
    with db.owner().begin() as connection:
        connection.execute(text("""insert into crm.orders (external_id, customer_id, ordered_at, amount, currency, amount_usd, market, team_id)
            select 'o', id, '2026-01-31 22:30+00', 10, 'USD', 10, market, team_id from crm.customers where id = :c"""), {"c": customers[0]})  # fmt: skip
    for zone, month in (("Asia/Dubai", date(2026, 2, 1)), ("Europe/Berlin", date(2026, 1, 1))):
        with db.owner().begin() as connection:
            connection.execute(
                text("update crm.organisation_settings set value = to_jsonb(cast(:z as text)), version = version + 1 where key = 'reporting_time_zone'"),
                {"z": zone},
            )
        fold()
        assert [row[0] for row in told(OPERATOR)] == [month]
        with as_system() as session:
            fold_orders(session, NOW)
        assert [row[0] for row in told(OPERATOR)] == [month]


def test_a_reading_of_production_leaves_its_whole_months_counted(db, cast):
    give_markets(db, cast)
    shop = Memory()
    shop.customer("1")
    for place, day in enumerate((date(2026, 3, 3), date(2026, 4, 4), date(2026, 6, 6))):
        shop.order(f"o{place}", "1", at=datetime(day.year, day.month, day.day, 9, tzinfo=UTC))
    sync(shop)
    assert listed(db) == {date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1)}
    assert sum(cell[0] for cell in told(OPERATOR).values()) == 3
