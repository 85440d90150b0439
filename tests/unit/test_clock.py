"""Days begin at midnight where people are, also where the clocks change; moments are told apart from days."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from crm import clock

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def test_now_knows_its_time_zone():
    assert clock.now().utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("time_zone", "day"), [("UTC", date(2026, 11, 21)), ("Pacific/Kiritimati", date(2026, 11, 22)), ("Pacific/Pago_Pago", date(2026, 11, 21))]
)
def test_today_is_a_matter_of_where(time_zone, day):
    with time_machine.travel(datetime(2026, 11, 21, 11, 0, tzinfo=UTC), tick=False):
        assert clock.today(time_zone) == day


@pytest.mark.parametrize(
    ("day", "time_zone", "end"),
    [
        (date(2026, 11, 21), "UTC", "2026-11-22T00:00"),
        (date(2026, 11, 21), "Asia/Dubai", "2026-11-21T20:00"),
        (date(2026, 3, 29), "Europe/Berlin", "2026-03-29T22:00"),  # a day of 23 hours
        (date(2026, 10, 25), "Europe/Berlin", "2026-10-25T23:00"),  # one of 25
        (date(2026, 4, 23), "Africa/Cairo", "2026-04-23T22:00"),  # the next day begins at one: midnight is skipped
        (date(2026, 12, 31), "Asia/Kathmandu", "2026-12-31T18:15"),
        (date(2024, 2, 28), "UTC", "2024-02-29T00:00"),
    ],
)
def test_a_day_ends_where_the_next_one_begins(day, time_zone, end):
    assert clock.end_of(day, time_zone) == datetime.fromisoformat(end).replace(tzinfo=UTC)


@given(st.dates(date(1990, 1, 1), date(2060, 1, 1)), st.sampled_from(["Europe/Berlin", "Africa/Cairo", "Asia/Dubai", "America/Sao_Paulo", "Asia/Amman"]))
def test_days_follow_one_another_without_gap_or_overlap(day, time_zone):
    length = clock.end_of(day, time_zone) - clock.end_of(day - timedelta(days=1), time_zone)
    assert timedelta(hours=23) <= length <= timedelta(hours=25)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "now"), (59, "now"), (-59, "now"), (60, "1 min ago"), (3599, "59 min ago"), (3600, "1 h ago"), (86399, "23 h ago"), (86400, "1 d ago"),
        (86400 * 60 - 1, "59 d ago"), (86400 * 61, "2 mo ago"), (86400 * 729, "23 mo ago"), (86400 * 731, "2 y ago"), (86400 * 3660, "10 y ago"),
        (-120, "in 2 min"), (-7200, "in 2 h"), (-86400 * 3, "in 3 d"), (-86400 * 800, "in 2 y"),
    ],
)  # fmt: skip
def test_how_long_ago_is_one_rounded_down_unit(seconds, said):
    assert clock.ago(NOON - timedelta(seconds=seconds), at=NOON) == said


def test_nothing_was_no_time_ago():
    assert clock.ago(None) == ""


def test_ago_counts_from_now():
    with time_machine.travel(NOON, tick=False):
        assert clock.ago(NOON - timedelta(hours=5)) == "5 h ago"


@given(st.datetimes(timezones=st.timezones()))
def test_every_moment_has_words(moment):
    assert clock.ago(moment, at=NOON)


def test_a_moment_without_time_zone_is_a_mistake_not_a_guess():
    with pytest.raises(TypeError):
        clock.ago(datetime(2026, 11, 21), at=NOON)  # noqa: DTZ001 - that is the point
