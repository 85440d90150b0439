"""The demo's production: the same from the same seed, and time only adds to it."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from crm.demo.buyers import Known, buyers
from crm.demo.organisation import TEAMS
from crm.demo.production import DemoProduction
from crm.demo.rates import WEEKS, monday, weekly_rates

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
EVER = datetime(1970, 1, 1, tzinfo=UTC)
MARKETS = [market for team in TEAMS for market in team.markets[0]]


def company(number, won_days=None, churned_days=None):
    def ago(days):
        return None if days is None else NOW - timedelta(days=days)

    return Known(f"Company {number}", MARKETS[number % 11], f"info@company-{number}.example", None, NOW - timedelta(days=600), ago(won_days), ago(churned_days))


KNOWN = [
    *(company(number, won_days=20 + number) for number in range(400)),
    *(company(number, churned_days=50 + number // 4) for number in range(400, 500)),
    *(company(number) for number in range(500, 900)),
]


@pytest.fixture(scope="module")
def production():
    return DemoProduction(7, monday(NOW.date()) - timedelta(weeks=WEEKS), list(buyers(KNOWN, seed=7, now=NOW)))


def by_id(rows):
    return {row["id"]: row for row in rows}


def test_the_same_seed_gives_the_same_production(production):
    again = DemoProduction(7, production.rates_begin, list(buyers(KNOWN, seed=7, now=NOW)))
    assert again.buyers == production.buyers
    assert list(again.orders(EVER, NOW)) == list(production.orders(EVER, NOW))


def test_another_seed_gives_another(production):
    other = list(buyers(KNOWN, seed=8, now=NOW))
    assert {buyer.usd for buyer in other} != {buyer.usd for buyer in production.buyers}


def test_it_is_read_back_as_it_was_written(production, tmp_path):
    production.write(tmp_path)
    found = DemoProduction.read(tmp_path)
    assert (found.seed, found.rates_begin, list(found.buyers)) == (production.seed, production.rates_begin, list(production.buyers))


def test_every_active_account_buys_and_some_others_do(production):
    names = {buyer.name for buyer in production.buyers}
    assert {known.name for known in KNOWN if known.won_at} <= names
    others = sum(known.name in names for known in KNOWN if not known.won_at and not known.churned_at)
    assert 0 < others < 100


def test_time_only_adds_orders_and_moves_their_status_on(production):
    before, after = by_id(production.orders(EVER, NOW)), by_id(production.orders(EVER, NOW + timedelta(days=30)))
    assert before.keys() < after.keys()
    for number, row in before.items():
        later = after[number]
        assert {name: later[name] for name in ("customer_id", "ordered_at", "amount", "currency")} == {
            name: row[name] for name in ("customer_id", "ordered_at", "amount", "currency")
        }
        if later["status"] != row["status"]:
            assert row["status"] == "placed" and later["updated_at"] > row["updated_at"]


def test_a_difference_holds_exactly_what_came_or_changed_since(production):
    then = NOW - timedelta(days=3)
    before, now = by_id(production.orders(EVER, then)), by_id(production.orders(EVER, NOW))
    changed = {number: row for number, row in now.items() if before.get(number) != row}
    assert by_id(production.orders(then, NOW)) == changed
    assert len(changed) > 20


def test_nothing_lies_in_the_future_and_orders_belong_to_customers_who_have_joined(production):
    customers = by_id(production.customers(EVER, NOW))
    for row in production.orders(EVER, NOW):
        assert row["ordered_at"] <= row["updated_at"] <= NOW.isoformat()
        assert customers[row["customer_id"]]["updated_at"] <= row["ordered_at"]


def test_new_customers_appear_as_time_goes_on(production):
    assert list(production.customers(NOW, NOW + timedelta(days=60)))


def test_totals_are_believable(production):
    customers, orders = by_id(production.customers(EVER, NOW)), list(production.orders(EVER, NOW))
    statuses = Counter(row["status"] for row in orders)
    assert 6 < len(orders) / len(customers) < 16
    assert 0.02 < statuses["cancelled"] / len(orders) < 0.04
    assert 0.01 < statuses["refunded"] / len(orders) < 0.03
    assert {customer["market"] for customer in customers.values()} == set(MARKETS)
    assert {"B2B", "B2C"} == {customer["segment"] for customer in customers.values()}
    assert len({row["currency"] for row in orders}) >= 11
    assert all(row["amount"] > 0 for row in orders)


def test_some_b2b_customers_with_recent_orders_have_no_lead_yet(production):
    known = {company.name for company in KNOWN}
    recent = {row["customer_id"] for row in production.orders(NOW - timedelta(days=120), NOW)}
    strangers = [buyer for buyer in production.buyers if buyer.name not in known and buyer.segment == "B2B"]
    assert 5 < sum(buyer.id in recent for buyer in strangers) < len(strangers)


def test_past_rates_stay_what_they_were_and_are_the_demos_own(production):
    demo = {(currency, day.isoformat()): rate for currency, day, rate in weekly_rates(7, NOW.date())}
    later = {(row["currency"], row["day"]): row["usd_per_unit"] for row in production.rates(EVER, NOW + timedelta(days=40))}
    assert demo.items() <= later.items() and len(later) > len(demo)


def test_a_difference_of_rates_begins_with_the_one_that_holds(production):
    since = NOW - timedelta(days=3)
    found = [row["day"] for row in production.rates(since, NOW) if row["currency"] == "EUR"]
    assert found == [monday(since.date()).isoformat()]
