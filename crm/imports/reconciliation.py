"""What became of every row: rows in = created + updated + unchanged + skipped + failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MOST_LISTED = 1000


@dataclass(frozen=True, slots=True)
class Remark:
    """One row that was not written, and why. `line` is the line in the file where the row begins."""

    file: str
    line: int
    reason: str

    def as_json(self) -> dict[str, Any]:
        return {"file": self.file, "line": self.line, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class FileRead:
    """How one file was understood."""

    name: str
    form: str
    columns: Mapping[str, str]
    ignored: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "form": self.form, "columns": dict(self.columns), "ignored": list(self.ignored)}


@dataclass(slots=True)
class Reconciliation:
    """`change_set_id` is None when nothing was written. `made` counts or names what the rows needed; `notes` are worth reading."""

    rows_in: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0
    is_dry_run: bool = False
    change_set_id: int | None = None
    key: str | None = None
    date_order: str | None = None
    files: list[FileRead] = field(default_factory=list)
    failures: list[Remark] = field(default_factory=list)
    skips: list[Remark] = field(default_factory=list)
    made: dict[str, list[str]] = field(default_factory=dict)
    companies: int = 0
    contacts: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def adds_up(self) -> bool:
        return self.rows_in == self.created + self.updated + self.unchanged + self.skipped + self.failed

    def fail(self, file: str, line: int, reason: str) -> None:
        self.failed += 1
        if len(self.failures) < MOST_LISTED:
            self.failures.append(Remark(file, line, reason))

    def skip(self, file: str, line: int, reason: str) -> None:
        self.skipped += 1
        if len(self.skips) < MOST_LISTED:
            self.skips.append(Remark(file, line, reason))

    def as_json(self) -> dict[str, Any]:
        """Failures and skips are listed up to `MOST_LISTED` each; their counts are whole."""
        return {
            "rows_in": self.rows_in, "created": self.created, "updated": self.updated, "unchanged": self.unchanged, "skipped": self.skipped,
            "failed": self.failed, "dry_run": self.is_dry_run, "change_set": self.change_set_id, "key": self.key, "date_order": self.date_order,
            "files": [found.as_json() for found in self.files], "failures": [remark.as_json() for remark in self.failures],
            "skips": [remark.as_json() for remark in self.skips], "made": self.made, "companies": self.companies, "contacts": self.contacts,
            "notes": self.notes,
        }  # fmt: skip
