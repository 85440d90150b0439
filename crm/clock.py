"""The only source of time. Tests replace it with `time_machine`."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo


def now() -> datetime:
    """The current moment, aware, in UTC."""
    return datetime.now(UTC)


def today(time_zone: str) -> date:
    """The calendar day it is now in `time_zone` (an IANA name)."""
    return now().astimezone(ZoneInfo(time_zone)).date()


def start_of(day: date, time_zone: str) -> datetime:
    """The first moment of `day` in `time_zone`."""
    if day <= date(1, 1, 2):  # the calendar begins: an earlier moment elsewhere would be none
        return datetime(1, 1, 2, tzinfo=UTC)
    return datetime.combine(day, datetime.min.time(), tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def end_of(day: date, time_zone: str) -> datetime:
    """The first moment after `day` in `time_zone`: an exclusive bound for "as of the end of that day"."""
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def ago(moment: datetime | None, *, at: datetime | None = None) -> str:
    """ "3 d ago", "in 2 h", "now"; an empty string for None."""
    if moment is None:
        return ""
    seconds = ((at or now()) - moment).total_seconds()
    size = abs(seconds)
    if size < 60:
        return "now"
    for limit, unit, word in ((3600, 60, "min"), (86400, 3600, "h"), (86400 * 60, 86400, "d"), (86400 * 731, 86400 * 30.44, "mo")):
        if size < limit:
            text = f"{int(size // unit)} {word}"
            break
    else:
        text = f"{int(size // (86400 * 365.25))} y"
    return f"{text} ago" if seconds > 0 else f"in {text}"
