"""Quarters follow the fiscal year, and goals add up without counting anybody twice."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.goals import rules
from crm.goals.rules import Goal

GULF, COAST, LEVANT = 1, 2, 3
PARENTS = {GULF: None, COAST: GULF, LEVANT: None}
Q4 = date(2026, 10, 1)


def goal(team, person, amount):
    return Goal(0, 1, team, person, Q4, Decimal(amount))


@given(day=st.dates(date(1900, 1, 1), date(2900, 1, 1)), month=st.integers(1, 12))
def test_every_day_lies_in_one_quarter_of_its_fiscal_year(day, month):
    begins = rules.quarter_start(day, month)
    assert begins <= day <= rules.ends_on(begins)
    assert begins in rules.quarters(rules.year_start(day, month))
    assert rules.quarter_start(rules.ends_on(begins) + timedelta(days=1), month) == rules.months_on(begins, 3)


@pytest.mark.parametrize(
    ("day", "month", "name"),
    [
        (date(2026, 11, 26), 1, "Q4 2026"), (date(2026, 1, 1), 1, "Q1 2026"), (date(2026, 3, 31), 4, "Q4 2025/26"), (date(2026, 4, 1), 4, "Q1 2026/27"),
        (date(2099, 12, 31), 12, "Q1 2099/00"), (date(2026, 2, 1), 2, "Q1 2026/27"),
    ],
)  # fmt: skip
def test_a_quarter_is_named_by_its_fiscal_year(day, month, name):
    assert rules.quarter_name(rules.quarter_start(day, month), month) == name


def test_a_persons_goal_is_the_sum_over_their_teams():
    goals = [goal(GULF, 7, 100), goal(LEVANT, 7, 50), goal(GULF, 8, 10), goal(GULF, None, 900)]
    assert rules.of_person(goals, 7) == 150
    assert rules.of_person(goals, 9) is None


@pytest.mark.parametrize(
    ("goals", "total"),
    [
        ([], None),
        ([goal(GULF, 7, 100), goal(GULF, 8, 10)], 110),
        ([goal(GULF, 7, 100), goal(GULF, None, 500)], 500),
        ([goal(GULF, None, 500), goal(COAST, None, 200), goal(COAST, 7, 90)], 500),
        ([goal(COAST, None, 200), goal(COAST, 7, 90), goal(GULF, 8, 10)], 210),
        ([goal(GULF, None, 500), goal(LEVANT, 9, 70)], 570),
    ],
)
def test_a_teams_goal_stands_for_its_people_and_the_teams_below(goals, total):
    assert rules.of_teams(goals, PARENTS) == total


def test_teams_that_name_each_other_as_parent_end_somewhere():
    assert rules.of_teams([goal(GULF, 7, 10)], {GULF: COAST, COAST: GULF}) == 10


def test_progress_is_a_share_of_the_goal_and_nothing_without_one():
    assert rules.progress(Decimal(50), Decimal(200)) == Decimal("0.25")
    assert rules.progress(Decimal(300), Decimal(200)) == Decimal("1.5")
    assert rules.progress(Decimal(50), None) is None
    assert rules.progress(None, Decimal(200)) is None
