"""Customers: found by what they ordered and whether anybody called, opened with their orders, made into leads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text

from crm.access import as_system
from tests.pages.parts import press, said

PAGE = "pages/customers.py"
CUSTOMER = text("""
    insert into crm.customers (external_id, name, market, segment, team_id, orders, lifetime_usd, last_order_at, last_contacted_at, company_id)
    values (:name, :name, :market, :segment, :team, 1, :usd, now() - make_interval(days => :days), :contacted, :company) returning id
""")
ORDER = text("""
    insert into crm.orders (external_id, customer_id, ordered_at, amount, currency, amount_usd, status, team_id)
    values ('o' || :id, :id, now() - interval '6 days', 3200, 'AED', 871.34, 'completed', :team)
""")


@pytest.fixture
def shop(cast: Any) -> dict[str, int]:
    """Two customers of the Gulf, one that stopped, one of the Levant."""
    made = {}
    with as_system() as session:
        for name, team, segment, usd, days in (
            ("Sahara Cash & Carry", "Gulf", "B2B", 4120, 6), ("Corniche Kiosk", "Gulf", "B2C", 90, 20), ("Old Harbour", "Gulf", "B2B", 9000, 200),
            ("Byblos Stores", "Levant", "B2B", 700, 2),
        ):  # fmt: skip
            made[name] = session.scalar(CUSTOMER, {
                "name": name, "market": "AE", "segment": segment, "team": cast.teams[team], "usd": usd, "days": days, "contacted": None, "company": None,
            })  # fmt: skip
            session.execute(ORDER, {"id": made[name], "team": cast.teams[team]})
    return made


def shown(page: Any) -> list[str]:
    """The names in the table, in order."""
    (table,) = page.get("bidi_component")
    return [row["name"] for row in json.loads(table.proto.json or table.proto.mixed.json)["rows"]]


def test_the_list_holds_the_teams_customers_newest_order_first(visit: Any, shop: Any) -> None:
    page = visit("ana", PAGE)
    assert not page.exception
    assert "3 customers" in said(page)
    assert shown(page) == ["Sahara Cash & Carry", "Corniche Kiosk", "Old Harbour"]


def test_another_teams_customers_are_not_there(visit: Any, shop: Any) -> None:
    assert shown(visit("carla", PAGE)) == ["Byblos Stores"]


def test_one_click_finds_who_ordered_and_heard_nothing(visit: Any, shop: Any) -> None:
    page = visit("ana", PAGE)
    page = visit("ana", PAGE, view="Ordered 90 d, not contacted")
    assert shown(page) == ["Sahara Cash & Carry", "Corniche Kiosk"]


def test_filters_and_order_come_from_the_address(visit: Any, shop: Any) -> None:
    assert shown(visit("ana", PAGE, segment="B2B")) == ["Sahara Cash & Carry", "Old Harbour"]
    assert shown(visit("ana", PAGE, sort="Highest lifetime"))[0] == "Old Harbour"
    assert shown(visit("ana", PAGE, q="corn")) == ["Corniche Kiosk"]


@pytest.mark.parametrize(
    "query", [{"view": "x"}, {"market": "'; drop"}, {"sort": "-id"}, {"page": "-5"}, {"page": "99999999999999999999"}, {"q": "%_\\"}, {"lead": "\x00"}]
)
def test_an_address_that_makes_no_sense_is_no_trouble(visit: Any, shop: Any, query: dict[str, str]) -> None:
    assert not visit("ana", PAGE, **query).exception


def test_nobody_without_the_grant_sees_it(visit: Any, shop: Any, db: Any) -> None:
    with db.owner().begin() as connection:
        connection.exec_driver_sql("delete from crm.grants where resource = 'customer'")
        connection.exec_driver_sql("update crm.access_stamps set version = version + 1")
    page = visit("ana", PAGE)
    assert "Sahara" not in said(page) and not page.get("bidi_component")


def test_a_customer_opens_with_its_orders_and_becomes_a_lead(look: Any, shop: Any, db: Any) -> None:
    script = f"from crm.ui.customers import dialog; dialog.open_for({shop['Sahara Cash & Carry']}, {{'AE': 'Emirates'}})"
    page = look(script, "ana").run()
    assert not page.exception
    for words in ("Sahara Cash &amp; Carry", "Emirates", "1 order, $4,120", "AED 3,200", "$871"):
        assert words in said(page)
    press(page, f"customer.make.{shop['Sahara Cash & Carry']}")
    assert db.value("select name from crm.leads where company_id = (select company_id from crm.customers where name like 'Sahara%')") == "Sahara Cash & Carry"


def test_a_hidden_customer_says_nothing(look: Any, shop: Any) -> None:
    page = look(f"from crm.ui.customers import dialog; dialog.open_for({shop['Byblos Stores']}, {{}})", "ana").run()
    assert "This customer is not here." in said(page) and "Byblos" not in said(page)
