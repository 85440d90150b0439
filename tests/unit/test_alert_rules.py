"""A snooze ends where the person is, and never in the past."""

from datetime import UTC, datetime, timedelta

import pytest

from crm.alerts.rules import LATER, later

NOON = datetime(2026, 3, 27, 9, 30, tzinfo=UTC)  # a Friday, 13:30 in Dubai


def in_dubai(choice: str, due_at: datetime, now: datetime = NOON) -> datetime:
    return later(choice, due_at=due_at, now=now, time_zone="Asia/Dubai")


def test_an_hour_counts_from_now_when_the_alert_was_due_before():
    assert in_dubai("hour", datetime(2026, 3, 20, tzinfo=UTC)) == datetime(2026, 3, 27, 10, 30, tzinfo=UTC)
    assert in_dubai("hour", datetime(2026, 3, 27, 12, tzinfo=UTC)) == datetime(2026, 3, 27, 13, tzinfo=UTC)


def test_tomorrow_morning_is_nine_where_the_person_is():
    assert in_dubai("morning", NOON) == datetime(2026, 3, 28, 5, tzinfo=UTC)
    late = datetime(2026, 3, 27, 21, tzinfo=UTC)  # Saturday 01:00 in Dubai
    assert in_dubai("morning", NOON, now=late) == datetime(2026, 3, 29, 5, tzinfo=UTC)


def test_a_day_later_keeps_the_hour_of_the_day_over_a_clock_change():
    berlin = datetime(2026, 3, 28, 9, tzinfo=UTC)  # 10:00, and clocks go forward that night
    assert later("day", due_at=berlin, now=NOON, time_zone="Europe/Berlin") == datetime(2026, 3, 29, 8, tzinfo=UTC)


def test_a_day_later_than_long_overdue_is_tomorrow():
    assert in_dubai("day", datetime(2026, 3, 1, 6, tzinfo=UTC)) == datetime(2026, 3, 28, 6, tzinfo=UTC)


def test_next_monday_is_never_today():
    monday = datetime(2026, 3, 30, 4, tzinfo=UTC)
    assert in_dubai("monday", NOON) == datetime(2026, 3, 30, 5, tzinfo=UTC)
    assert in_dubai("monday", monday, now=monday) == datetime(2026, 4, 6, 5, tzinfo=UTC)


@pytest.mark.parametrize("choice", ["morning", "day", "monday"])
def test_days_off_are_passed_by(choice):
    plainly = later(choice, due_at=NOON, now=NOON, time_zone="Asia/Dubai")
    off = {plainly.date(), plainly.date() + timedelta(days=1)}
    assert later(choice, due_at=NOON, now=NOON, time_zone="Asia/Dubai", days_off=off) == plainly + timedelta(days=2)


def test_an_hour_is_an_hour_on_a_day_off_too():
    assert later("hour", due_at=NOON, now=NOON, time_zone="Asia/Dubai", days_off={NOON.date()}) == datetime(2026, 3, 27, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize("choice", LATER)
@pytest.mark.parametrize("zone", ["Asia/Dubai", "America/New_York", "Pacific/Kiritimati", "UTC"])
def test_every_snooze_ends_after_now(choice, zone):
    for hour in range(24):
        now = datetime(2026, 10, 25, hour, 59, tzinfo=UTC)
        assert later(choice, due_at=datetime(2020, 1, 1, tzinfo=UTC), now=now, time_zone=zone) > now
