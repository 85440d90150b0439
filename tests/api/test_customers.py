"""Customers and orders over the API: read-only, in one's own reach, page by page."""

import pytest
from sqlalchemy import text

from crm.access import as_system


@pytest.fixture
def shop(cast):
    """Three customers of the Gulf and one of the Levant, each with two orders; answers ids by name."""
    made = {}
    with as_system() as session:
        for place, (name, team) in enumerate((("Sahara", "Gulf"), ("Kiosk", "Gulf"), ("Harbour", "Gulf"), ("Byblos", "Levant"))):
            made[name] = session.scalar(
                text("""
                    insert into crm.customers (external_id, name, market, segment, team_id, orders, lifetime_usd, last_order_at)
                    values (:n, :n, 'AE', :s, :t, 2, :usd, case when :d <> 2 then now() - make_interval(days => :d) end) returning id
                """),
                {"n": name, "s": "B2B" if place % 2 else "B2C", "t": cast.teams[team], "usd": 100 + place, "d": place},
            )
            for nth in range(2):
                session.execute(
                    text("""
                        insert into crm.orders (external_id, customer_id, ordered_at, amount, currency, amount_usd, team_id)
                        values (:k, :c, now() - make_interval(days => :d), 3200, 'AED', 871.34, :t)
                    """),
                    {"k": f"{name}{nth}", "c": made[name], "d": place + nth, "t": cast.teams[team]},
                )
    return made


def names(rows):
    return [row["name"] for row in rows]


@pytest.mark.parametrize("sort", ["-last_order_at", "last_order_at", "-lifetime_usd", "lifetime_usd", "name", "-name"])
def test_each_order_pages_through_exactly_ones_own(api, shop, sort):
    whole = names(api("ana").rows("/customers", sort=sort))
    assert names(api("ana").rows("/customers", sort=sort, limit=1)) == whole
    assert set(whole) == {"Sahara", "Kiosk", "Harbour"}


def test_filters_narrow_the_list(api, shop):
    assert names(api("ana").rows("/customers", segment="B2B")) == ["Kiosk"]
    assert names(api("ana").rows("/customers", ordered_days=90, contacted="false")) == ["Sahara", "Kiosk"]
    assert names(api("ana").rows("/customers", not_ordered_days=30)) == ["Harbour"]
    assert names(api("ana").rows("/customers", q="har", market="ae", has_lead="false")) == ["Sahara", "Harbour"]


def test_a_customer_and_its_orders_say_their_currency(api, shop):
    path = f"/customers/{shop['Sahara']}"
    body = api("ana").get(path).json()
    assert (body["lifetime_usd"], body["market"], body["lead"], body["has_lead"]) == ({"amount": "100.00", "currency": "USD"}, "AE", None, False)
    orders = api("ana").rows(f"{path}/orders", limit=1)
    assert [order["external_id"] for order in orders] == ["Sahara0", "Sahara1"]
    assert (orders[0]["amount"], orders[0]["amount_usd"]["amount"]) == ({"amount": "3200.00", "currency": "AED"}, "871.34")


def test_another_teams_customer_and_its_orders_are_not_found(api, shop):
    for path in (f"/customers/{shop['Byblos']}", f"/customers/{shop['Byblos']}/orders", "/customers/999999"):
        assert api("ana").get(path).status_code == 404


def test_a_lead_shows_its_companys_orders_to_whoever_sees_it(api, cast, db, shop, petra):
    with db.owner().begin() as connection:
        company = connection.scalar(text("insert into crm.companies (name) values ('Petra LLC') returning id"))
        connection.execute(text("update crm.leads set company_id = :c, version = 2 where id = :l"), {"c": company, "l": cast.leads["Petra Supplies"]})
        connection.execute(text("update crm.customers set company_id = :c where id = :id"), {"c": company, "id": shop["Byblos"]})
    assert [order["external_id"] for order in api("ana").rows(f"{petra}/orders", limit=1)] == ["Byblos0", "Byblos1"]
    assert api("carla").get(f"{petra}/orders").status_code == 404
    seen = api("carla").get(f"/customers/{shop['Byblos']}").json()
    assert (seen["lead"], seen["has_lead"], seen["company"]["name"]) == (None, True, None)


def test_without_the_grant_there_are_no_customers(api, db, shop):
    with db.owner().begin() as connection:
        connection.exec_driver_sql("delete from crm.grants where resource = 'customer'")
    for path in ("/customers", f"/customers/{shop['Sahara']}", f"/customers/{shop['Sahara']}/orders"):
        answer = api("ana").get(path)
        assert (answer.status_code, answer.json()["grant"]) == (403, "customer: view")


@pytest.mark.parametrize(
    "params", [{"ordered_days": 0}, {"ordered_days": "many"}, {"not_contacted_days": 10**9}, {"sort": "id"}, {"contacted": "x"}, {"cursor": "abc"}, {"days": 3}]
)
def test_a_parameter_that_makes_no_sense_is_refused_in_words(api, params):
    answer = api("ana").get("/customers", **params)
    assert answer.status_code == 422, answer.text


def test_customers_are_facts_that_nobody_writes(api, http, shop):
    for method in ("POST", "PATCH", "DELETE", "PUT"):
        assert http.request(method, f"/v1/customers/{shop['Sahara']}", headers=api("alma").headers).status_code == 405
