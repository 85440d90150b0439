"""The audit: one list by time of what shaped the work (change rows) and who came in, took out or looked as whom (audit events).

Whatever is asked, each part is read along an index and only as far as a page goes, so that a million rows do not matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm import clock
from crm.access import missing_grant, person_of
from crm.access.person import Person
from crm.audit import kinds
from crm.errors import Invalid

PAGE = 50
EVENT, CHANGE = 0, 1
LONGEST_WORDS = 100
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
    who_id: int | None
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
        raise missing_grant("audit", action, here=True)


def list_audit(session: Session, wanted: AuditFilter, *, after: Cursor | None = None, most: int = PAGE) -> AuditPage:
    """One page of the audit, newest first. Raises `Refused`, `Invalid` for an unknown group."""
    require_auditor(person_of(session))
    if wanted.group and wanted.group not in kinds.GROUPS:
        raise Invalid(f"“{wanted.group}” is no part of the audit. Take one of: {', '.join(kinds.GROUPS)}.", field="kind")
    parts, given = _parts(session, wanted, after)
    if not parts:
        return AuditPage(())
    sql = f"select distinct at, stream, id from ({' union all '.join(parts)}) as found order by at desc, stream, id desc limit :most"
    keys = session.execute(text(sql), {**given, "most": most + 1}).all()
    entries = _entries(session, [(row.at, row.stream, row.id) for row in keys[:most]])
    return AuditPage(entries, (keys[most - 1].at, keys[most - 1].stream, keys[most - 1].id) if len(keys) > most else None)


# Which rows


def _parts(session: Session, wanted: AuditFilter, after: Cursor | None) -> tuple[list[str], dict[str, Any]]:
    """Selects of (at, stream, id), each along an index, and their parameters."""
    given: dict[str, Any] = {"types": list(kinds.shaping_types())}
    found = _Words.of(session, wanted.words)
    parts = []
    if (event_probes := _event_probes(wanted, found, given)) is not None:
        rest = _event_rest(wanted, given) + _bounds("e", EVENT, wanted, after, given)
        parts += [_select("crm.audit_events as e", EVENT, [probe, *rest]) for probe in event_probes]
    if wanted.group in ("", kinds.SHAPING):
        rest = ["c.record_type <> all (array['lead', 'company', 'contact', 'activity', 'alert'])", "c.record_type = any (cast(:types as text[]))"]
        rest += _change_rest(wanted, found, given) + _bounds("c", CHANGE, wanted, after, given)
        parts.append(_select("crm.changes as c", CHANGE, rest))
    return parts, given


def _select(table: str, stream: int, where: Sequence[str]) -> str:
    alias = table[-1]
    return f"(select {alias}.at, {stream} as stream, {alias}.id from {table} where {' and '.join(where)} order by {alias}.at desc, {alias}.id desc limit :most)"


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
        records: list[tuple[str, int]] = []
        for name, kind in kinds.shaping_types().items():
            if "name" in kind.fields:
                ids = session.scalars(text(f"select id from {kind.table} where strpos(lower(name), :q) > 0 limit 200"), named)
                records += [(name, record_id) for record_id in ids]
        return _Words(sought, tuple(people), labels, tuple(records))


def _event_probes(wanted: AuditFilter, found: _Words, given: dict[str, Any]) -> list[str] | None:
    """Conditions of which each has its index and one must hold; None where no event can be meant."""
    if found.text:
        given.update(word=found.text, subjects=[f"person {each}" for each in found.people])
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


def _change_rest(wanted: AuditFilter, found: _Words, given: dict[str, Any]) -> list[str]:
    rest = []
    if wanted.person_id is not None:
        given["person_id"] = wanted.person_id
        rest.append("(c.person_id = :person_id or (c.record_type = 'person' and c.record_id = :person_id))")
    if found.text:
        given.update(people=list(found.people), named_types=[name for name, _ in found.records], named_ids=[record_id for _, record_id in found.records])
        rest.append("""(c.person_id = any (cast(:people as bigint[])) or (c.record_type, c.record_id) in (
            select * from unnest(cast(:named_types as text[]), cast(:named_ids as bigint[]))))""")
    return rest


def _bounds(alias: str, stream: int, wanted: AuditFilter, after: Cursor | None, given: dict[str, Any]) -> list[str]:
    bounds = []
    if wanted.from_day:
        given["begins"] = clock.end_of(date.fromordinal(max(1, wanted.from_day.toordinal() - 1)), wanted.time_zone)
        bounds.append(f"{alias}.at >= :begins")
    if wanted.to_day:
        given["ends"] = clock.end_of(wanted.to_day, wanted.time_zone)
        bounds.append(f"{alias}.at < :ends")
    if after:
        given.update(after_at=after[0], after_id=after[2])
        if stream == after[1]:
            bounds.append(f"({alias}.at, {alias}.id) < (:after_at, cast(:after_id as bigint))")
        else:
            bounds.append(f"{alias}.at {'<=' if stream > after[1] else '<'} :after_at")
    return bounds


# What they say

_EVENTS = text("""
    select e.id, e.at, e.person_id, p.name as who, e.kind, e.subject, e.address, e.facts
    from crm.audit_events as e left join crm.people as p on p.id = e.person_id where e.id = any(:ids)
""")
_CHANGES = text("""
    select c.id, c.at, c.person_id, p.name as who, c.record_type, c.record_id, c.version, c.source, c.fields
    from crm.changes as c left join crm.people as p on p.id = c.person_id where c.id = any(:ids)
""")


def _entries(session: Session, keys: Sequence[Cursor]) -> list[Entry]:
    events = session.execute(_EVENTS, {"ids": [each[2] for each in keys if each[1] == EVENT]}).mappings().all()
    changes = session.execute(_CHANGES, {"ids": [each[2] for each in keys if each[1] == CHANGE]}).mappings().all()
    people = _names(session, "crm.people", {int(row["subject"][7:]) for row in events if _is_of_person(row["subject"])})
    found = {(EVENT, row["id"]): _of_event(dict(row), people) for row in events}
    names = {
        kind: _names(session, kinds.shaping_types()[kind].table, {row["record_id"] for row in changes if row["record_type"] == kind})
        for kind in {row["record_type"] for row in changes}
        if "name" in kinds.shaping_types()[kind].fields
    }
    found |= {(CHANGE, row["id"]): _of_change(dict(row), names) for row in changes}
    return [found[stream, each] for _, stream, each in keys]


def _names(session: Session, table: str, ids: set[int]) -> dict[int, str]:
    return {row.id: row.name for row in session.execute(text(f"select id, name from {table} where id = any(:ids)"), {"ids": sorted(ids)})} if ids else {}


def _is_of_person(subject: str) -> bool:
    return subject.startswith("person ") and subject[7:].isdecimal()


def _of_event(row: Mapping[str, Any], people: Mapping[int, str]) -> Entry:
    subject = row["subject"]
    if _is_of_person(subject):
        subject = "" if int(subject[7:]) == row["person_id"] else people.get(int(subject[7:]), subject)
    elif subject.startswith(("session ", "key ")):
        subject = ""  # its number is among the details
    what = f"{kinds.label(row['kind'])} {subject}".strip()
    facts = {**row["facts"], **({"subject": row["subject"]} if row["subject"] else {})}
    return Entry(row["at"], EVENT, row["id"], row["person_id"], row["who"], row["kind"], what, row["address"], "", {}, facts)


def _of_change(row: Mapping[str, Any], names: Mapping[str, Mapping[int, str]]) -> Entry:
    kind = kinds.shaping_types()[row["record_type"]]
    fields = dict(row["fields"])
    was_deleted = fields.get("deleted_at", [None, None])[1] is not None
    done = "added" if row["version"] == 1 else "removed" if was_deleted else "brought back" if "deleted_at" in fields else "changed"
    name = names.get(kind.name, {}).get(row["record_id"]) or f"no. {row['record_id']}"
    return Entry(
        row["at"], CHANGE, row["id"], row["person_id"], row["who"], f"{kind.name}.{done.replace(' ', '_')}", f"{kind.label} {name}: {done}", "",
        row["source"], fields, {"record": f"{kind.name} {row['record_id']}", "version": row["version"]},
    )  # fmt: skip


def label_of(entry: Entry, name: str) -> str:
    """What people call a changed field."""
    kind = kinds.shaping_types().get(entry.kind.partition(".")[0])
    try:
        return kind.recorded(name).label if kind else name
    except Invalid:  # a field of an older release
        return name
