"""6,919 purchases that nobody here made: mirror, revenue and the leads made of them equal what pandas counts in the raw file."""

from datetime import timedelta
from decimal import Decimal

import pandas as pd
import pytest
from sqlalchemy import text

import crm.records  # noqa: F401 - the write path knows every type
from crm.access import OPERATOR, acting_as
from crm.changes import Edit, apply
from crm.clock import now
from crm.customers.sync import sync
from tests.connectors import cdnow
from tests.connectors.test_stand_in import reader, standing_in
from tests.db.mirror import agrees, give_markets

pytestmark = pytest.mark.skipif(not cdnow.SAMPLE.exists(), reason="the sample is not beside the repository")

RECENT = pd.Timestamp("1998-04-01", tz="UTC")


@pytest.fixture(scope="module")
def raw():
    found = cdnow.frame()
    found["cents"] = (found["dollars"].astype(float) * 100).round().astype(int)
    found["month"] = found["at"].dt.strftime("%Y-%m")
    return found


@pytest.fixture(scope="module")
def mirrored(module_db, module_cast):
    """Read through the connector; everybody who bought since 1 April 1998 is to become a lead of Gulf."""
    give_markets(module_db, module_cast)
    days = (now() - RECENT.to_pydatetime()) // timedelta(days=1)
    with acting_as(OPERATOR) as session:
        rule = {"name": "Bought lately", "segment": "B2C", "ordered_within_days": 3660, "team_id": module_cast.teams["Gulf"]}
        rule_id = apply(session, [Edit("lead_rule", None, rule)], source="test", on_conflict="refuse").results[0].record_id
    with module_db.owner().begin() as connection:  # the purchases are older than any rule looks back
        connection.execute(text("alter table crm.lead_rules drop constraint ck_lead_rules_ordered_within_days"))
        connection.execute(text("update crm.lead_rules set ordered_within_days = :d, version = version + 1 where id = :id"), {"d": days, "id": rule_id})
    with standing_in(cdnow.questions()) as server:
        done = sync(reader(server))
        again = sync(reader(server), kind="full")
    return done, again


def test_counts_equal_the_file_and_a_second_run_changes_nothing(module_db, mirrored, raw):
    done, again = mirrored
    assert (done.counts["customers_read"], done.counts["orders_read"]) == (raw["customer"].nunique(), len(raw)) == (2_357, 6_919)
    assert module_db.value("select count(*) from crm.customers") == 2_357 and module_db.value("select count(*) from crm.orders") == 6_919
    assert [again.counts[name] for name in ("customers_changed", "orders_changed", "leads_created", "leads_changed")] == [0, 0, 0, 0]
    agrees(module_db)


def test_revenue_per_customer_and_month_equals_pandas_to_the_cent(module_db, mirrored, raw):
    expected = {(str(int(customer)), month): int(cents) for (customer, month), cents in raw.groupby(["customer", "month"])["cents"].sum().items()}
    found = module_db.rows("""
        select c.external_id, to_char(o.ordered_at, 'YYYY-MM') as month, sum(o.amount_usd) as usd
        from crm.orders as o join crm.customers as c on c.id = o.customer_id group by 1, 2
    """)
    assert {(row["external_id"], row["month"]): int(row["usd"] * 100) for row in found} == expected


def test_each_customers_totals_equal_pandas(module_db, mirrored, raw):
    expected = {
        str(int(customer)): (len(part), int(part["cents"].sum()), part["at"].min(), part["at"].max()) for customer, part in raw.groupby("customer")
    }  # fmt: skip
    found = module_db.rows("select external_id, orders, lifetime_usd, first_order_at, last_order_at from crm.customers")
    assert {
        row["external_id"]: (row["orders"], int(row["lifetime_usd"] * 100), pd.Timestamp(row["first_order_at"]), pd.Timestamp(row["last_order_at"]))
        for row in found
    } == expected


def test_the_leads_made_are_those_who_bought_in_time_each_with_its_figures(module_db, mirrored, raw):
    since = pd.Timestamp(now() - timedelta(days=(now() - RECENT.to_pydatetime()) // timedelta(days=1)))
    recent = raw[raw["at"] >= since]
    expected = {str(int(customer)): (len(part), int(part["cents"].sum())) for customer, part in recent.groupby("customer")}
    lifetime = {str(int(customer)): Decimal(int(cents)) / 100 for customer, cents in raw.groupby("customer")["cents"].sum().items()}
    found = module_db.rows("""
        select c.external_id, l.lifetime_usd, r.text, r.order_ids from crm.lead_reasons as r
        join crm.leads as l on l.id = r.lead_id join crm.customers as c on c.id = r.customer_id
    """)
    assert {row["external_id"] for row in found} == set(expected) and len(found) == len(expected) == mirrored[0].counts["leads_created"] > 100
    for row in found:
        orders, cents = expected[row["external_id"]]
        noun = "order" if orders == 1 else "orders"
        assert row["text"].startswith(f"{orders:,} {noun} worth ${Decimal(cents) / 100:,.0f} in the last ")
        assert row["lifetime_usd"] == lifetime[row["external_id"]] and len(row["order_ids"]) == min(orders, 20)
