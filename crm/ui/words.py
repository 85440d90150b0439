"""How the pages say things: counts, days, money, where a change came from, what a field's value means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from crm import clock, money
from crm.fields.kinds import Definition, text_of
from crm.pipelines.reads import StageRow

NOTHING = "–"
DOORS: Mapping[str, str] = {
    "grid": "in the grid", "form": "on the lead's page", "board": "on the board", "bulk": "by a bulk edit", "api": "over the API", "import": "by an import",
    "undo": "by an undo", "conflict": "by settling a conflict", "sync": "by the order sync", "demo": "in the demo data", "page": "on a page",
    "command": "on the command line", "setup": "at the first set-up", "configuration": "by a change of the set-up",
}  # fmt: skip
ACTIVITIES: Mapping[str, str] = {
    "call": "Call", "meeting": "Meeting", "note": "Note", "mail_in": "Mail received", "mail_out": "Mail sent", "message": "Message",
}  # fmt: skip


def count(number: int, word: str, plural: str = "") -> str:
    """ "1 lead", "1,204 leads"."""
    return f"{number:,} {word if number == 1 else plural or word + 's'}"


def day(value: date | None, *, today: date) -> str:
    """ "12 Dec", with the year where it is another one."""
    if value is None:
        return ""
    return f"{value.day} {value:%b}" if value.year == today.year else f"{value.day} {value:%b %Y}"


def moment(value: datetime, time_zone: str) -> str:
    """The exact time for a hover: "21 Nov 2026, 09:12"."""
    local = value.astimezone(ZoneInfo(time_zone))
    return f"{local.day} {local:%b %Y, %H:%M}"


def door(source: str | None) -> str:
    """Where a change was made: "in the grid"; "" when nobody knows."""
    return DOORS.get(source or "", f"by {source}" if source else "")


def amount(value: Mapping[str, Any] | None) -> str:
    """Money in its plain form as people read it: "$12,400", "AED 3,200.50"."""
    if not value:
        return ""
    text = f"{money.read_amount(value['amount']):,.2f}".removesuffix(".00")
    return f"${text}" if value["currency"] == money.BASE_CURRENCY else f"{value['currency']} {text}"


@dataclass(frozen=True)
class Names:
    """What ids are called, for one person. `me` shows as “you” in sentences."""

    me: int
    time_zone: str
    people: Mapping[int, str] = field(default_factory=dict)
    teams: Mapping[int, str] = field(default_factory=dict)
    pipelines: Mapping[int, str] = field(default_factory=dict)
    stages: Mapping[int, StageRow] = field(default_factory=dict)
    away: Mapping[int, date | None] = field(default_factory=dict)
    """Who is away today -> their last day away, None while nobody knows."""
    fields: Mapping[str, Definition] = field(default_factory=dict)
    """Custom fields of leads, by `custom.<key>`."""

    def owner(self, person_id: int | None) -> str:
        """Somebody's name where an owner is chosen, with their absence beside it."""
        if person_id is None:
            return "Nobody"
        name, absence = self.people.get(person_id, "Nobody"), self.absence(person_id)
        return f"{name} ({absence})" if absence else name

    def absence(self, person_id: int | None) -> str:
        """ "away until 12 Dec", "away"; "" for somebody who is there."""
        if person_id is None or person_id not in self.away:
            return ""
        until = self.away[person_id]
        return f"away until {day(until, today=clock.today(self.time_zone))}" if until else "away"

    def person(self, person_id: int | None, *, otherwise: str = "the system") -> str:
        if person_id is None:
            return otherwise
        return "you" if person_id == self.me else self.people.get(person_id, "somebody")

    def field(self, name: str, otherwise: str) -> str:
        """What a field of a lead is called."""
        return self.fields[name].label if name in self.fields else otherwise

    def plain(self, name: str, value: Any) -> str:
        """A field's plain (JSON) value in words; "" for none."""
        if value is None or value == "":
            return ""
        if name == "stage_id":
            return self.stages[value].name if value in self.stages else "a stage that is gone"
        if name.startswith("custom."):
            kind = self.fields[name].kind if name in self.fields else "text"
            return amount(value) if kind == "money" and isinstance(value, Mapping) else text_of(kind, value, self.people)
        if name in _BOOKS:
            return str(getattr(self, _BOOKS[name]).get(value, f"no. {value}"))
        if name == "value":
            return amount(value)
        if name.endswith("_at") or name == "deleted_at":
            return moment(datetime.fromisoformat(str(value)), self.time_zone)
        if name.endswith("_on"):
            return day(date.fromisoformat(str(value)), today=clock.today(self.time_zone))
        return str(value)


_BOOKS = {"owner_id": "people", "person_id": "people", "team_id": "teams", "pipeline_id": "pipelines"}


def ago_html(value: datetime | None, time_zone: str) -> str:
    """ "3 d ago" with the exact time on hover."""
    if value is None:
        return ""
    said = clock.ago(value)
    return f'<span title="{escape(moment(value, time_zone))}">{"just now" if said == "now" else escape(said)}</span>'


def local_day(value: datetime, time_zone: str) -> date:
    return value.astimezone(ZoneInfo(time_zone)).date()


def at(day_: date, hour: int, minute: int, time_zone: str) -> datetime:
    """That wall-clock time in `time_zone`, in UTC."""
    return datetime(day_.year, day_.month, day_.day, hour, minute, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def when(value: datetime, time_zone: str) -> str:
    """ "today 09:12", "yesterday 17:40", "3 Nov", "3 Nov 2025"."""
    local, today = value.astimezone(ZoneInfo(time_zone)), clock.today(time_zone)
    days = (today - local.date()).days
    if days in (0, 1):
        return f"{'today' if days == 0 else 'yesterday'} {local:%H:%M}"
    return day(local.date(), today=today)
