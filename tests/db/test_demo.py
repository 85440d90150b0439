"""The demo goes through the same tables and triggers as people's work, and leaves a database whose books are right."""

import os
import uuid

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from crm.demo.fill import fill
from crm.errors import CrmError
from tests.conftest import point_to

LEADS = 300


@pytest.fixture(scope="module")
def demo(server, template):
    """A database of its own with a demo of 300 leads; answers a function that reads from it as its owner."""
    from crm import settings
    from crm.db import migrate

    name = f"tl_demo_{uuid.uuid4().hex[:12]}"
    server.run(f'create database "{name}"')
    outer = os.environ.get("DATABASE_URL")
    point_to(server.url(name))
    try:
        migrate.migrate(settings.read(), server.url(name))
        fill(leads=LEADS, seed=7)
    finally:
        point_to(outer)
    owner = create_engine(make_url(server.url(name)).set(drivername="postgresql+psycopg"), poolclass=NullPool)

    def rows(statement):
        with owner.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    yield rows
    server.run(f'drop database "{name}" with (force)')


def test_a_database_that_holds_anything_is_refused_and_left_alone(db, cast):
    before = db.value("select count(*) from crm.people"), db.value("select count(*) from crm.changes")
    with pytest.raises(CrmError, match="not empty"):
        fill(leads=10)
    assert (db.value("select count(*) from crm.people"), db.value("select count(*) from crm.changes")) == before


def test_everybody_can_sign_in_with_the_demo_password(demo):
    from crm.access.passwords import matches
    from crm.demo.organisation import PASSWORD

    hashes = demo("select p.email, c.password_hash from crm.people as p left join crm.credentials as c on c.person_id = p.id")
    assert len(hashes) == 24 and all(password_hash for _, password_hash in hashes)
    assert {"alma@demo.example", "mona@demo.example", "ana@demo.example", "bruno@demo.example", "carla@demo.example"} <= {email for email, _ in hashes}
    assert matches(PASSWORD, hashes[0][1])


def test_the_cast_has_the_roles_that_the_documentation_names(demo):
    found = demo("""
        select split_part(p.email, '@', 1), r.name, t.name
        from crm.people as p
        join crm.memberships as m on m.person_id = p.id
        join crm.roles as r on r.id = m.role_id
        left join crm.teams as t on t.id = m.team_id
        where p.email in ('alma@demo.example', 'mona@demo.example', 'ana@demo.example', 'bruno@demo.example', 'carla@demo.example')
        order by p.id
    """)
    assert found == [("alma", "admin", None), ("mona", "manager", "Gulf"), ("ana", "rep", "Gulf"), ("bruno", "rep", "Gulf"), ("carla", "rep", "Levant")]


def test_there_are_four_teams_eleven_markets_with_their_own_currencies_and_three_kinds_of_pipelines(demo):
    assert demo("select count(*) from crm.teams") == [(4,)]
    assert demo("select count(*), count(distinct currency) from crm.markets") == [(11, 11)]
    assert demo("select count(distinct name) from crm.pipelines") == [(3,)]
    stages = demo("""
        select s.name, s.kind from crm.stages as s join crm.pipelines as p on p.id = s.pipeline_id join crm.teams as t on t.id = p.team_id
        where p.name = 'Accounts' and t.name = 'Gulf' order by s.position
    """)
    assert stages == [("Lead", "open"), ("Contacted", "open"), ("Negotiation", "open"), ("Trial Order", "open"), ("Active Account", "won"), ("Churned", "lost")]


def test_postings_sum_up_to_the_leads(demo):
    books = """
        select team_id, stage_id, owner_id, sum(leads), sum(value_usd) from crm.postings
        group by 1, 2, 3 having sum(leads) <> 0 or sum(value_usd) <> 0 order by 1, 2, 3
    """
    leads = """
        select team_id, stage_id, owner_id, count(*), sum(coalesce(value_usd, 0)) from crm.leads
        where deleted_at is null group by 1, 2, 3 order by 1, 2, 3
    """
    assert demo("select count(*) from crm.leads") == [(LEADS,)]
    assert demo(books) == demo(leads)


def test_stays_follow_each_other_without_gap_and_the_open_one_is_where_the_lead_is(demo):
    assert (
        demo("""
        select s.lead_id from (
            select lead_id, entered_at, lag(left_at) over (partition by lead_id order by entered_at, id) as left_before,
                row_number() over (partition by lead_id order by entered_at, id) as n
            from crm.stays
        ) as s where s.n > 1 and s.left_before is distinct from s.entered_at
    """)
        == []
    )
    assert (
        demo("""
        select l.id from crm.leads as l
        full join (select * from crm.stays where left_at is null) as s on s.lead_id = l.id
        where l.deleted_at is null
            and (l.stage_id, l.team_id, l.owner_id, coalesce(l.value_usd, 0)) is distinct from (s.stage_id, s.team_id, s.owner_id, s.value_usd)
    """)
        == []
    )


@pytest.mark.parametrize(
    ("kind", "table"),
    [("lead", "leads"), ("company", "companies"), ("contact", "contacts"), ("activity", "activities"), ("person", "people"), ("alert", "alerts")],
)
def test_every_version_of_every_record_has_its_change(demo, kind, table):
    assert demo(f"""
        select r.id from crm.{table} as r
        left join (select record_id, array_agg(version order by version) as versions from crm.changes where record_type = '{kind}' group by 1) as c
            on c.record_id = r.id
        where c.versions is distinct from (select array_agg(v) from generate_series(1, r.version) as v)
    """) == []  # fmt: skip


def test_changes_carry_the_day_of_the_story_and_who_made_them(demo):
    moved = "select effective_at, person_id from crm.changes where record_type = 'lead' and fields ? 'stage_id' and version > 1"
    found = demo(moved)
    assert len(found) > LEADS / 2
    assert all(effective_at is not None and person_id is not None for effective_at, person_id in found)


def test_nothing_happened_in_the_future_and_derived_dates_agree(demo):
    assert demo(
        "select count(*) from crm.leads where effective_at > now() or updated_at > now() or created_at > updated_at or stage_entered_at > effective_at"
    ) == [(0,)]
    assert demo("select count(*) from crm.activities where happened_at > now()") == [(0,)]
    assert demo("""
        select count(*) from crm.leads as l where l.last_contacted_at is distinct from
            (select max(a.happened_at) from crm.activities as a where a.lead_id = l.id and a.kind <> 'note')
    """) == [(0,)]


def test_the_last_days_changes_are_saves_of_the_people_who_made_them(demo):
    saves = demo("select s.id, s.person_id, array_agg(distinct c.person_id) from crm.change_sets as s join crm.changes as c on c.change_set_id = s.id"
                 " where s.label = 'Edited leads' group by s.id")  # fmt: skip
    assert saves and all([person_id] == people for _, person_id, people in saves)


def test_each_value_has_its_dollars_at_the_rate_of_its_day(demo):
    assert demo("select count(*) from crm.leads where value_amount is not null and value_usd is null") == [(0,)]
    assert demo("select count(distinct value_currency) > 5 from crm.leads") == [(True,)]


def test_every_screen_finds_life(demo):
    life = demo("""
        select count(*) filter (where s.kind = 'open' and l.expected_close_on < current_date) as overdue,
            count(*) filter (where s.kind = 'open' and coalesce(l.last_contacted_at, l.created_at) < now() - interval '14 days') as silent,
            count(*) filter (where l.effective_at > now() - interval '14 days') as moving,
            count(*) filter (where s.kind = 'won') as won, count(*) filter (where s.kind = 'lost') as lost,
            count(*) filter (where l.next_step is not null) as planned
        from crm.leads as l join crm.stages as s on s.id = l.stage_id where l.deleted_at is null
    """)[0]
    assert all(count > 0 for count in life)
    due = demo("""
        select count(*) filter (where due_at < current_date) as overdue, count(*) filter (where due_at::date = current_date) as today,
            count(*) filter (where due_at > current_date + 1) as later
        from crm.alerts
    """)[0]
    assert all(count > 0 for count in due)


def test_its_production_sells_to_every_active_account_and_each_market_has_a_team(demo):
    from crm import settings
    from crm.demo.production import DemoProduction

    buyers = {(buyer.name, buyer.market) for buyer in DemoProduction.read(settings.read().data_dir).buyers}
    active = demo("""
        select distinct c.name, c.market
        from crm.leads as l join crm.companies as c on c.id = l.company_id join crm.stages as s on s.id = l.stage_id
        where s.name in ('Active Account', 'Won') and l.deleted_at is null
    """)
    assert active and set(active) <= buyers
    assert len(buyers) > len(active)
    assert demo("select count(*) from crm.markets where team_id is null") == [(0,)]
    assert demo("select value from crm.organisation_settings where key = 'order_lens'") == [({"customers": 1, "orders": 2, "rates": 3},)]


def test_a_first_look_finds_what_people_have_shaped(demo):
    assert demo("select count(*), count(distinct team_id) from crm.assignment_rules where deleted_at is null") == [(6, 4)]
    assert demo("select name, audience from crm.views where is_pinned order by name") == [
        ("Closing, by owner", "team"), ("In trial", "team"), ("Largest open", "everyone"), ("My negotiations", "private"),
    ]  # fmt: skip
    dashboards = "select d.name, d.audience, count(*) > 3 from crm.dashboards as d join crm.dashboard_blocks as b on b.dashboard_id = d.id group by d.id"
    assert demo(f"{dashboards} order by d.id") == [
        ("Gulf this quarter", "team", True), ("The quarter, every team", "everyone", True), ("Orders and markets", "everyone", True),
    ]  # fmt: skip
    assert demo("select team_id is null, count(*), count(distinct team_id) from crm.templates group by 1 order by 1") == [(False, 8, 4), (True, 2, 0)]
    assert demo("select count(*), min(day) >= current_date - 1 from crm.holidays") == [(9, True)]
    assert demo("select split_part(email, '@', 1) from crm.people where absent_from <= current_date and absent_until >= current_date") == [("priya",)]


def test_its_people_mean_to_win_something_this_quarter(demo):
    """One each at most, of those who are still there; each team's is theirs together."""
    goals = demo("select team_id, person_id, amount_usd from crm.goals")
    assert any(person for _, person, _ in goals)
    left = {person for (person,) in demo("select id from crm.people where disabled_at is not null")}
    assert not left & {person for _, person, _ in goals}
    for team in {team for team, _, _ in goals}:
        assert sum(usd for of, person, usd in goals if of == team and person) == sum(usd for of, person, usd in goals if of == team and not person)
