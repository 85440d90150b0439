"""Customers and their orders as lists and details: who sees them, in which order, and how one becomes a lead."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from crm.access import acting_as, as_system
from crm.activities.use_cases import add_activity
from crm.changes import undo
from crm.clock import now
from crm.customers import reads
from crm.customers.reads import CustomerFilter
from crm.customers.use_cases import make_lead
from crm.errors import Invalid, NotFound, Refused
from crm.people.use_cases import role_id
from crm.roles.reads import one_role
from crm.roles.use_cases import role_edits, save_role

DAYS = {"Sahara": 6, "Kiosk": 20, "Harbour": 200, "Byblos": 2, "Silent": None}


@pytest.fixture
def shop(db, cast):
    """Customers of two teams with orders in AED; Kiosk's company is Petra's, Silent never ordered."""
    made = {}
    with db.owner().begin() as connection:
        company = connection.scalar(text("insert into crm.companies (name, team_id) values ('Petra LLC', :t) returning id"), {"t": cast.teams["Gulf"]})
        connection.execute(text("update crm.leads set company_id = :c, version = version + 1 where id = :l"), {"c": company, "l": cast.leads["Petra Supplies"]})
    with as_system() as session:
        for place, (name, days) in enumerate(DAYS.items()):
            team = cast.teams["Levant" if name == "Byblos" else "Gulf"]
            made[name] = session.scalar(
                text("insert into crm.customers (external_id, name, market, segment, team_id, company_id) values (:n, :n, 'AE', :s, :t, :c) returning id"),
                {"n": name, "s": "B2C" if name == "Kiosk" else "B2B", "t": team, "c": company if name == "Kiosk" else None},
            )
            for nth in range(2 if days else 0):
                session.execute(
                    text("insert into crm.orders (external_id, customer_id, ordered_at, amount, currency, amount_usd, team_id, is_counted, status)"
                         " values (:k, :c, now() - make_interval(days => :d), 100, 'AED', :usd, :t, :counted, :status)"),
                    {"k": f"{name}{nth}", "c": made[name], "d": days + nth * 40, "usd": 27 * (place + 1), "t": team, "counted": nth == 0 or name != "Harbour",
                     "status": "completed"},
                )  # fmt: skip
        session.execute(text("select crm.refresh_customer_totals(:ids)"), {"ids": list(made.values())})
    return made


def names(rows):
    return [row["name"] for row in rows]


def listed(cast, who, wanted=None, **options):
    with acting_as(cast.who(who)) as session:
        return names(reads.list_customers(session, wanted or CustomerFilter(), **options))


def test_each_team_sees_its_markets_customers_and_the_admin_all(cast, shop):
    assert listed(cast, "ana") == ["Sahara", "Kiosk", "Harbour", "Silent"]
    assert listed(cast, "carla") == ["Byblos"]
    assert listed(cast, "alma") == ["Byblos", "Sahara", "Kiosk", "Harbour", "Silent"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (CustomerFilter(ordered_days=90), ["Sahara", "Kiosk"]), (CustomerFilter(not_ordered_days=90), ["Harbour", "Silent"]),
        (CustomerFilter(segments=("B2C",)), ["Kiosk"]), (CustomerFilter(markets=("AE",), q="har"), ["Sahara", "Harbour"]),
        (CustomerFilter(has_lead=True), ["Kiosk"]), (CustomerFilter(has_lead=False), ["Sahara", "Harbour", "Silent"]),
        (CustomerFilter(not_contacted_days=1), ["Sahara", "Kiosk", "Harbour", "Silent"]), (CustomerFilter(contacted=True), []), (CustomerFilter(q="%"), []),
    ],
)  # fmt: skip
def test_each_filter_narrows_the_list(cast, shop, wanted, found):
    assert listed(cast, "ana", wanted) == found
    with acting_as(cast.who("ana")) as session:
        assert reads.totals(session, wanted)[0] == len(found)


def test_a_call_takes_the_customer_off_the_neglected(cast, shop):
    neglected = CustomerFilter(ordered_days=90, contacted=False)
    assert listed(cast, "ana", neglected) == ["Sahara", "Kiosk"]
    with acting_as(cast.who("bruno")) as session:
        add_activity(session, cast.leads["Petra Supplies"], {"kind": "call"}, source="test")
    assert listed(cast, "ana", neglected) == ["Sahara"]
    assert listed(cast, "ana", CustomerFilter(contacted=True)) == ["Kiosk"]


@pytest.mark.parametrize("sort", reads.SORTS)
def test_pages_by_key_meet_each_customer_once(cast, shop, sort):
    whole = listed(cast, "alma", sort=sort)
    found, after = [], None
    with acting_as(cast.who("alma")) as session:
        while rows := reads.list_customers(session, CustomerFilter(), sort=sort, limit=2, after=after):
            found += names(rows)
            after = (rows[-1][sort.removeprefix("-")], rows[-1]["id"])
    assert found == whole and len(set(found)) == 5


def test_an_unknown_sort_is_refused_in_words(cast, shop):
    with pytest.raises(Invalid):
        listed(cast, "ana", sort="id; drop table")


def test_a_row_names_the_lead_in_sight_and_tells_of_one_out_of_sight(db, cast, shop):
    with acting_as(cast.who("ana")) as session:
        row = reads.customer(session, shop["Kiosk"])
    assert (row["lead"], row["has_lead"]) == ("Petra Supplies", True)
    with db.owner().begin() as connection:
        connection.execute(text("update crm.customers set team_id = :t where id = :id"), {"t": cast.teams["Levant"], "id": shop["Kiosk"]})
    with acting_as(cast.who("carla")) as session:
        row = reads.customer(session, shop["Kiosk"])
    assert (row["lead"], row["lead_id"], row["has_lead"]) == (None, None, True)


def test_orders_come_newest_first_in_their_own_currency_and_by_month(cast, shop):
    with acting_as(cast.who("ana")) as session:
        orders = reads.orders_of(session, "customer", shop["Sahara"])
        months = reads.months_of(session, "customer", shop["Sahara"], since=date(2000, 1, 1), time_zone="Asia/Dubai")
        assert reads.orders_of(session, "customer", shop["Byblos"]) == []
    assert [(row["amount"], row["currency"], row["amount_usd"]) for row in orders] == [(100, "AED", 27), (100, "AED", 27)]
    assert orders[0]["ordered_at"] > orders[1]["ordered_at"]
    assert sum(count for _, count, _ in months) == 2 and sum(usd for _, _, usd in months) == 54
    with acting_as(cast.who("ana")) as session:
        after = (orders[0]["ordered_at"], orders[0]["id"])
        assert [row["id"] for row in reads.orders_of(session, "customer", shop["Sahara"], after=after)] == [orders[1]["id"]]


def test_what_was_cancelled_is_listed_and_not_counted(cast, shop):
    with acting_as(cast.who("ana")) as session:
        assert len(reads.orders_of(session, "customer", shop["Harbour"])) == 2
        assert [count for _, count, _ in reads.months_of(session, "customer", shop["Harbour"], since=date(2000, 1, 1), time_zone="UTC")] == [1]


def test_a_lead_shows_its_companys_orders_to_whoever_sees_the_lead(cast, shop):
    lead = cast.leads["Petra Supplies"]
    with acting_as(cast.who("vera")) as session:
        assert len(reads.orders_of(session, "lead", lead)) == 2
        assert names(reads.customers_of_lead(session, lead)) == ["Kiosk"]
        assert sum(n for _, n, _ in reads.months_of(session, "lead", lead, since=now().date() - timedelta(days=90), time_zone="UTC")) == 2
    with acting_as(cast.who("carla")) as session:
        assert reads.orders_of(session, "lead", lead) == [] and reads.customers_of_lead(session, lead) == []
        assert reads.months_of(session, "lead", lead, since=date(2000, 1, 1), time_zone="UTC") == []


def test_a_customer_becomes_ones_own_lead_with_its_company_and_orders(db, cast, shop):
    with acting_as(cast.who("ana")) as session:
        done = make_lead(session, shop["Sahara"], source="test")
    (lead,) = db.rows("select * from crm.leads where id = :id", id=done.results[-1].record_id)
    (customer,) = db.rows("select * from crm.customers where id = :id", id=shop["Sahara"])
    assert (lead["name"], lead["owner_id"], lead["team_id"], lead["market"]) == ("Sahara", cast.people["ana"], cast.teams["Gulf"], "AE")
    assert lead["company_id"] == customer["company_id"] is not None
    assert (lead["lifetime_usd"], lead["last_order_at"]) == (customer["lifetime_usd"], customer["last_order_at"])
    assert db.value("select count(distinct change_set_id) from crm.changes where record_id in (:l) and record_type = 'lead'", l=lead["id"]) == 1
    with acting_as(cast.who("ana")) as session:
        undo(session, done.change_set_id)
        assert reads.customer(session, shop["Sahara"])["lead_id"] is None


def test_what_is_known_of_a_customer_comes_with_its_lead_also_where_a_role_closes_those_fields(db, cast, shop):
    with db.owner().begin() as connection:
        connection.execute(text("update crm.customers set phone = '123' where id = :id"), {"id": shop["Sahara"]})
    closed = {("lead", "source"): "read_only", ("lead", "phone"): "hidden", ("lead", "market"): "read_only", ("company", "market"): "read_only"}
    with acting_as(cast.who("alma")) as session:
        rep = one_role(session, role_id(session, "rep"))
        save_role(session, role_edits(rep, fields=closed), name="rep", source="test")
    with acting_as(cast.who("ana")) as session:
        done = make_lead(session, shop["Sahara"], source="test")
    found = db.rows("select source, phone, market from crm.leads where id = :id", id=done.results[-1].record_id)
    assert found == [{"source": "orders", "phone": "123", "market": "AE"}]


def test_a_customer_with_a_lead_gets_no_second_one_and_nothing_is_written(db, cast, shop):
    before = db.value("select count(*) from crm.changes")
    with acting_as(cast.who("ana")) as session:
        with pytest.raises(Invalid):
            make_lead(session, shop["Kiosk"], source="test")
        with pytest.raises(NotFound):
            make_lead(session, shop["Byblos"], source="test")
    with acting_as(cast.who("vera")) as session, pytest.raises(Refused):
        make_lead(session, shop["Sahara"], source="test")
    assert db.value("select count(*) from crm.changes") == before
    assert db.value("select company_id from crm.customers where id = :id", id=shop["Sahara"]) is None
