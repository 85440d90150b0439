"""Whole months of a period come from the fold, the days at its ends from the stays: wherever months end, reports say what the stays alone say."""

import random
from collections import Counter
from datetime import date, timedelta

import pytest

from crm import clock
from crm.access import OPERATOR
from crm.db.queries import Query
from crm.ledger.fold import fold
from crm.reports import use_cases
from crm.reports.use_cases import run
from tests.db.ledgers import add_lead, complaints, set_time_zone
from tests.db.test_reports_recount import act

REPORTS = ("funnel", "cohorts", "owners", "sources", "win_rate", "stage_velocity")
GROUPS = ("owner", "team", "pipeline", "month", "source", "market", "stage_lost_from")
TODAY = date(2026, 11, 27)


@pytest.fixture(scope="module")
def leads(module_db, module_cast):
    """Leads that began over a year, moved about, some of them folded and some not yet; whoever asks for them only reads."""
    chance = random.Random(5)
    set_time_zone(module_db, "Asia/Dubai")
    found = [add_lead(module_cast, "Gulf", "ana", when=clock.now() - timedelta(days=days), value="100", source="Web") for days in (1, 28, 33, 62, 200, 350)]
    for number in range(70):
        act(module_db, module_cast, chance, found)
        if number == 45:
            fold()
    return found


def asked(chance, name, as_of=None):
    """Filters as people give them: any period up to the day that is looked back to, sometimes a team, a source, a market or somebody's."""
    report = use_cases.report_named(name)
    takes = {param.name for param in report.params}
    ends = (as_of or clock.today("Asia/Dubai")) - timedelta(days=chance.choice([0, 0, 3, 31, 100]))
    begins = ends - timedelta(days=chance.choice([0, 6, 30, 61, 180, 400]))
    given = {"from": begins.isoformat(), "to": ends.isoformat()} if report.period_days else {}
    if "by" in takes:
        given["by"] = chance.choice(GROUPS)
    for filter_, value in (("team", "Gulf"), ("source", "Web"), ("owner", "ana@demo.example"), ("market", "AE")):
        if filter_ in takes and chance.random() < 0.15:
            given[filter_] = value
    return given


def rows(name, given, as_of=None):
    """Without what grows while one looks at it."""
    return [{column: value for column, value in row.items() if column != "oldest_days"} for row in run(OPERATOR, name, given, as_of).rows]


def nothing_folded(binds, period, as_of, today, known_on=None):
    after = period[1] + timedelta(days=1)
    return {"months_from": after, "months_to": after}


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("name", REPORTS)
def test_any_period_says_the_same_from_the_fold_and_from_the_stays(db, leads, monkeypatch, name):
    assert complaints() == []
    chance = random.Random(name)  # the same each time
    periods = [asked(chance, name) for _ in range(25)]
    from_the_fold = [rows(name, given) for given in periods]
    monkeypatch.setattr(use_cases, "_folded_months", nothing_folded)
    assert [rows(name, given) for given in periods] == from_the_fold
    assert any(from_the_fold)


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("name", REPORTS)
def test_as_of_any_past_day_it_says_the_same_from_the_fold_and_from_the_stays(db, leads, monkeypatch, name):
    chance = random.Random(name)
    asking = []
    for _ in range(25):
        as_of = clock.today("Asia/Dubai") - timedelta(days=chance.choice([0, 1, 20, 33, 70, 190, 300]))
        asking.append((as_of, asked(chance, name, as_of)))
    from_the_fold = [rows(name, given, as_of) for as_of, given in asking]
    monkeypatch.setattr(use_cases, "_folded_months", nothing_folded)
    assert [rows(name, given, as_of) for as_of, given in asking] == from_the_fold
    assert any(from_the_fold)


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("back", [0, 1, 20, 33, 70, 190, 300])
def test_as_of_any_past_day_forecast_and_velocity_count_the_stays_that_stood_then(db, cast, leads, back):
    day = clock.today("Asia/Dubai") - timedelta(days=back)
    standing = stood(db, day)
    months = Counter(row["close_month"] if row["kind"] == "open" else row["entered_month"] for row in standing if row["kind"] in ("open", "won"))
    forecast = run(OPERATOR, "forecast", {"back": "60", "ahead": "60"}, day).rows
    assert {row["month"]: row["open"] + row["won"] for row in forecast if row["open"] + row["won"]} == months
    velocity = {row["stage_id"]: row for row in run(OPERATOR, "stage_velocity", {}, day).rows if row["leads"]}
    waiting = [row for row in standing if row["kind"] == "open"]
    assert {stage: row["leads"] for stage, row in velocity.items()} == Counter(row["stage_id"] for row in waiting)
    for stage, row in velocity.items():
        late = [each for each in waiting if each["stage_id"] == stage and each["is_late"]]
        assert (row["over_target"], row["over_target_usd"]) == (len(late), sum(each["value_usd"] for each in late)), stage
        assert row["oldest_days"] == max(each["days"] for each in waiting if each["stage_id"] == stage)


def stood(db, day):
    """The stays that spanned the end of a day, with what their stage is."""
    return db.rows(
        """
        select y.stage_id, s.kind, y.close_month, y.value_usd, date_trunc('month', y.stage_entered_at at time zone 'Asia/Dubai')::date as entered_month,
            y.stage_entered_at < e.at - make_interval(days => s.target_days) as is_late,
            round((date_part('epoch', e.at - y.stage_entered_at) / 86400)::numeric, 1) as days
        from crm.stays as y
        join crm.stages as s on s.id = y.stage_id
        cross join (select (cast(:day as date) + 1)::timestamp at time zone 'Asia/Dubai' as at) as e
        where y.entered_at < e.at and (y.left_at is null or y.left_at >= e.at)
        """,
        day=day,
    )


@pytest.mark.parametrize(
    ("begins", "ends", "months"),
    [
        (date(2026, 9, 1), date(2026, 11, 27), ("2026-09-01", "2026-12-01")),  # nothing comes after today
        (date(2026, 8, 31), date(2026, 11, 27), ("2026-09-01", "2026-12-01")),
        (date(2026, 9, 2), date(2026, 11, 26), ("2026-10-01", "2026-11-01")),
        (date(2026, 9, 1), date(2026, 9, 30), ("2026-09-01", "2026-10-01")),
        (date(2026, 12, 1), date(2026, 12, 1), ("2026-12-01", "2027-01-01")),  # for those ahead of the reporting time zone
        (date(2026, 9, 2), date(2026, 9, 30), ("2026-10-01", "2026-10-01")),
        (date(2026, 11, 20), date(2026, 11, 26), ("2026-11-27", "2026-11-27")),
        (date(1, 1, 1), date(2026, 11, 26), ("0001-01-01", "2026-11-01")),
    ],
)
def test_the_fold_answers_the_whole_months_of_a_period(begins, ends, months):
    found = use_cases._folded_months({}, (begins, ends), None, TODAY)
    assert tuple(day.isoformat() for day in found.values()) == months


@pytest.mark.parametrize("binds", [{"source": "Web"}, {"market": "AE"}, {"by": "stage_lost_from"}, {"by": "custom.size"}])
def test_what_the_fold_does_not_tell_apart_is_read_from_the_stays(binds):
    found = use_cases._folded_months(binds, (date(2026, 9, 1), TODAY), None, TODAY)
    assert set(found.values()) == {date(2026, 11, 28)}


def test_as_of_a_past_day_its_month_is_whole():
    assert months_as_of(date(2026, 9, 2), date(2026, 10, 20), date(2026, 10, 20)) == (date(2026, 10, 1), date(2026, 11, 1))
    assert months_as_of(date(2026, 9, 1), date(2026, 10, 18), date(2026, 10, 20)) == (date(2026, 9, 1), date(2026, 10, 1))


def months_as_of(begins, ends, as_of):
    return tuple(use_cases._folded_months({}, (begins, ends), as_of, TODAY).values())


@pytest.mark.parametrize("name", ["funnel", "win_rate", "owners", "sources", "cohorts", "stage_velocity"])
def test_whole_months_come_from_the_fold_as_of_a_past_day_too(db, cast, monkeypatch, name):
    """The figures would be the same without, and take ten times as long."""
    asked, ask = [], Query.run
    monkeypatch.setattr(Query, "run", lambda query, session, **params: asked.append(params) or ask(query, session, **params))
    for as_of in (None, clock.today("UTC") - timedelta(days=40)):
        run(OPERATOR, name, {"from": "2025-01-15"}, as_of)
        assert asked[-1]["months_from"] == date(2025, 2, 1)
        assert asked[-1]["months_to"] > (as_of or clock.today("UTC"))
