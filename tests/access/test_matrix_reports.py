"""Every report by every person of the matrix: figures are those of the rows in their reach, worked out anew in plain Python."""

from datetime import UTC, datetime

import pytest

from crm.errors import Refused
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
def test_the_funnel_counts_stays_in_reach_only(wide_db, plain, name):
    rows = asked(plain, name, "funnel", **EVER)
    if rows is None:
        return
    stages = {stage["id"]: stage for stage in plain.rows["stages"]}
    stays = in_reach(plain, name, "stays")
    furthest: dict[tuple[int, int], int] = {}
    for began in (stay for stay in stays if stay["entered_by"] == "created"):
        positions = [
            stages[stay["stage_id"]]["position"]
            for stay in stays
            if (stay["lead_id"], stay["pipeline_id"]) == (began["lead_id"], began["pipeline_id"]) and stages[stay["stage_id"]]["kind"] in ("open", "won")
        ]
        if positions:
            furthest[began["lead_id"], began["pipeline_id"]] = max(positions)
    for row in rows:
        place = stages[row["stage_id"]]["position"]
        assert row["reached"] == sum(1 for (_, pipeline), far in furthest.items() if pipeline == row["pipeline_id"] and far >= place), row
    seen_pipelines = plain.expected(name, "pipelines")
    assert {row["pipeline_id"] for row in rows} == {pipeline for _, pipeline in furthest} & seen_pipelines


@pytest.mark.parametrize("name", PEOPLE)
@pytest.mark.parametrize("report", ["neglected_customers", "revenue_by_market"])
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
    else:
        ids = {customer["id"] for customer in customers}
        counted = [order for order in plain.rows["orders"] if order["customer_id"] in ids and order["is_counted"] and _is_recent(order)]
        assert sum(row["orders"] for row in rows) == len(counted)


def _is_recent(order):
    return (datetime.now(UTC) - order["ordered_at"]).days < 364
