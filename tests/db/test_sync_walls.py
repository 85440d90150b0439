"""Nobody but the machinery writes the mirror, and nobody but it counts anew."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from crm.access import OPERATOR, acting_as, as_system, writing
from tests.db.mirror import give_markets
from tests.db.production import Memory

MIRROR = ("customers", "orders", "sync_runs", "alarms", "lead_reasons")
WRITES = {
    "customers": ("insert into crm.customers (external_id, name) values ('x', 'x')", "update crm.customers set name = 'x'"),
    "orders": (
        "insert into crm.orders (external_id, customer_id, ordered_at, amount, currency) values ('x', 1, now(), 1, 'USD')",
        "update crm.orders set amount = 0",
    ),
    "sync_runs": ("insert into crm.sync_runs (kind) values ('full')", "update crm.sync_runs set state = 'done'"),
    "alarms": ("insert into crm.alarms (kind, text) values ('x', 'x')", "update crm.alarms set resolved_at = now()"),
    "lead_reasons": ("insert into crm.lead_reasons (lead_id, text, order_ids) values (1, 'x', '{}')", "update crm.lead_reasons set text = 'x'"),
}
COUNTING = (
    "select crm.refresh_customer_totals('{1}')", "select crm.refresh_leads_of_customers('{1}')", "select crm.link_customers()",
    "select crm.refresh_lead_orders('{1}')",
)  # fmt: skip


@pytest.fixture(scope="module")
def filled(module_db, module_cast):
    from crm.customers.sync import sync

    give_markets(module_db, module_cast, is_rule_active=True)
    shop = Memory()
    shop.customer("1")
    shop.order("o1", "1")
    sync(shop)
    with module_db.owner().begin() as connection:
        connection.execute(text("insert into crm.alarms (kind, text) values ('test', 'test')"))
    return module_db


def refused(session, statement):
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(text(statement))


@pytest.mark.parametrize("statement", [*(one for table in MIRROR for one in WRITES[table]), *COUNTING, *(f"delete from crm.{table}" for table in MIRROR)])
def test_no_person_writes_the_mirror_whatever_they_may(filled, module_cast, statement):
    for person in (module_cast.who("alma"), module_cast.who("ana"), OPERATOR):
        with acting_as(person) as session:
            refused(session, statement)
            if person.reach("settings", "configure").everywhere:
                with writing(session, "settings", "configure"):
                    refused(session, statement)


@pytest.mark.parametrize("table", MIRROR)
def test_the_machinery_removes_nothing_from_the_mirror_either(filled, table):
    with as_system() as session:
        refused(session, f"delete from crm.{table}")


@pytest.mark.parametrize("statement", ["select * from crm.leads", "select * from crm.companies", "insert into crm.leads (name) values ('x')"])
def test_the_machinery_reads_and_writes_no_lead(filled, statement):
    with as_system() as session:
        refused(session, statement)
