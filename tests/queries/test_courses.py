"""How figures went, month by month and week by week: each point is what the report itself says of that day."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from crm.access import OPERATOR, acting_as
from crm.activities.use_cases import add_activity
from crm.errors import Invalid
from crm.ledger.fold import fold
from crm.reports.use_cases import run
from tests.db.ledgers import add_lead, at, change, set_target, set_time_zone
from tests.queries.test_pipeline_by_stage import with_grants

SPRING = date(2026, 4, 12)


@pytest.fixture(params=[False, True], ids=["unfolded", "folded"])
def year(request, db, cast):
    """A lead of 2025; one of January that is won in March; one that begins lost; one that ages in its stage; one valued anew; one deleted."""
    gulf = cast.stages["Gulf"]
    add_lead(cast, "Gulf", "ana", when=at("2025-05-02 10:00"), value="100", source="Web")
    won = add_lead(cast, "Gulf", "bruno", when=at("2026-01-10 10:00"), value="50", source="Fair")
    change(db, won, when=at("2026-02-03 10:00"), stage_id=gulf["Contacted"])
    change(db, won, when=at("2026-03-20 10:00"), stage_id=gulf["Won"])
    add_lead(cast, "Gulf", "ana", when=at("2026-02-10 10:00"), value="7", stage="Lost")
    valued = add_lead(cast, "Gulf", "ana", when=at("2026-03-31 23:30"), value="10", stage="Negotiation")
    change(db, valued, when=at("2026-04-02 10:00"), value={"amount": "30", "currency": "USD"})
    gone = add_lead(cast, "Levant", "carla", when=at("2026-02-12 10:00"), value="4")
    change(db, gone, when=at("2026-04-10 10:00"), deleted_at=at("2026-04-10 10:00"))
    if request.param:
        fold()
    return gulf


def rows(name, as_of=SPRING, person=OPERATOR, known_on=None, **asked):
    return run(person, name, asked, as_of, known_on).rows


def test_months_from_the_first_to_the_day_that_is_looked_at(db, cast, year):
    found = [tuple(row.values()) for row in rows("pipeline_by_month", back="4")]
    assert found == [
        (date(2025, 12, 1), 1, 100, 0, 0, 0, 0), (date(2026, 1, 1), 2, 150, 1, 0, 0, 0), (date(2026, 2, 1), 3, 154, 2, 0, 1, 0),
        (date(2026, 3, 1), 3, 114, 1, 1, 0, 50), (date(2026, 4, 1), 2, 130, 0, 0, 0, 0),
    ]  # fmt: skip


def ends_of_months(found, as_of):
    return [min((row["month"] + timedelta(days=32)).replace(day=1) - timedelta(days=1), as_of) for row in found]


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland"])
@pytest.mark.parametrize("asked", [{}, {"owner": "Ana"}, {"team": "Gulf"}])
def test_each_month_is_what_stage_totals_and_movement_say_of_it(db, cast, year, zone, asked):
    if zone != "UTC":
        set_time_zone(db, zone)
        fold()
    for as_of in (SPRING, date(2026, 3, 31), None):
        found = rows("pipeline_by_month", as_of, back="5", **asked)
        for row, ends in zip(found, ends_of_months(found, as_of or datetime.now(UTC).date() + timedelta(days=1)), strict=True):
            if ends > datetime.now(UTC).date():
                continue
            stages = [stage for stage in rows("pipeline_by_stage", ends, **asked) if stage["kind"] == "open"]
            assert (row["open"], row["open_value_usd"]) == (sum(stage["leads"] for stage in stages), sum(stage["value_usd"] for stage in stages))
            moved = rows("movement", ends, **{"from": row["month"].isoformat()}, **asked)
            assert row["began"] == sum(stage["created"] for stage in moved)
            for kind in ("won", "lost"):
                assert row[kind] == sum(stage["created"] + stage["in"] for stage in moved if stage["kind"] == kind)


def test_now_ends_with_what_stands_now(db, cast, year):
    last = rows("pipeline_by_month", None)[-1]
    assert last["open"] == db.value(
        "select count(*) from crm.leads as l join crm.stages as s on s.id = l.stage_id where s.kind = 'open' and l.deleted_at is null"
    )
    assert len(rows("pipeline_by_month", None)) == 12 and len(rows("pipeline_by_month", None, back="0")) == 1


def test_months_as_they_were_known(db, cast, year):
    """Everything of the fixture was entered today, whenever it was so."""
    assert {(row["open"], row["began"]) for row in rows("pipeline_by_month", known_on=SPRING)} == {(0, 0)}
    assert rows("pipeline_by_month", known_on=datetime.now(UTC).date()) == rows("pipeline_by_month")


def test_wins_of_each_week_add_up_to_the_win_rate(db, cast, year):
    found = rows("won_by_week", **{"from": "2026-03-01", "to": "2026-04-12"})
    assert [(row["week"], row["won"], float(row["won_value_usd"])) for row in found] == [
        (date(2026, 3, 1) + timedelta(days=7 * n), 1 if n == 2 else 0, 50 if n == 2 else 0) for n in range(7)
    ]
    assert sum(row["won"] for row in rows("won_by_week", date(2026, 3, 19))) == 0
    assert sum(row["won"] for row in rows("won_by_week", source="Web")) == 0 and sum(row["won"] for row in rows("won_by_week", source="Fair")) == 1


@pytest.mark.parametrize("asked", [{}, {"owner": "Bruno"}, {"source": "Web"}])
def test_each_week_has_as_many_leads_over_target_as_velocity_says(db, cast, year, asked):
    found = rows("stale_by_week", **asked)
    assert len(found) == 12 and found[-1]["week"] == SPRING
    for row in found:
        stages = rows("stage_velocity", row["week"], **{"from": (row["week"] - timedelta(days=6)).isoformat()}, **asked)
        assert (row["over_target"], row["over_target_usd"]) == (sum(s["over_target"] for s in stages), sum(s["over_target_usd"] for s in stages))
        assert row["moved_on"] == sum(s["moved_on"] for s in stages if s["target_days"])
        assert row["in_time"] == sum(round(float(s["in_time_share"] or 0) * s["moved_on"]) for s in stages if s["target_days"])
    if not asked:
        assert any(row["over_target"] for row in found) and any(row["moved_on"] for row in found)


def test_now_the_last_week_ends_now(db, cast, year):
    assert rows("stale_by_week", None)[-1]["over_target"] == sum(row["over_target"] for row in rows("stage_velocity", None))


def test_activities_are_counted_by_whole_weeks_up_to_the_last_day(db, cast):
    for moment in ("2026-03-01 10:00", "2026-04-05 23:59", "2026-04-06 00:01", "2026-04-12 23:00", "2026-04-13 01:00"):
        with acting_as(OPERATOR) as session:
            add_activity(session, cast.leads["Nile Mart"], {"kind": "call", "happened_at": at(moment)}, source="test")
    asked = {"from": "2026-03-27", "to": "2026-04-12"}
    assert [tuple(row.values()) for row in rows("activity_by_week", None, **asked)] == [(date(2026, 3, 30), 1), (date(2026, 4, 6), 2)]
    assert sum(row["activities"] for row in rows("activity_by_week", None, team="Gulf", **asked)) == 0
    assert sum(row["activities"] for row in rows("activity_by_week", None, cast.who("ana"), **asked)) == 0
    assert rows("activity_by_week", None, **{"from": "2026-04-10", "to": "2026-04-12"}) == []


@pytest.fixture
def customers(db, cast):
    """One who ordered and was called after, one who ordered and was not, one whose order grew old; all of Gulf."""
    with db.owner().begin() as connection:
        made = {}
        for name in ("called", "quiet", "old"):
            company = connection.scalar(text("insert into crm.companies (name, team_id) values (:n, :t) returning id"), {"n": name, "t": cast.teams["Gulf"]})
            made[name] = connection.scalar(
                text("insert into crm.customers (external_id, name, market, team_id, company_id) values (:n, :n, 'AE', :t, :c) returning id"),
                {"n": name, "t": cast.teams["Gulf"], "c": company},
            )
            if name == "called":
                connection.execute(text("update crm.leads set company_id = :c, version = version + 1 where name = 'Petra Supplies'"), {"c": company})
        orders = (("called", "2026-03-10 10:00"), ("called", "2026-04-08 10:00"), ("quiet", "2026-03-25 10:00"), ("old", "2026-01-05 10:00"))
        for number, (name, moment) in enumerate(orders):
            connection.execute(
                text("""
                    insert into crm.orders (external_id, customer_id, ordered_at, amount, currency, amount_usd, market, team_id)
                    values (:k, :c, :at, 10, 'USD', 10, 'AE', :t)
                """),
                {"k": f"o{number}", "c": made[name], "at": at(moment), "t": cast.teams["Gulf"]},
            )
        connection.execute(text("update crm.customers as c set last_order_at = (select max(ordered_at) from crm.orders as o where o.customer_id = c.id)"))
    with acting_as(OPERATOR) as session:
        add_activity(session, cast.leads["Petra Supplies"], {"kind": "call", "happened_at": at("2026-03-28 10:00")}, source="test")
    return made


def test_each_week_has_as_many_neglected_customers_as_the_report_says(db, cast, customers):
    found = rows("neglected_by_week")
    assert [row["customers"] for row in found[-5:]] == [2, 2, 2, 1, 2]
    assert [row["week"] for row in found[-2:]] == [date(2026, 4, 5), SPRING]
    for who in (OPERATOR, cast.who("mona"), cast.who("carla")):
        for row in rows("neglected_by_week", person=who):
            assert row["customers"] == len(rows("neglected_customers", row["week"], who)), (who.name, row["week"])
    assert {row["customers"] for row in rows("neglected_by_week", market="KW")} == {0}


def test_own_leads_only(db, cast, year):
    ana = with_grants(cast.who("ana"), gulf="own")
    assert [row["began"] for row in rows("pipeline_by_month", person=ana, back="2")] == [1, 1, 0]
    assert sum(row["won"] for row in rows("won_by_week", person=ana)) == 0


@pytest.mark.parametrize("name", ["won_by_week", "activity_by_week", "stale_by_week", "neglected_by_week"])
def test_weeks_without_end_are_refused(db, cast, name):
    with pytest.raises(Invalid, match="week by week, over 1,100 days at most") as refused:
        run(OPERATOR, name, {"from": "0001-01-01"})
    assert refused.value.field == "from"


@pytest.mark.parametrize("asked", [{}, {"owner": "Ana"}, {"source": "Web"}])
def test_a_new_target_holds_at_once_and_in_the_fold_after_it(db, cast, year, asked):
    def told():
        return [tuple(row.values()) for row in rows("stale_by_week", **asked)], [tuple(row.values()) for row in rows("stage_velocity", **asked)]

    before = told()
    for target in (0, 3, None, 400):
        for stage in ("Lead", "Negotiation"):
            set_target(db, year[stage], target)
        at_once = told()
        assert at_once != before
        fold()
        assert told() == at_once
        before = at_once
