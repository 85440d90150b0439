"""Every report by every person of the matrix: figures are those of the rows in their reach, worked out anew in plain Python."""

import csv
import io
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from crm import clock
from crm.access import acting_as
from crm.errors import NotFound, Refused
from crm.exports import asking, handing, making
from crm.goals.rules import quarter_start
from crm.reports.export import CSV, Wanted
from crm.reports.registry import REPORTS
from crm.reports.use_cases import run
from tests.access.organisation import PEOPLE

EVER = {"from": "2000-01-01"}


def in_reach(plain, name, table):
    return [row for row in plain.rows[table] if plain.covered(name, "report", "view", row)]


def asked(plain, name, report, **filters):
    """The report's rows; None where the person may not run it, which must then be what their grants say."""
    needs = [("report", "view"), *([("customer", "view")] if REPORTS[report].is_of_orders else [])]
    if not all(plain.reach(name, *need) for need in needs):
        with pytest.raises(Refused):
            run(plain.who(name), report, filters)
        return None
    return run(plain.who(name), report, filters).rows


@pytest.mark.parametrize("name", PEOPLE)
def test_movement_ends_with_the_leads_in_reach_and_adds_up(wide_db, plain, name):
    rows = asked(plain, name, "movement", **EVER)
    if rows is None:
        return
    expected: dict[int, int] = {}
    for lead in in_reach(plain, name, "leads"):
        if lead["deleted_at"] is None:
            expected[lead["stage_id"]] = expected.get(lead["stage_id"], 0) + 1
    assert {row["stage_id"]: row["end"] for row in rows if row["end"]} == expected
    assert all(row["start"] + row["created"] + row["in"] - row["out"] == row["end"] for row in rows)
    created = sum(1 for posting in in_reach(plain, name, "postings") if posting["kind"] == "created")
    assert sum(row["created"] for row in rows) == created


@pytest.mark.parametrize("name", PEOPLE)
def test_the_funnel_counts_leads_in_reach_only(wide_db, plain, name):
    rows = asked(plain, name, "funnel", **EVER)
    if rows is None:
        return
    stages = {stage["id"]: stage for stage in plain.rows["stages"]}
    furthest: list[tuple[int, int]] = []
    for stay in standing(plain, name):
        been = {other["stage_id"] for other in plain.rows["stays"] if (other["lead_id"], other["pipeline_id"]) == (stay["lead_id"], stay["pipeline_id"])}
        positions = [stages[stage]["position"] for stage in been if stages[stage]["kind"] in ("open", "won")]
        if positions and stay["pipeline_id"] in plain.pipelines(name):
            furthest.append((stay["pipeline_id"], max(positions)))
    for row in rows:
        place = stages[row["stage_id"]]["position"]
        assert row["reached"] == sum(1 for pipeline, far in furthest if pipeline == row["pipeline_id"] and far >= place), row
    assert {row["pipeline_id"] for row in rows} == {pipeline for pipeline, _ in furthest}


def standing(plain, name):
    """Open stays in reach with their stage's kind."""
    kinds = {stage["id"]: stage["kind"] for stage in plain.rows["stages"] if stage["id"] in plain.stages(name)}
    return [{**stay, "kind": kinds.get(stay["stage_id"])} for stay in in_reach(plain, name, "stays") if stay["left_at"] is None]


@pytest.mark.parametrize("name", PEOPLE)
@pytest.mark.parametrize("by", ["owner", "source", "pipeline"])
def test_win_rates_and_reasons_count_what_ended_in_reach(wide_db, plain, name, by):
    rows = asked(plain, name, "win_rate", by=by, **EVER)
    if rows is None:
        return
    stays = standing(plain, name)
    for kind in ("won", "lost"):
        assert sum(row[kind] for row in rows) == sum(1 for stay in stays if stay["kind"] == kind)
    assert sum(row["won_value_usd"] for row in rows) == sum(stay["value_usd"] for stay in stays if stay["kind"] == "won")
    if by == "owner":
        assert {row["group_id"] for row in rows} == {stay["owner_id"] for stay in stays if stay["kind"] in ("won", "lost")}
    reasons = asked(plain, name, "loss_reasons", **EVER)
    assert sum(row["lost"] for row in reasons) == sum(1 for stay in stays if stay["kind"] == "lost")


@pytest.mark.parametrize("name", PEOPLE)
def test_velocity_counts_the_stays_in_reach_that_were_left(wide_db, plain, name):
    rows = asked(plain, name, "stage_velocity", **EVER)
    if rows is None:
        return
    open_stages = {stage["id"] for stage in plain.rows["stages"] if stage["kind"] == "open" and stage["id"] in plain.stages(name)}
    moved = [stay for stay in in_reach(plain, name, "stays") if stay["left_by"] == "moved" and stay["stage_id"] in open_stages]
    assert sum(row["moved_on"] for row in rows) == len(moved)
    assert sum(row["leads"] for row in rows) == sum(1 for stay in standing(plain, name) if stay["kind"] == "open")
    assert {row["stage_id"] for row in rows} <= open_stages


@pytest.mark.parametrize("name", PEOPLE)
def test_forecasts_owners_sources_and_cohorts_hold_leads_in_reach(wide_db, plain, name):
    rows = asked(plain, name, "forecast", said_on="2020-01-01")
    if rows is None:
        return
    stays = standing(plain, name)
    opening = [stay for stay in stays if stay["kind"] == "open"]
    assert sum(row["open_value_usd"] for row in rows) <= sum(stay["value_usd"] for stay in opening)
    assert sum(row["open"] for row in rows) <= len(opening) and {row["said_usd"] for row in rows} == {0}
    owners = asked(plain, name, "owners", **EVER)
    assert sum(row["open"] for row in owners) == len(opening) and sum(row["began"] for row in owners) == len(stays)
    assert {row["owner_id"] for row in owners} == {stay["owner_id"] for stay in stays} | meant_by(plain, name).keys()
    sources = asked(plain, name, "sources", **EVER)
    assert sum(row["leads"] for row in sources) == len(stays)
    cohorts = asked(plain, name, "cohorts", **EVER)
    assert sum(row["leads"] for row in cohorts if row["months_since"] == 0) == len(stays)


def meant_by(plain, name):
    """Person -> what they mean to win in this quarter, with the teams in reach of the report."""
    reach, begins = plain.reach(name, "report", "view"), quarter_start(clock.today("UTC"), 1)
    found = Counter()
    for goal in plain.rows["goals"]:
        is_seen = goal["id"] in plain.goals(name) and reach.covers(goal["team_id"], goal["person_id"] == plain.people[name])
        if is_seen and goal["person_id"] and goal["deleted_at"] is None and goal["starts_on"] == begins:
            found[goal["person_id"]] += goal["amount_usd"]
    return found


@pytest.mark.parametrize("name", PEOPLE)
def test_goals_stand_beside_what_was_won_in_reach(wide_db, plain, name):
    rows = asked(plain, name, "owners", **EVER)
    if rows is None:
        return
    goals = meant_by(plain, name)
    assert {row["owner_id"]: row["goal_usd"] for row in rows if row["goal_usd"] is not None} == goals
    won = Counter()
    for stay in standing(plain, name):
        if stay["kind"] == "won" and stay["stage_entered_at"].date() >= quarter_start(clock.today("UTC"), 1):
            won[stay["owner_id"]] += stay["value_usd"]
    assert {row["owner_id"]: row["goal_won_usd"] for row in rows if row["goal_usd"] is not None} == {person: won[person] for person in goals}


@pytest.mark.parametrize("name", PEOPLE)
def test_stale_leads_and_activity_are_of_leads_in_reach(wide_db, plain, name):
    rows = asked(plain, name, "stale_leads", days="1")
    if rows is None:
        return
    live = {lead["id"] for lead in in_reach(plain, name, "leads") if lead["deleted_at"] is None}
    assert {row["lead_id"] for row in rows} <= live
    done = asked(plain, name, "activity", **EVER)
    reached = {lead["id"] for lead in in_reach(plain, name, "leads")}
    seen = [one for one in plain.rows["activities"] if one["lead_id"] in reached and one["deleted_at"] is None]
    assert sum(row["activities"] for row in done) == len(seen)


@pytest.mark.parametrize("name", PEOPLE)
def test_how_figures_went_ends_with_what_is_in_reach(wide_db, plain, name):
    rows = asked(plain, name, "pipeline_by_month", back="60")
    if rows is None:
        return
    stays = standing(plain, name)
    assert rows[-1]["open"] == sum(1 for stay in stays if stay["kind"] == "open")
    assert sum(row["began"] for row in rows) == sum(1 for posting in in_reach(plain, name, "postings") if posting["kind"] == "created")
    weeks = {"from": (datetime.now(UTC).date() - timedelta(days=1049)).isoformat()}
    assert sum(row["won"] for row in asked(plain, name, "won_by_week", **weeks)) == sum(1 for stay in stays if stay["kind"] == "won")
    late = asked(plain, name, "stale_by_week")[-1]["over_target"]
    assert late == sum(row["over_target"] for row in asked(plain, name, "stage_velocity"))
    done = asked(plain, name, "activity_by_week", **weeks)
    assert sum(row["activities"] for row in done) == sum(row["activities"] for row in asked(plain, name, "activity", **weeks))


def test_every_report_is_in_the_matrix():
    here = {
        "pipeline_by_stage", "funnel", "movement", "win_rate", "loss_reasons", "stage_velocity", "forecast", "owners", "sources", "cohorts",
        "stale_leads", "activity", "neglected_customers", "revenue_by_market", "customer_cohorts", "explore", "explore_orders",
        "pipeline_by_month", "won_by_week", "activity_by_week", "stale_by_week", "neglected_by_week",
    }  # fmt: skip
    assert here == set(REPORTS)


@pytest.mark.parametrize("name", PEOPLE)
def test_explore_counts_what_is_in_reach_only(wide_db, plain, name):
    whole = asked(plain, name, "explore", which="all", by="owner", split="source", measure="leads")
    if whole is None:
        return
    stays = standing(plain, name)
    assert sum(row["leads"] for row in whole) == len(stays)
    assert {row["group_key"] for row in whole} == {None if stay["owner_id"] is None else str(stay["owner_id"]) for stay in stays}
    for kind in ("open", "won", "lost"):
        rows = asked(plain, name, "explore", which=kind, by="stage", measure="value", **({} if kind == "open" else EVER))
        of_kind = [stay for stay in stays if stay["kind"] == kind]
        assert (sum(row["leads"] for row in rows), sum(row["value_usd"] for row in rows)) == (len(of_kind), sum(stay["value_usd"] for stay in of_kind))
    live = {lead["id"]: lead for lead in in_reach(plain, name, "leads") if lead["deleted_at"] is None}
    reasons = asked(plain, name, "explore", which="lost", by="lost_reason", **EVER)
    assert {row["group_key"] for row in reasons} == {live[stay["lead_id"]]["lost_reason"] for stay in stays if stay["kind"] == "lost"}


@pytest.mark.parametrize("name", PEOPLE)
@pytest.mark.parametrize("report", ["neglected_customers", "neglected_by_week", "revenue_by_market", "customer_cohorts", "explore_orders"])
def test_reports_of_orders_hold_customers_in_reach_only(wide_db, plain, name, report):
    rows = asked(plain, name, report)
    if rows is None:
        return
    own = {lead["company_id"] for lead in plain.rows["leads"] if lead["owner_id"] == plain.people[name] and lead["deleted_at"] is None}
    reach = plain.reach(name, "customer", "view")
    customers = [
        customer
        for customer in plain.rows["customers"]
        if reach.everywhere or customer["team_id"] in reach.teams or (reach.own and customer["company_id"] in own - {None})
    ]
    if report == "neglected_customers":
        assert {row["customer_id"] for row in rows} <= {customer["id"] for customer in customers}
    elif report == "neglected_by_week":
        assert max(row["customers"] for row in rows) <= len(customers)
    elif report == "customer_cohorts":
        recent = [customer for customer in customers if customer["first_order_at"] and _is_recent({"ordered_at": customer["first_order_at"]})]
        assert sum(row["customers"] for row in rows if row["months_since"] == 0) <= len(recent)
    else:
        ids = {customer["id"] for customer in customers}
        counted = [order for order in plain.rows["orders"] if order["customer_id"] in ids and order["is_counted"] and _is_recent(order)]
        assert sum(row["orders"] for row in rows) == len(counted)


def _is_recent(order):
    return (datetime.now(UTC) - order["ordered_at"]).days < 364


@pytest.mark.parametrize("name", PEOPLE)
def test_a_file_holds_the_leads_that_one_may_both_see_and_export_or_is_refused(wide_db, plain, name):
    reaches = [plain.reach(name, "report", action) for action in ("view", "export")]
    wanted = Wanted("movement", EVER).as_json()
    with acting_as(plain.who(name)) as session:
        if not all(reaches):
            with pytest.raises(Refused):
                asking.ask(session, CSV, wanted)
            return
        export_id = asking.ask(session, CSV, wanted)
    assert making.make(export_id) == "ready"
    for other in PEOPLE:
        if other != name:
            with pytest.raises(NotFound):
                handing.hand_out(plain.who(other), export_id, door="test")
    with handing.hand_out(plain.who(name), export_id, door="test").content as content:
        rows = csv.DictReader(io.StringIO(content.read().decode()))
        me = plain.people[name]
        mine = [lead for lead in plain.rows["leads"] if all(reach.covers(lead["team_id"], lead["owner_id"] == me) for reach in reaches)]
        assert sum(int(row["end"]) for row in rows) == sum(1 for lead in mine if lead["deleted_at"] is None)


@pytest.mark.parametrize("name", PEOPLE)
def test_what_was_known_is_what_anybody_knew_as_far_as_one_reaches(wide_db, plain, name):
    """Half of the postings were not made yet; who sees a part of a lead's history sees the same of it as who sees all."""
    known_before = sorted(posting["posted_at"] for posting in plain.rows["postings"])[len(plain.rows["postings"]) // 2]
    known = [posting for posting in plain.rows["postings"] if posting["posted_at"] < known_before]
    opened, closed = (Counter(posting["lead_id"] for posting in known if posting["leads"] == sign) for sign in (1, -1))
    expected, place = {}, Counter[int]()
    for stay in sorted(plain.rows["stays"], key=lambda stay: (stay["entered_at"], stay["id"])):
        lead = stay["lead_id"]
        place[lead] += 1
        if place[lead] <= opened[lead] and plain.covered(name, "report", "view", stay):
            expected[stay["id"]] = stay["left_at"] if place[lead] <= closed[lead] else None
    if not plain.reach(name, "report", "view"):
        assert not expected
        return
    with acting_as(plain.who(name), resource="report", action="view") as session:
        rows = session.execute(text("select id, left_at from crm.known_stays(:now, :known)"), {"now": clock.now(), "known": known_before})
        assert {row.id: row.left_at for row in rows} == expected


@pytest.mark.parametrize("name", PEOPLE)
@pytest.mark.parametrize("report", [name for name, each in REPORTS.items() if each.tells_what_was_known])
def test_before_anything_was_entered_nobody_knew_anything(wide_db, plain, name, report):
    if not plain.reach(name, "report", "view"):
        with pytest.raises(Refused):
            run(plain.who(name), report, {}, None, clock.today("UTC") - timedelta(days=3))
        return
    try:
        rows = run(plain.who(name), report, {}, None, clock.today("UTC") - timedelta(days=3)).rows
    except Refused:
        assert REPORTS[report].tells
        return
    counts = ("leads", "open", "won", "lost", "moved_on", "over_target", "reached", "end", "activities", "began", "ended")
    assert not any(row[count] for row in rows for count in counts if count in row)
