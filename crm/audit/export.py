"""The audit as a CSV file, for those with `audit: export`. Cells that a spreadsheet would take for a formula are defused."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from typing import IO, Any

from sqlalchemy.orm import Session

from crm.access import Person, acting_as, as_system, audit, downloads
from crm.access.downloads import defused
from crm.audit.reads import AuditFilter, Entry, label_of, list_audit, require_auditor
from crm.changes.history import plain_text

KIND = "audit"
FILE_NAME = "audit.csv"
MOST_ROWS = 200_000
BATCH = 2_000
COLUMNS = ("at", "who", "what", "kind", "from", "door", "details")


def ask_for_export(person: Person, wanted: AuditFilter) -> str:
    """A token by which the file can be fetched once. Raises `Refused`."""
    require_auditor(person, "view")
    require_auditor(person, "export")
    return downloads.issue(person, KIND, wanted.as_json())


def write_csv(person: Person, filters: Mapping[str, Any], file: IO[str]) -> int:
    """Write the entries that the person may see now, newest first, and note it in the audit; answers how many."""
    require_auditor(person, "export")
    wanted = AuditFilter.read(filters)
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    written = 0
    with acting_as(person, resource="audit", action="view") as session:
        for entry in _all(session, wanted):
            writer.writerow([defused(cell) for cell in _cells(entry)])
            written += 1
    with as_system() as machinery:
        audit.record(machinery, "exported", person_id=person.id, subject=KIND, rows=written, filters={k: v for k, v in wanted.as_json().items() if v})
    return written


def _all(session: Session, wanted: AuditFilter) -> Iterator[Entry]:
    after, given = None, 0
    while given < MOST_ROWS:
        page = list_audit(session, wanted, after=after, most=min(BATCH, MOST_ROWS - given))
        yield from page.entries
        given += len(page.entries)
        after = page.next_after
        if after is None:
            return


def _cells(entry: Entry) -> tuple[str, ...]:
    return (entry.at.isoformat(), entry.who or "", entry.what, entry.kind, entry.address, entry.source, details(entry))


def details(entry: Entry) -> str:
    """Every changed field with before and after, or the event's facts, in one cell."""
    if entry.fields:
        return "; ".join(f"{label_of(entry, name)}: {plain_text(before)} → {plain_text(after)}" for name, (before, after) in entry.fields.items())
    return "; ".join(f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}" for name, value in entry.facts.items())
