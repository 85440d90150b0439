"""The audit as a CSV file, for those with `audit: export`. Cells that a spreadsheet would take for a formula are defused."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

from sqlalchemy.orm import Session

from crm.access import Person, acting_as
from crm.access.downloads import defused
from crm.audit.reads import AuditFilter, Entry, label_of, list_audit, require_auditor
from crm.changes.history import plain_text

KIND = "audit"
FILE_NAME = "audit.csv"
MOST_ROWS = 200_000
BATCH = 2_000
COLUMNS = ("at", "who", "what", "kind", "from", "door", "details")


def check(person: Person, _filters: Mapping[str, Any]) -> None:
    """Raises `Refused` for whoever may not see the audit and take it away."""
    require_auditor(person, "view")
    require_auditor(person, "export")


def write_csv(person: Person, filters: Mapping[str, Any], file: IO[str], told: Callable[[int], None] = lambda _: None) -> tuple[int, dict[str, Any]]:
    """Write the entries that the person may see now, newest first; answers how many, and what the audit says of it. `told`: how many so far."""
    check(person, filters)
    wanted = AuditFilter.read(filters)
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    written = 0
    with acting_as(person, resource="audit", action="view") as session:
        for entry in _all(session, wanted):
            writer.writerow([defused(cell) for cell in _cells(entry)])
            written += 1
            if written % BATCH == 0:
                told(written)
    return written, {"subject": KIND, "format": "CSV", "filters": {name: value for name, value in wanted.as_json().items() if value}}


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
