"""Whole months of a period come from the fold, the days at its ends from the stays: wherever months end, reports say what the stays alone say."""

import random
from datetime import date, timedelta

import pytest

from crm import clock
from crm.access import OPERATOR
from crm.ledger.fold import fold
from crm.reports import use_cases
from crm.reports.use_cases import run
from tests.db.ledgers import add_lead, complaints, set_time_zone
from tests.db.test_reports_recount import act

REPORTS = ("funnel", "cohorts", "owners", "sources", "win_rate")
GROUPS = ("owner", "team", "pipeline", "month", "source", "market", "stage_lost_from")
TODAY = date(2026, 11, 27)


@pytest.fixture
def leads(db, cast):
    """Leads that began over a year, moved about, some of them folded and some not yet."""
    chance = random.Random(5)
    set_time_zone(db, "Asia/Dubai")
    found = [add_lead(cast, "Gulf", "ana", when=clock.now() - timedelta(days=days), value="100", source="Web") for days in (1, 28, 33, 62, 200, 350)]
    for number in range(70):
        act(db, cast, chance, found)
        if number == 45:
            fold()
    return found


def asked(chance, name):
    """Filters as people give them: any period, sometimes a team, a source, a market or somebody's."""
    report = use_cases.report_named(name)
    takes = {param.name for param in report.params}
    ends = clock.today("Asia/Dubai") - timedelta(days=chance.choice([0, 0, 3, 31, 100]))
    begins = ends - timedelta(days=chance.choice([0, 6, 30, 61, 180, 400]))
    given = {"from": begins.isoformat(), "to": ends.isoformat()} if report.period_days else {}
    if "by" in takes:
        given["by"] = chance.choice(GROUPS)
    for filter_, value in (("team", "Gulf"), ("source", "Web"), ("owner", "ana@demo.example"), ("market", "AE")):
        if filter_ in takes and chance.random() < 0.15:
            given[filter_] = value
    return given


def nothing_folded(binds, period, as_of, today):
    after = period[1] + timedelta(days=1)
    return {"months_from": after, "months_to": after}


@pytest.mark.parametrize("name", REPORTS)
def test_any_period_says_the_same_from_the_fold_and_from_the_stays(db, leads, monkeypatch, name):
    assert complaints() == []
    chance = random.Random(name)  # the same each time
    periods = [asked(chance, name) for _ in range(25)]
    from_the_fold = [run(OPERATOR, name, given).rows for given in periods]
    monkeypatch.setattr(use_cases, "_folded_months", nothing_folded)
    assert [run(OPERATOR, name, given).rows for given in periods] == from_the_fold
    assert any(from_the_fold)


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


def test_as_of_a_past_day_nothing_comes_from_the_fold():
    found = use_cases._folded_months({}, (date(2026, 9, 1), date(2026, 10, 31)), date(2026, 10, 31), TODAY)
    assert set(found.values()) == {date(2026, 11, 1)}
