"""What one does with an alert from Home or a lead's page: each says what came of it, with a way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from crm import clock
from crm.access import Person, acting_as
from crm.alerts import use_cases
from crm.alerts.rules import later
from crm.changes import Outcome
from crm.errors import CrmError, Stale
from crm.ui import messages, words
from crm.ui.lookups import Lookups
from crm.ui.words import Names

Alert = Mapping[str, Any]


def due(at: datetime, time_zone: str) -> str:
    """ "overdue 2 d", "today 10:00", "tomorrow 9:30", "24 Nov 10:00"."""
    now, local = clock.now(), at.astimezone(ZoneInfo(time_zone))
    if at < now:
        return "overdue " + clock.ago(at).removesuffix(" ago") if now - at >= timedelta(minutes=1) else "due now"
    days = (local.date() - clock.today(time_zone)).days
    return f"{ {0: 'today', 1: 'tomorrow'}.get(days) or words.day(local.date(), today=clock.today(time_zone)) } {local:%H:%M}"


def may_change(alert: Alert, person: Person, action: str = "edit") -> bool:
    return person.reach("alert", action).covers(team_id=alert["lead_team_id"], owner_id=alert["person_id"], person_id=person.id)


def finish(alert: Alert, person: Person) -> None:
    _do(person, lambda session: use_cases.finish_alert(session, alert["id"], alert["version"], source="form"), f"Done: {alert['text'] or alert['lead']}.")


def finish_with_call(alert: Alert, person: Person, activity: Mapping[str, Any]) -> bool:
    """Whether the call (or meeting, or note) is noted and the alert finished."""
    return _do(
        person, lambda session: use_cases.finish_with_activity(session, alert["id"], alert["version"], alert["lead_id"], activity, source="form"),
        f"Noted, and done: {alert['text'] or alert['lead']}.",
    )  # fmt: skip


def snooze(alert: Alert, person: Person, choice: str, lookups: Lookups) -> None:
    """By one of `crm.alerts.rules.LATER`; a day on which nobody works in the lead's market is passed by."""
    off, now = lookups.days_off(alert["market"]), clock.now()
    plainly, until = (later(choice, due_at=alert["due_at"], now=now, time_zone=person.time_zone, days_off=days) for days in ((), off))
    passed = ", ".join(dict.fromkeys(name for day, name in sorted(off.items()) if _day(plainly, person) <= day < _day(until, person)))
    _snooze(alert, person, until, f" {passed} is passed by." if passed else "")


def snooze_until(alert: Alert, person: Person, until: datetime, lookups: Lookups) -> None:
    """To the moment that was chosen, whatever day that is; a holiday is named."""
    _snooze(alert, person, until, on_holiday(until, person, lookups.days_off(alert["market"])))


def on_holiday(moment: datetime, person: Person, off: Mapping[date, str]) -> str:
    """ " That day is a holiday: National day."; empty for any other day."""
    name = off.get(_day(moment, person))
    return f" That day is a holiday: {name}." if name else ""


def _day(moment: datetime, person: Person) -> date:
    return moment.astimezone(ZoneInfo(person.time_zone)).date()


def _snooze(alert: Alert, person: Person, until: datetime, note: str) -> None:
    said = f"{alert['lead']} comes back {due(until, person.time_zone)}.{note}"
    _do(person, lambda session: use_cases.snooze_alert(session, alert["id"], alert["version"], until, source="form"), said)


def hand_over(alert: Alert, person: Person, to: int, names: Names) -> None:
    said = f"{names.people.get(to, 'Your colleague')} is reminded of {alert['lead']} now."
    _do(person, lambda session: use_cases.hand_over_alert(session, alert["id"], alert["version"], to, source="form"), said)


def remove(alert: Alert, person: Person) -> None:
    _do(person, lambda session: use_cases.delete_alert(session, alert["id"], alert["version"], source="form"), "The alert is removed.")


def set_new(lead_id: int, person: Person, values: Mapping[str, Any], off: Mapping[date, str]) -> bool:
    """`off`: the holidays of the lead's market."""
    said = f"The alert is set.{on_holiday(values['due_at'], person, off)}"
    return _do(person, lambda session: use_cases.set_alert(session, lead_id, values, source="form"), said)


def _do(person: Person, write: Callable[[Session], Outcome], said: str) -> bool:
    try:
        with acting_as(person) as session:
            outcome = write(session)
    except Stale:
        messages.leave("A colleague changed this alert first. Nothing of yours was written; it shows as it is now.")
    except CrmError as error:
        messages.leave(error.detail)
    else:
        is_theirs = all(result.status == "unchanged" for result in outcome.results)
        messages.leave("A colleague had done this already." if is_theirs else said, outcome.change_set_id)
        return True
    return False
