"""Customers who order and have no lead get one: by rule, once, with the reason, and not against a person's will."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

import crm.records  # noqa: F401 - the write path knows every type
from crm.access import OPERATOR, acting_as
from crm.changes import Edit, apply, undo
from crm.clock import now
from crm.customers.lead_making import make_leads
from crm.customers.sync import sync
from crm.leads.use_cases import create_lead, delete_leads
from tests.db.mirror import agrees, customer, give_markets, last_run
from tests.db.production import Memory

RULE = "Business customers who order"


@pytest.fixture
def shop(db, cast):
    """A business customer of Gulf's market with three orders in time and one before."""
    give_markets(db, cast, is_rule_active=True)
    found = Memory()
    found.customer("1", name="Shop One", email="one@demo.example", phone="+971 4 1")
    found.order("o0", "1", at=now() - timedelta(days=300))
    for number in (1, 2, 3):
        found.order(f"o{number}", "1", amount=Decimal("1373.40"), at=now() - timedelta(days=10 * number))
    return found


def made(db):
    return db.rows("""
        select l.*, r.text, r.order_ids, r.rule_id, r.customer_id, k.name as company, k.market as company_market, k.team_id as company_team_id
        from crm.lead_reasons as r join crm.leads as l on l.id = r.lead_id left join crm.companies as k on k.id = l.company_id order by l.id
    """)


def live(db):
    return [lead for lead in made(db) if lead["deleted_at"] is None]


def rule(session, **values):
    return apply(session, [Edit("lead_rule", None, {"name": "Another", "ordered_within_days": 120, **values})], source="test", on_conflict="refuse")


def test_a_business_customer_who_ordered_becomes_a_lead_that_says_why(db, cast, shop):
    done = sync(shop)
    (lead,) = made(db)
    assert (lead["name"], lead["team_id"], lead["stage_id"]) == ("Shop One", cast.teams["Gulf"], cast.stages["Gulf"]["Lead"])
    assert (lead["owner_id"], lead["market"], lead["email"], lead["phone"], lead["source"]) == (None, "AE", "one@demo.example", "+971 4 1", "orders")
    assert (lead["value_amount"], lead["company"], lead["company_market"], lead["company_team_id"]) == (None, "Shop One", "AE", cast.teams["Gulf"])
    assert lead["text"] == f"3 orders worth $4,120 in the last 120 days (rule: {RULE})"
    newest = db.rows("select id from crm.orders where external_id = any(array['o1', 'o2', 'o3']) order by ordered_at desc")
    assert lead["order_ids"] == [row["id"] for row in newest]
    assert (customer(db)["company_id"], lead["customer_id"]) == (lead["company_id"], customer(db)["id"])
    assert (lead["lifetime_usd"], lead["last_order_at"]) == (Decimal("4220.20"), customer(db)["last_order_at"])
    assert (done.counts["leads_created"], last_run(db)["leads_created"]) == (1, 1)
    sets = db.rows("select s.source, s.label, s.person_id from crm.change_sets as s where id = :id", id=done.change_set_id)
    assert sets == [{"source": "sync", "label": "Leads from orders", "person_id": None}]
    assert db.value("select count(*) from crm.changes where change_set_id = :id", id=done.change_set_id) == 2
    agrees(db)


def test_making_them_again_makes_nothing(db, shop):
    sync(shop)
    assert sync(shop, kind="full").counts["leads_created"] == 0 == make_leads().created
    assert len(made(db)) == 1


@pytest.mark.parametrize("different", [{"segment": "B2C"}, {"segment": None}, {"market": "FR"}, {"market": None}])
def test_a_customer_whom_no_rule_names_gets_none(db, shop, different):
    shop.change("1", **different)
    done = sync(shop)
    assert made(db) == []
    assert bool(done.remarks) == ("market" in different)  # whom a rule names, but who has no team, is told of


def test_orders_too_long_ago_cancelled_or_gone_make_no_lead(db, shop):
    for name in ("o1", "o2", "o3"):
        shop.change(name, status="cancelled", updated_at=now())
    sync(shop)
    assert made(db) == []


def test_a_market_without_a_team_and_a_team_without_a_pipeline_are_told_and_stop_nothing(db, cast, shop):
    shop.customer("2", market="FR")
    shop.order("x2", "2")
    with db.owner().begin() as connection:
        bare = connection.scalar(text("insert into crm.teams (name) values ('Bare') returning id"))
        connection.execute(text("insert into crm.markets (code, name, currency, team_id) values ('DE', 'Germany', 'EUR', :t)"), {"t": bare})
    shop.customer("3", market="DE")
    shop.order("x3", "3")
    done = sync(shop)
    assert len(made(db)) == 1
    assert done.remarks == [
        "1 customer got no lead: This team has no pipeline yet. Ask an admin to add one.", "1 customer got no lead: market FR has no team.",
    ]  # fmt: skip
    assert last_run(db)["step"] == " ".join(done.remarks)
    assert db.value("select count(*) from crm.alarms where kind = 'leads_not_made' and resolved_at is null") == 1
    with db.owner().begin() as connection:
        connection.execute(text("update crm.markets set team_id = :t, version = version + 1 where code in ('FR', 'DE')"), {"t": cast.teams["Levant"]})
    assert sync(shop).counts["leads_created"] == 2
    assert db.value("select count(*) from crm.alarms where kind = 'leads_not_made' and resolved_at is null") == 0


def test_whose_company_has_a_lead_needs_none(db, cast, shop):
    with acting_as(cast.who("ana")) as session:
        create_lead(session, {"name": "My own", "team_id": cast.teams["Gulf"], "market": "AE"}, source="test", company_name="shop one")
    sync(shop)
    assert made(db) == []
    assert customer(db)["company_id"] == db.value("select company_id from crm.leads where name = 'My own'")
    agrees(db)


def test_two_customers_of_one_company_share_its_lead(db, cast, shop):
    with db.owner().begin() as connection:
        connection.execute(text("insert into crm.companies (name, market) values ('Shop One', 'AE')"))
    shop.customer("2", name="SHOP ONE")
    shop.order("x2", "2")
    sync(shop)
    assert len(made(db)) == 1
    agrees(db)


def test_a_lead_that_somebody_deleted_comes_back_only_when_the_customer_orders_again(db, cast, shop):
    sync(shop)
    lead = made(db)[0]
    with acting_as(cast.who("mona")) as session:
        delete_leads(session, [(lead["id"], lead["version"])], source="test")
    sync(shop, kind="full")
    assert (len(made(db)), live(db)) == (1, [])
    shop.order("new", "1", at=now() + timedelta(seconds=1))
    sync(shop)
    (again,) = live(db)
    assert again["id"] != lead["id"] and again["company_id"] == lead["company_id"] and again["text"].startswith("4 orders")


def test_undoing_a_run_takes_its_leads_and_companies_and_the_next_run_leaves_it_so(db, shop):
    done = sync(shop)
    with acting_as(OPERATOR) as session:
        back = undo(session, done.change_set_id)
    assert (back.records, back.left_alone) == (2, [])
    assert live(db) == [] and db.value("select count(*) from crm.companies where deleted_at is null") == 0
    sync(shop, kind="full")
    assert (len(made(db)), live(db)) == (1, [])
    shop.order("new", "1", at=now() + timedelta(seconds=1))
    sync(shop)
    (again,) = live(db)
    assert db.rows("select id from crm.companies where deleted_at is null") == [{"id": again["company_id"]}] and len({x["company_id"] for x in made(db)}) == 1
    agrees(db)


def test_a_lead_moved_to_another_company_is_still_the_customers(db, cast, shop):
    sync(shop)
    lead = made(db)[0]
    with acting_as(OPERATOR) as session:
        other = apply(session, [Edit("company", None, {"name": "Group", "team_id": cast.teams["Gulf"]})], source="test").results[0].record_id
        apply(session, [Edit("lead", lead["id"], {"company_id": other}, lead["version"])], source="test", on_conflict="refuse")
    assert sync(shop).counts["leads_created"] == 0


def test_the_first_rule_that_fits_makes_the_lead_in_its_own_team_and_pipeline(db, cast, shop):
    with acting_as(OPERATOR) as session:
        rule(session, name="Emirates to Levant", position=-1, market="AE", team_id=cast.teams["Levant"], pipeline_id=cast.pipelines["Levant"])
        rule(session, name="Never", position=-2, segment="B2B", is_active=False, team_id=cast.teams["Levant"])
    sync(shop)
    (lead,) = made(db)
    assert (lead["team_id"], lead["stage_id"]) == (cast.teams["Levant"], cast.stages["Levant"]["Lead"])
    assert lead["text"].endswith("(rule: Emirates to Levant)")


def test_a_first_stage_that_asks_for_more_than_production_says_gets_no_company_either(db, cast, shop):
    with acting_as(OPERATOR) as session:
        stage = cast.stages["Gulf"]["Lead"]
        apply(session, [Edit("stage", stage, {"requirements": {"fields": ["expected_close_on"]}}, 1)], source="test", on_conflict="refuse")
    done = sync(shop)
    assert made(db) == [] and db.value("select count(*) from crm.companies") == 0
    assert done.remarks == ["1 customer got no lead: Lead needs an expected close date. Fill it in and move the lead again."]


def test_what_a_lead_cannot_hold_is_left_out_or_shortened(db, shop):
    shop.change("1", name="  N" + "a" * 400, phone="1" * 400)
    sync(shop)
    (lead,) = made(db)
    assert (len(lead["name"]), lead["phone"], lead["email"]) == (300, None, "one@demo.example")


def test_many_leads_are_one_change_set(db, shop):
    for number in range(10, 610):
        shop.customer(str(number))
        shop.order(f"m{number}", str(number))
    done = sync(shop)
    assert done.counts["leads_created"] == 601 == len(live(db))
    assert db.value("select count(distinct change_set_id) from crm.changes where record_type = 'lead' and source = 'sync'") == 1
    agrees(db)
