"""When an alert comes back: pure decisions about days and hours where a person is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MORNING = time(9)
LATER: Mapping[str, str] = {"hour": "In an hour", "morning": "Tomorrow morning", "day": "A day later", "monday": "Next Monday"}


def at_hour(day: date, hour: time, time_zone: str) -> datetime:
    """That wall-clock time of that day, in UTC; a time that a clock change leaves out becomes the one an hour later."""
    return datetime.combine(day, hour, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def working_day(day: date, days_off: Collection[date]) -> date:
    """That day, or the first one after it that is no day off."""
    while day in days_off:
        day += timedelta(days=1)
    return day


def later(choice: str, *, due_at: datetime, now: datetime, time_zone: str, days_off: Collection[date] = ()) -> datetime:
    """When an alert of `due_at` is due after a snooze by one of `LATER`, always after `now`; days begin and end in `time_zone`.

    A choice of a day passes the `days_off` by.
    """
    if choice == "hour":
        return max(now, due_at) + timedelta(hours=1)
    zone = ZoneInfo(time_zone)
    today = now.astimezone(zone).date()
    if choice == "morning":
        return at_hour(working_day(today + timedelta(days=1), days_off), MORNING, time_zone)
    if choice == "monday":
        return at_hour(working_day(today + timedelta(days=7 - today.weekday()), days_off), MORNING, time_zone)
    due = due_at.astimezone(zone)
    return at_hour(working_day(max(due.date(), today) + timedelta(days=1), days_off), due.time(), time_zone)
