"""The audit: one list by time of what shaped the work (change rows) and who came in, took out or looked as whom (audit events).

Whatever is asked, each part is read along an index and only as far as a page goes, so that a million rows do not matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Integer, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from crm import clock
from crm.access import missing_grant, person_of
from crm.access.person import Person
from crm.audit import kinds, naming
from crm.errors import Invalid

PAGE = 50
EVENT, CHANGE = 0, 1
LONGEST_WORDS = 100
LARGEST_ID = 2**63 - 1
LAST_DAY = date(9999, 12, 30)
EARLIEST, LATEST = datetime(1, 1, 2, tzinfo=UTC), (datetime(9999, 12, 30, tzinfo=UTC), LARGEST_ID)
Cursor = tuple[datetime, int, int]
"""(moment, event or change, id) of the last entry seen."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Every part narrows the list. `person_id`: whoever did it or to whom it was done; days in `time_zone`, both included."""

    person_id: int | None = None
    group: str = ""
    from_day: date | None = None
    to_day: date | None = None
    words: str = ""
    time_zone: str = "UTC"

    def as_json(self) -> dict[str, Any]:
        """As a download keeps it; `AuditFilter.read` takes it back."""
        days = {name: day.isoformat() for name, day in (("from_day", self.from_day), ("to_day", self.to_day)) if day}
        return {"person_id": self.person_id, "group": self.group, "words": self.words, "time_zone": self.time_zone, **days}

    @staticmethod
    def read(given: Mapping[str, Any]) -> AuditFilter:
        days = {name: date.fromisoformat(given[name]) for name in ("from_day", "to_day") if given.get(name)}
        return AuditFilter(given["person_id"], given["group"], words=given["words"], time_zone=given["time_zone"], **days)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit. `fields` (of a change): field -> [before, after]; `facts` (of an event): what else is known."""

    at: datetime
    stream: int
    id: int
    who: str | None
    kind: str
    what: str
    """What was done, and to what: "Stage Negotiation: changed", "Signed in"."""
    address: str = ""
    source: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cursor(self) -> Cursor:
        return (self.at, self.stream, self.id)


@dataclass(frozen=True, slots=True)
class AuditPage:
    """`entries`, newest first; `next_after` continues the list (None at its end)."""

    entries: Sequence[Entry]
    next_after: Cursor | None = None


def require_auditor(person: Person, action: str = "view") -> None:
    """The audit tells of everybody, so the grant must reach everybody. Raises `Refused`."""
    if not person.require("audit", action).everywhere:
        raise missing_grant("audit", action, everywhere=True)


def list_audit(session: Session, wanted: AuditFilter, *, after: Cursor | None = None, most: int = PAGE) -> AuditPage:
    """One page of the audit, newest first. Raises `Refused`, `Invalid` for an unknown group."""
    require_auditor(person_of(session))
    if wanted.group and wanted.group not in kinds.GROUPS:
        raise Invalid(f"“{wanted.group}” is no part of the audit. Take one of: {', '.join(kinds.GROUPS)}.", field="kind")
    found = _Words.of(session, wanted.words)
    keys = _event_keys(session, wanted, found, after, most + 1)
    changes = _changes(session, wanted, found, after, most + 1)
    ordered = sorted({*keys, *changes}, key=lambda key: (key[0], -key[1], key[2]), reverse=True)
    entries = _entries(session, ordered[:most], changes)
    return AuditPage(entries, entries[-1].cursor if len(ordered) > most else None)


# Which rows


def _event_keys(session: Session, wanted: AuditFilter, found: _Words, after: Cursor | None, most: int) -> list[Cursor]:
    """The newest events that fit: each probe reads along its own index, and only as far as a page goes."""
    given: dict[str, Any] = {"most": most}
    rest = _event_rest(wanted, given) + _event_bounds(wanted, after, given)
    selects = [
        f"(select e.at, e.id from crm.audit_events as e where {' and '.join([probe, *rest])} order by e.at desc, e.id desc limit :most)"
        for probe in _event_probes(wanted, found, given)
    ]
    return [(row.at, EVENT, row.id) for row in session.execute(text(" union all ".join(selects)), given)]


_CHANGES = text("""
    select c.*, p.name as who
    from crm.audited_changes(:types, :before_at, :before_id, :begins, :who, :any_of, :named_types, :named_ids, :most) as c
    left join crm.people as p on p.id = c.person_id
""").bindparams(
    bindparam("types", type_=ARRAY(Text)), bindparam("before_at", type_=DateTime(timezone=True)), bindparam("before_id", type_=BigInteger),
    bindparam("begins", type_=DateTime(timezone=True)), bindparam("who", type_=BigInteger), bindparam("any_of", type_=ARRAY(BigInteger)),
    bindparam("named_types", type_=ARRAY(Text)), bindparam("named_ids", type_=ARRAY(BigInteger)), bindparam("most", type_=Integer),
)  # fmt: skip


def _changes(session: Session, wanted: AuditFilter, found: _Words, after: Cursor | None, most: int) -> dict[Cursor, Mapping[str, Any]]:
    """The newest changes of configuration that fit."""
    if wanted.group not in ("", kinds.SHAPING):
        return {}
    before_at, before_id = _before(CHANGE, wanted, after)
    given = {
        "types": list(kinds.shaping_types()), "before_at": before_at, "before_id": before_id, "begins": _begins(wanted) or EARLIEST, "who": wanted.person_id,
        "any_of": list(found.people) if found.text else None, "named_types": [name for name, _ in found.records],
        "named_ids": [record_id for _, record_id in found.records], "most": most,
    }  # fmt: skip
    return {(row["at"], CHANGE, row["id"]): dict(row) for row in session.execute(_CHANGES, given).mappings()}


@dataclass(frozen=True, slots=True)
class _Words:
    """What the words sought may mean: people, kinds of events, records by name, an address."""

    text: str = ""
    people: tuple[int, ...] = ()
    kinds: tuple[str, ...] = ()
    records: tuple[tuple[str, int], ...] = ()

    @staticmethod
    def of(session: Session, given: str) -> _Words:
        sought = " ".join(given.replace("\x00", "").split())[:LONGEST_WORDS].lower()
        if not sought:
            return _Words()
        named = {"q": sought}
        people = session.scalars(text("select id from crm.people where strpos(lower(name || ' ' || email), :q) > 0 limit 50"), named).all()
        labels = tuple(kind for kind in kinds.KINDS if sought in kinds.label(kind).lower())
        return _Words(sought, tuple(people), labels, tuple(naming.called(session, sought)))


def _event_probes(wanted: AuditFilter, found: _Words, given: dict[str, Any]) -> list[str]:
    """Conditions of which each has its index and one must hold."""
    if found.text:
        given["word"] = found.text
        probes = ["e.address = :word", "e.subject = :word"]
        for position, person_id in enumerate(found.people):
            given[f"p{position}"], given[f"s{position}"] = person_id, f"person {person_id}"
            probes += [f"e.person_id = :p{position}", f"e.subject = :s{position}"]
        for position, kind in enumerate(found.kinds):
            given[f"w{position}"] = kind
            probes.append(f"e.kind = :w{position}")
        return probes
    if wanted.person_id is not None:
        given.update(subject=f"person {wanted.person_id}", person_id=wanted.person_id)
        return ["e.person_id = :person_id", "e.subject = :subject"]
    if wanted.group:
        names = kinds.kinds_of(wanted.group)
        given.update({f"k{position}": kind for position, kind in enumerate(names)})
        return [f"e.kind = :k{position}" for position in range(len(names))]
    return ["true"]


def _event_rest(wanted: AuditFilter, given: dict[str, Any]) -> list[str]:
    rest = []
    if wanted.group:
        given["kinds"] = list(kinds.kinds_of(wanted.group))
        rest.append("e.kind = any (cast(:kinds as text[]))")
    if wanted.person_id is not None:
        given.update(subject=f"person {wanted.person_id}", person_id=wanted.person_id)
        rest.append("(e.person_id = :person_id or e.subject = :subject)")
    return rest


def _event_bounds(wanted: AuditFilter, after: Cursor | None, given: dict[str, Any]) -> list[str]:
    bounds = []
    if begins := _begins(wanted):
        given["begins"] = begins
        bounds.append("e.at >= :begins")
    if wanted.to_day or after:
        given["before_at"], given["before_id"] = _before(EVENT, wanted, after)
        bounds.append("(e.at, e.id) < (:before_at, cast(:before_id as bigint))")
    return bounds


def _begins(wanted: AuditFilter) -> datetime | None:
    return clock.start_of(wanted.from_day, wanted.time_zone) if wanted.from_day else None


def _before(stream: int, wanted: AuditFilter, after: Cursor | None) -> tuple[datetime, int]:
    """The (moment, id) that everything of this stream comes before: the end of the last day, or what was seen last."""
    ends = (clock.end_of(wanted.to_day, wanted.time_zone), 0) if wanted.to_day and wanted.to_day < LAST_DAY else LATEST
    if after is None:
        return ends
    last = after[2] if stream == after[1] else LARGEST_ID if stream > after[1] else 0
    return min(ends, (after[0], last))


# What they say

_EVENTS = text("""
    select e.id, e.at, e.person_id, p.name as who, e.kind, e.subject, e.address, e.facts
    from crm.audit_events as e left join crm.people as p on p.id = e.person_id where e.id = any(:ids)
""")


def _entries(session: Session, keys: Sequence[Cursor], rows: Mapping[Cursor, Mapping[str, Any]]) -> list[Entry]:
    asked = session.execute(_EVENTS, {"ids": [each[2] for each in keys if each[1] == EVENT]}).mappings()
    events: list[dict[str, Any]] = [dict(row) for row in asked]
    people = naming.names_of(session, "person", {int(row["subject"][7:]) for row in events if _is_of_person(row["subject"])})
    events = [{**row, "facts": {**row["facts"], **_places(session, row["facts"])}} for row in events]
    found = {(EVENT, row["id"]): _of_event(row, people) for row in events}
    changes = [rows[key] for key in keys if key[1] == CHANGE]
    names = {
        kind: naming.names_of(session, kind, {row["record_id"] for row in changes if row["record_type"] == kind})
        for kind in {row["record_type"] for row in changes}
    }
    found |= {(CHANGE, row["id"]): _of_change(row, names) for row in changes}
    return [found[stream, each] for _, stream, each in keys]


def _places(session: Session, facts: Mapping[str, Any]) -> dict[str, list[str]]:
    """Teams and roles by name, where an event tells of them by (team id, role id)."""
    places = facts.get("places")
    if not places:
        return {}
    teams = naming.names_of(session, "team", {team for team, _ in places if team})
    roles = naming.names_of(session, "role", {role for _, role in places})
    said = [(roles.get(role, "a role that is gone"), teams.get(team, "a team that is gone") if team else "") for team, role in places]
    return {"places": [f"{role} in {team}" if team else role for role, team in said]}


def _is_of_person(subject: str) -> bool:
    return subject.startswith("person ") and subject[7:].isdecimal()


def _of_event(row: Mapping[str, Any], people: Mapping[int, str]) -> Entry:
    subject = row["subject"]
    if _is_of_person(subject):
        subject = "" if int(subject[7:]) == row["person_id"] else people.get(int(subject[7:]), subject)
    elif subject.startswith(("session ", "key ")):
        subject = ""  # its number is among the details
    elif row["kind"] == "configuration.applied":
        subject = row["facts"].get("title") or subject
    what = kinds.sentence(row["kind"], subject)
    facts = {**row["facts"], **({"subject": row["subject"]} if row["subject"] else {})}
    return Entry(row["at"], EVENT, row["id"], row["who"], row["kind"], what, row["address"], "", {}, facts)


def _of_change(row: Mapping[str, Any], names: Mapping[str, Mapping[int, str]]) -> Entry:
    kind = kinds.shaping_types()[row["record_type"]]
    fields = dict(row["fields"])
    was_deleted = fields.get("deleted_at", [None, None])[1] is not None
    done = "added" if row["version"] == 1 else "removed" if was_deleted else "brought back" if "deleted_at" in fields else "changed"
    name = names.get(kind.name, {}).get(row["record_id"]) or f"no. {row['record_id']}"
    return Entry(
        row["at"], CHANGE, row["id"], row["who"], f"{kind.name}.{done.replace(' ', '_')}", f"{kind.label} {name}: {done}", "",
        row["source"], fields, {"record": f"{kind.name} {row['record_id']}", "version": row["version"]},
    )  # fmt: skip


def label_of(entry: Entry, name: str) -> str:
    """What people call a changed field."""
    kind = kinds.shaping_types().get(entry.kind.partition(".")[0])
    try:
        return kind.recorded(name).label if kind else name
    except Invalid:  # a field of an older release
        return name
