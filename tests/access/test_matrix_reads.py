"""Each person sees exactly what role and scope allow: by the walls alone, in raw SQL, and through every read."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from crm import clock
from crm.access import acting_as
from crm.activities.reads import activities_of, activity
from crm.alerts import reads as alerts
from crm.alerts.reads import AlertFilter
from crm.changes import changes_of, count_open, open_conflicts
from crm.customers import reads as customers
from crm.customers.reads import CustomerFilter
from crm.leads.as_of import Past
from crm.leads.board import BoardFilter, board, board_as_of, stamp
from crm.leads.reads import SORTS, LeadFilter, lead, leads_by_id, list_leads, totals
from crm.pipelines.reads import pipelines
from tests.access.organisation import KINDS, PEOPLE, key


def tables(wide_db):
    return [row["relname"] for row in wide_db.rows("select relname from pg_class where relnamespace = 'crm'::regnamespace and relkind = 'r' order by 1")]


@pytest.mark.parametrize("name", PEOPLE)
def test_raw_sql_under_each_persons_role_finds_exactly_their_rows(wide_db, plain, name):
    """The app's own filters are off here: the walls alone."""
    with acting_as(plain.who(name)) as session:
        for table in tables(wide_db):
            expected = plain.expected(name, table)
            if expected is None:
                with pytest.raises(DBAPIError, match="permission denied"), session.begin_nested():
                    session.execute(text(f"select count(*) from crm.{table}"))
            else:
                assert set(session.scalars(text(f"select {key(table)} from crm.{table}"))) == expected, table


def test_the_matrix_would_notice(plain):
    """Every kind of record is seen by some and hidden from some; else the comparison above would prove nothing."""
    for table in ("leads", "companies", "contacts", "activities", "lead_contacts", "changes", "change_sets", "conflicts", "postings", "stays", "posting_days",
                  "posting_months", "move_days", "move_months", "standing_months", "source_months", "closing_months", "unfolded_stays", "unfolded_postings",
                  "stood_days", "stood_months", "stood_source_days", "stood_source_months", "stood_closing_days", "stood_closing_months",
                  "late_days", "late_months", "passage_months", "arrival_months", "folded_activities", "unfolded_activities",
                  "pipelines", "stages", "memberships", "grants", "audit_events", "customers", "orders", "order_months", "alerts",
                  "lead_reasons", "configuration_drafts", "stage_moves", "field_rules", "views", "assignment_rules", "lead_assignments", "goals", "templates",
                  "dashboards", "dashboard_blocks", "exports"):  # fmt: skip
        sizes = {name: len(plain.expected(name, table)) for name in PEOPLE}
        everything = len(plain.rows[table])
        assert everything and min(sizes.values()) < everything, table
        if table not in ("conflicts", "grants", "audit_events", "configuration_drafts", "field_rules", "exports"):
            assert len(set(sizes.values())) > 3, (table, sizes)


@pytest.mark.parametrize("name", PEOPLE)
def test_lists_counts_and_totals_of_leads_hold_exactly_theirs(wide_db, plain, name):
    live = {row["id"]: row for row in plain.of("leads", plain.leads(name)) if row["deleted_at"] is None}
    with acting_as(plain.who(name)) as session:
        for sort in SORTS:
            assert ([row["id"] for row in list_leads(session, LeadFilter(), sort=sort, limit=200).rows] and True) or not live
            assert {row["id"] for row in list_leads(session, LeadFilter(), sort=f"-{sort}", limit=200).rows} == set(live)
        assert totals(session, LeadFilter()) == (len(live), sum(row["value_usd"] for row in live.values()))
        for team_id in plain.teams.values():
            found = {row["id"] for row in list_leads(session, LeadFilter(team_ids=(team_id,)), limit=200).rows}
            assert found == {i for i, row in live.items() if row["team_id"] == team_id}
        for owner in plain.people.values():
            found = {row["id"] for row in list_leads(session, LeadFilter(owner_ids=(owner,)), limit=200).rows}
            assert found == {i for i, row in live.items() if row["owner_id"] == owner}


@pytest.mark.parametrize("name", PEOPLE)
def test_pages_by_key_walk_through_exactly_theirs(wide_db, plain, name):
    live = sorted(row["id"] for row in plain.of("leads", plain.leads(name)) if row["deleted_at"] is None)
    found, after = [], None
    with acting_as(plain.who(name)) as session:
        while True:
            page = list_leads(session, LeadFilter(), sort="-value_usd", limit=4, after=after)
            found += [row["id"] for row in page.rows]
            after = page.next_after
            if after is None:
                break
    assert sorted(found) == live


@pytest.mark.parametrize("name", PEOPLE)
def test_single_reads_show_what_is_seen_and_nothing_else(wide_db, plain, name):
    seen, told = plain.leads(name), plain.activities(name)
    everything = [row["id"] for row in plain.rows["leads"]]
    with acting_as(plain.who(name)) as session:
        assert set(leads_by_id(session, everything)) == seen
        for row in plain.rows["leads"]:
            assert (lead(session, row["id"]) is not None) == (row["id"] in seen)
            found = {a["id"] for a in activities_of(session, row["id"])}
            assert found == {a["id"] for a in plain.rows["activities"] if a["lead_id"] == row["id"] and row["id"] in seen}
        for row in plain.rows["activities"]:
            assert (activity(session, row["id"]) is not None) == (row["id"] in told)


@pytest.mark.parametrize("name", PEOPLE)
def test_customers_their_orders_and_sums_are_exactly_those_in_reach(wide_db, plain, name):
    seen = {row["id"]: row for row in plain.of("customers", plain.customers(name)) if row["gone_at"] is None}
    leads = [row for row in plain.of("leads", plain.leads(name)) if row["deleted_at"] is None]
    live = {row["company_id"] for row in plain.rows["leads"] if row["deleted_at"] is None} - {None}
    of_orders = plain.orders(name)
    with acting_as(plain.who(name)) as session:
        rows = customers.list_customers(session, CustomerFilter(), limit=200)
        assert {row["id"] for row in rows} == set(seen)
        assert customers.totals(session, CustomerFilter()) == (len(seen), sum(row["lifetime_usd"] for row in seen.values()))
        for row in rows:
            assert row["has_lead"] == (row["company_id"] in live)
            mine = {lead["id"] for lead in leads if lead["company_id"] == row["company_id"]} if row["company_id"] else set()
            assert row["lead_id"] in mine if mine else row["lead_id"] is None
        for row in plain.rows["customers"]:
            assert (customers.customer(session, row["id"]) is not None) == (row["id"] in seen)
            found = {order["id"] for order in customers.orders_of(session, "customer", row["id"], limit=200)}
            assert found == {order["id"] for order in plain.of("orders", of_orders) if order["customer_id"] == row["id"]}


@pytest.mark.parametrize("name", PEOPLE)
def test_orders_alerts_and_reasons_of_a_lead_are_seen_with_the_lead(wide_db, plain, name):
    seen = plain.leads(name)
    with acting_as(plain.who(name)) as session:
        for row in plain.rows["leads"]:
            assert {order["id"] for order in customers.orders_of(session, "lead", row["id"], limit=200)} == plain.orders_of_lead(name, row)
            assert (customers.reason_of(session, row["id"]) is not None) == (row["id"] in plain.lead_reasons(name))
        live = {row["id"] for row in plain.of("leads", seen) if row["deleted_at"] is None}
        expected = {row["id"]: row for row in plain.rows["alerts"] if row["deleted_at"] is None and row["lead_id"] in live}
        assert {row["id"] for row in alerts.list_alerts(session, AlertFilter(), limit=200)} == set(expected)
        due = alerts.due_by_lead(session, [row["id"] for row in plain.rows["leads"]])
        assert set(due) == {row["lead_id"] for row in plain.of("alerts", plain.alerts(name)) if row["deleted_at"] is None and row["done_at"] is None}


@pytest.mark.parametrize("name", PEOPLE)
def test_companies_are_named_only_to_who_sees_them(wide_db, plain, name):
    companies = plain.companies(name)
    with acting_as(plain.who(name)) as session:
        for row in list_leads(session, LeadFilter(), limit=200).rows:
            assert (row["company"] is not None) == (row["company_id"] is not None) and (row["company_id"] is None or row["company_id"] in companies)


@pytest.mark.parametrize("name", PEOPLE)
def test_history_is_seen_as_far_as_its_record(wide_db, plain, name):
    seen = plain.changes(name)
    with acting_as(plain.who(name)) as session:
        for kind, table in KINDS.items():
            for row in plain.rows[table]:
                expected = [c["id"] for c in plain.rows["changes"] if (c["record_type"], c["record_id"]) == (kind, row["id"]) and c["id"] in seen]
                assert sorted(c["id"] for c in changes_of(session, kind, row["id"])) == sorted(expected)


@pytest.mark.parametrize("name", PEOPLE)
def test_what_shaped_the_work_is_told_to_auditors_and_to_nobody_else(wide_db, plain, name):
    """The function runs as the owner and holds the audit's grant against whoever calls it, by itself."""
    work = ("lead", "company", "contact", "activity", "alert", "view", "dashboard", "dashboard_block")
    asked = "select id from crm.audited_changes(:types, '9999-01-01', 1, '0001-01-02', null, null, null, null, 100000)"
    with acting_as(plain.who(name)) as session:
        found = set(session.scalars(text(asked), {"types": [*KINDS, "lead_rule"]}))
    everything = {c["id"] for c in plain.rows["changes"] if c["record_type"] not in work}
    assert everything and found == (everything if plain.reach(name, "audit", "view").everywhere else set())


@pytest.mark.parametrize("name", PEOPLE)
def test_conflicts_and_pipelines_are_ones_own_and_ones_teams(wide_db, plain, name):
    live = {c["id"] for c in plain.of("conflicts", plain.conflicts(name)) if c["resolved_at"] is None}
    with acting_as(plain.who(name)) as session:
        assert {c["id"] for c in open_conflicts(session)} == live and count_open(session) == len(live)
        found = pipelines(session)
        assert {p.id for p in found} == plain.pipelines(name)
        assert {s.id for p in found for s in p.stages} == plain.stages(name)


@pytest.mark.parametrize("name", PEOPLE)
def test_stage_totals_count_what_the_report_grant_reaches(wide_db, plain, name):
    from crm.errors import Refused
    from crm.reports.use_cases import run

    reach = plain.reach(name, "report", "view")
    if not reach:
        with pytest.raises(Refused):
            run(plain.who(name), "pipeline_by_stage", {})
        return
    found = {row["stage_id"]: (row["leads"], row["value_usd"]) for row in run(plain.who(name), "pipeline_by_stage", {}).rows if row["leads"]}
    expected: dict[int, tuple[int, object]] = {}
    for row in plain.rows["leads"]:
        if row["deleted_at"] is None and plain.covered(name, "report", "view", row):
            count, usd = expected.get(row["stage_id"], (0, 0))
            expected[row["stage_id"]] = (count + 1, usd + row["value_usd"])
    assert found == expected


@pytest.mark.parametrize("name", PEOPLE)
def test_boards_hold_exactly_theirs_and_sum_up_what_they_hold(wide_db, plain, name):
    live = {row["id"]: row for row in plain.of("leads", plain.leads(name)) if row["deleted_at"] is None}
    found: set[int] = set()
    with acting_as(plain.who(name)) as session:
        for pipeline in pipelines(session):
            for owners in ((), *((person,) for person in plain.people.values()), (0,)):
                wanted = BoardFilter(owner_ids=owners)
                now = board(session, pipeline, wanted)
                for column in now.columns:
                    mine = [
                        row for row in live.values()
                        if row["stage_id"] == column.stage.id and (not owners or row["owner_id"] in owners or (owners == (0,) and row["owner_id"] is None))
                    ]  # fmt: skip
                    assert {card["id"] for card in column.cards} == {row["id"] for row in mine}
                    assert (column.leads, column.value_usd) == (len(mine), sum(row["value_usd"] or 0 for row in mine))
                assert now.stamp == stamp(session, pipeline, wanted)
                found |= {card["id"] for column in now.columns for card in column.cards}
            for known_before in (None, clock.now()):
                then = board_as_of(session, pipeline, BoardFilter(), Past(clock.now(), known_before))
                assert {card["id"] for column in then for card in column.cards} == {i for i, row in live.items() if row["pipeline_id"] == pipeline.id}
            nobody_knew = board_as_of(session, pipeline, BoardFilter(), Past(clock.now(), clock.now() - timedelta(days=1)))
            assert not [card for column in nobody_knew for card in column.cards]
        seen = {pipeline.id for pipeline in pipelines(session)}
    assert found == {i for i, row in live.items() if row["pipeline_id"] in seen}


@pytest.mark.parametrize("name", PEOPLE)
def test_an_action_narrows_what_is_read_for_it(wide_db, plain, name):
    """What is read in order to export is what may be exported, though more may be seen."""
    for action in ("export", "edit", "delete", "bulk"):
        with acting_as(plain.who(name), resource="lead", action=action) as session:
            found = set(session.scalars(text("select id from crm.leads")))
        assert found == {row["id"] for row in plain.rows["leads"] if plain.covered(name, "lead", action, row)}


words = st.one_of(
    st.sampled_from(
        ["lead", "north", "åre%_1", "ÅRE", "%_", "%", "_", "\\", "company of", "none and", "x1@demo", "demo.example", "fjord solveig", "Lead SOUTH", ""]
    ),
    st.text(alphabet="lead northfjsuxå%_\\@.1230'\"", min_size=1, max_size=6),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(word=words, name=st.sampled_from(list(PEOPLE)))
def test_search_finds_exactly_the_visible_leads_that_hold_the_word(wide_db, plain, word, name):
    companies = {c["id"]: c["name"] for c in plain.rows["companies"]}
    seen = {}
    for row in plain.of("leads", plain.leads(name)):
        parts = (row["name"], companies.get(row["company_id"]), row["email"], row["phone"], row["external_id"])
        seen[row["id"]] = word.lower() in " ".join(part for part in parts if part).lower()
    live = {row["id"] for row in plain.rows["leads"] if row["deleted_at"] is None}
    with acting_as(plain.who(name)) as session:
        found = session.scalars(text("select crm.search_leads(:w, 10000)"), {"w": word}).all()
        assert len(found) == len(set(found)) and set(found) == {i for i, holds in seen.items() if holds} & live
        matching = set(session.scalars(text("select id from unnest(cast(:ids as bigint[])) as t (id) where crm.lead_matches(id, :w)"),
                                       {"ids": [row["id"] for row in plain.rows["leads"]], "w": word}))  # fmt: skip
        assert matching == {i for i, holds in seen.items() if holds}
        if word.strip():
            listed = {row["id"] for row in list_leads(session, LeadFilter(q=word), limit=200).rows}
            stripped = {row["id"] for row in plain.of("leads", live & set(seen)) if word.strip().lower() in _text(row, companies)}
            assert listed == stripped


@pytest.mark.parametrize("name", PEOPLE)
def test_the_companies_of_leads_are_told_for_exactly_the_visible_leads(wide_db, plain, name):
    companies = {c["id"]: c["name"] for c in plain.rows["companies"]}
    with acting_as(plain.who(name)) as session:
        told = session.execute(text("select * from crm.companies_of_leads(:ids)"), {"ids": [row["id"] for row in plain.rows["leads"]]}).all()
    assert len(told) == len(set(told))
    assert set(told) == {(row["id"], companies[row["company_id"]]) for row in plain.of("leads", plain.leads(name)) if row["company_id"]}


def _text(row, companies):
    return " ".join(part for part in (row["name"], companies.get(row["company_id"]), row["email"], row["phone"], row["external_id"]) if part).lower()
