"""Neglected customers and revenue by market: figures from the mirror, within each person's reach, now and as of a past day."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from crm.access import OPERATOR
from crm.errors import Invalid, Refused
from crm.reports.use_cases import run

NOW = datetime.now(UTC).replace(microsecond=0)


def days_ago(days):
    return NOW - timedelta(days=days)


@pytest.fixture
def mirror(db, cast):
    """Customers in two markets with their orders: (days ago, amount, currency, USD, counted)."""
    told = {
        "Al Noor Trading": ("AE", "Gulf", [(10, 100, "AED", 27, True), (400, 200, "AED", 54, True), (5, 999, "AED", 272, False)]),
        "Sahara Cash": ("AE", "Gulf", [(30, 1000, "USD", 1000, True)]),
        "Old Friend": ("AE", "Gulf", [(200, 50, "USD", 50, True)]),
        "Nile Mart": ("EG", "Levant", [(20, 500, "EGP", None, True), (21, 300, "EUR", 330, True)]),
    }
    ids = {}
    with db.owner().begin() as connection:
        for name, (market, team, orders) in told.items():
            counted = [order for order in orders if order[4]]
            ids[name] = connection.scalar(
                text("""insert into crm.customers (external_id, name, market, segment, team_id, first_order_at, last_order_at, orders, lifetime_usd)
                    values (:n, :n, :m, 'B2B', :t, :first, :last, :k, :usd) returning id"""),
                {"n": name, "m": market, "t": cast.teams[team], "first": days_ago(max(o[0] for o in counted)), "last": days_ago(min(o[0] for o in counted)),
                 "k": len(counted), "usd": sum(o[3] or 0 for o in counted)},
            )  # fmt: skip
            for place, (ago, amount, currency, usd, is_counted) in enumerate(orders):
                connection.execute(
                    text("""insert into crm.orders (external_id, customer_id, ordered_at, amount, currency, amount_usd, is_counted, market, team_id)
                        values (:x, :c, :at, :a, :cur, :usd, :counted, :m, :t)"""),
                    {"x": f"{name}-{place}", "c": ids[name], "at": days_ago(ago), "a": amount, "cur": currency, "usd": usd, "counted": is_counted,
                     "m": market, "t": cast.teams[team]},
                )  # fmt: skip
        connection.execute(
            text("insert into crm.sync_runs (kind, state, started_at, finished_at) values ('full', 'done', now() - interval '4 minutes', now())")
        )
    return ids


def link(db, customer_id, lead_id):
    """The customer is the company of this lead, which gets one where it had none."""
    with db.owner().begin() as connection:
        company = connection.scalar(text("insert into crm.companies (name) values ('linked') returning id"))
        connection.execute(text("update crm.leads set company_id = :c, version = version + 1 where id = :l"), {"c": company, "l": lead_id})
        connection.execute(text("update crm.customers set company_id = :c where id = :id"), {"c": company, "id": customer_id})


def neglected(person, as_of=None, **filters):
    return [row["customer"] for row in run(person, "neglected_customers", filters, as_of).rows]


def call(db, cast, who, lead, ago):
    with db.owner().begin() as connection:
        connection.execute(
            text("insert into crm.activities (lead_id, person_id, kind, happened_at) values (:l, :p, 'call', :at)"),
            {"l": cast.leads[lead], "p": cast.people[who], "at": days_ago(ago)},
        )


def test_who_ordered_lately_and_was_not_contacted_largest_first(db, cast, mirror):
    assert neglected(OPERATOR) == ["Sahara Cash", "Nile Mart", "Al Noor Trading"]


def test_days_say_what_lately_is(db, cast, mirror):
    assert neglected(OPERATOR, days="15") == ["Al Noor Trading"]
    assert neglected(OPERATOR, days="365") == ["Sahara Cash", "Nile Mart", "Al Noor Trading", "Old Friend"]


def test_a_call_after_the_order_takes_a_customer_off_and_one_before_does_not(db, cast, mirror):
    link(db, mirror["Al Noor Trading"], cast.leads["Al Noor Trading"])
    call(db, cast, "ana", "Al Noor Trading", 12)
    assert "Al Noor Trading" in neglected(OPERATOR)
    call(db, cast, "ana", "Al Noor Trading", 1)
    assert "Al Noor Trading" not in neglected(OPERATOR)


def test_as_of_a_past_day_the_later_call_had_not_happened(db, cast, mirror):
    link(db, mirror["Al Noor Trading"], cast.leads["Al Noor Trading"])
    call(db, cast, "ana", "Al Noor Trading", 1)
    assert "Al Noor Trading" in neglected(OPERATOR, days_ago(3).date())
    assert neglected(OPERATOR, days_ago(15).date()) == ["Sahara Cash", "Nile Mart"]


def test_a_team_sees_customers_of_its_markets_only(db, cast, mirror):
    assert neglected(cast.who("ana")) == ["Sahara Cash", "Al Noor Trading"]
    assert neglected(cast.who("carla")) == ["Nile Mart"]
    assert {row["market"] for row in run(cast.who("carla"), "revenue_by_market", {}).rows} == {"EG"}


def test_who_sees_their_own_only_sees_customers_of_their_own_leads(db, cast, mirror):
    link(db, mirror["Nile Mart"], cast.leads["Petra Supplies"])
    bruno = cast.who("bruno")
    own = replace(bruno, memberships=tuple(replace(m, grants={**m.grants, ("customer", "view"): "own"}) for m in bruno.memberships), _reaches={}, views={})
    assert neglected(own) == ["Nile Mart"]
    assert {row["market"] for row in run(own, "revenue_by_market", {}).rows} == {"EG"}


def test_without_the_grant_to_see_customers_the_report_names_it(db, cast, mirror):
    ana = cast.who("ana")
    blind = replace(ana, memberships=tuple(replace(m, grants={**m.grants, ("customer", "view"): "none"}) for m in ana.memberships), _reaches={}, views={})
    with pytest.raises(Refused, match="customer: view"):
        run(blind, "neglected_customers", {})


def test_revenue_in_own_currency_and_in_usd_leaves_out_what_was_cancelled(db, cast, mirror):
    rows = run(OPERATOR, "revenue_by_market", {"from": days_ago(60).date().isoformat()}).rows
    sums = {}
    for row in rows:
        amount, usd, unconverted = sums.get((row["market"], row["currency"]), (0, 0, 0))
        sums[row["market"], row["currency"]] = (amount + row["amount"], usd + row["revenue_usd"], unconverted + row["unconverted"])
    assert sums == {("AE", "AED"): (100, 27, 0), ("AE", "USD"): (1000, 1000, 0), ("EG", "EGP"): (500, 0, 1), ("EG", "EUR"): (300, 330, 0)}


def test_revenue_of_one_market(db, cast, mirror):
    found = run(OPERATOR, "revenue_by_market", {"market": "eg"})
    assert {row["market"] for row in found.rows} == {"EG"}
    assert sum(row["revenue_usd"] for row in found.rows) == Decimal(330)


def test_a_month_begins_in_the_reporting_time_zone(db, cast, mirror):
    with db.owner().begin() as connection:
        connection.execute(text("update crm.orders set ordered_at = '2026-01-31 22:30+00' where external_id = 'Sahara Cash-0'"))
        connection.execute(text("update crm.organisation_settings set value = '\"Asia/Dubai\"', version = version + 1 where key = 'reporting_time_zone'"))
    from crm.ledger.fold import fold

    fold()
    rows = run(OPERATOR, "revenue_by_market", {"from": "2026-02-01", "to": "2026-02-28"}).rows
    assert [(row["month"], row["orders"]) for row in rows if row["currency"] == "USD"] == [(date(2026, 2, 1), 1)]


def test_how_old_the_mirror_is_stands_beside_the_figures(db, cast, mirror):
    found = run(OPERATOR, "neglected_customers", {})
    assert 230 < found.data_age_seconds < 300
    assert found.states()[-1] == "Orders were read from production 4 min ago."


def test_a_mirror_that_was_never_read_says_so(db, cast):
    found = run(OPERATOR, "revenue_by_market", {})
    assert (found.rows, found.data_age_seconds) == ([], None)
    assert found.states()[-1] == "Orders have not been read from production yet."


@pytest.mark.parametrize("filters", [{"days": "0"}, {"days": "-1"}, {"days": "1e9"}, {"days": "²"}, {"days": "999999"}, {"market": "Egypt"}, {"market": "';"}])
def test_filters_that_make_no_sense_are_refused(db, cast, filters):
    with pytest.raises(Invalid):
        run(OPERATOR, "neglected_customers", filters)


def test_customers_that_began_together_and_when_they_ordered_again(db, cast):
    """Two first ordered in January: one again in March; one in February, and again in March."""
    told = {"Noor": ("Gulf", ["2026-01-03", "2026-01-20", "2026-03-05"]), "Sahara": ("Gulf", ["2026-01-31"]), "Petra": ("Levant", ["2026-02-01", "2026-03-01"])}
    with db.owner().begin() as connection:
        for name, (team, days) in told.items():
            customer = connection.scalar(
                text(
                    "insert into crm.customers (external_id, name, team_id, first_order_at) values (:n, :n, :t, cast(:d as date) + time '09:00') returning id"
                ),
                {"n": name, "t": cast.teams[team], "d": days[0]},
            )
            for day in days:
                connection.execute(
                    text("""insert into crm.orders (external_id, customer_id, ordered_at, amount, currency, amount_usd, team_id)
                        values (:x, :c, cast(:d as date) + time '09:00', 10, 'USD', 10, :t)"""),
                    {"x": f"{name} {day}", "c": customer, "d": day, "t": cast.teams[team]},
                )

    def cohorts(person=OPERATOR, **filters):
        rows = run(person, "customer_cohorts", {"from": "2026-01-01", "to": "2026-03-31", **filters}, date(2026, 3, 31)).rows
        return [(f"{row['cohort']:%m}", row["months_since"], row["customers"], row["ordering"], row["orders"], int(row["revenue_usd"])) for row in rows]

    assert cohorts() == [("01", 0, 2, 2, 3, 30), ("01", 1, 2, 0, 0, 0), ("01", 2, 2, 1, 1, 10), ("02", 0, 1, 1, 1, 10), ("02", 1, 1, 1, 1, 10)]
    assert cohorts(cast.who("carla")) == cohorts(team="Levant") == [("02", 0, 1, 1, 1, 10), ("02", 1, 1, 1, 1, 10)]


def test_a_long_list_keeps_the_largest_and_says_how_many_there_are(db, cast, mirror):
    with db.owner().begin() as connection:
        connection.execute(
            text("""insert into crm.customers (external_id, name, market, team_id, last_order_at, orders, lifetime_usd)
                select 'n' || n, 'Shop ' || n, 'AE', :t, now() - interval '2 days', 1, n from generate_series(1, 5100) as n"""),
            {"t": cast.teams["Gulf"]},
        )
    rows = run(OPERATOR, "neglected_customers", {}).rows
    assert (len(rows), {row["in_all"] for row in rows}) == (5000, {5103})
    assert rows[0]["lifetime_usd"] == 5100 and min(row["lifetime_usd"] for row in rows) == 103
    assert {row["in_all"] for row in run(OPERATOR, "neglected_customers", {"market": "EG"}).rows} == {1}
