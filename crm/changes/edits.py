"""What goes into the write path and what comes out of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from crm.clock import now
from crm.errors import CrmError, Gone, NotFound, Refused

Status = Literal["applied", "merged", "unchanged", "conflict", "not_found", "denied", "invalid"]


@dataclass(frozen=True, slots=True)
class Edit:
    """One record's wanted values. `record_id` None makes a new record; `seen_version` is what the person looked at.

    `effective_at`: when it really happened, where that was earlier (imports, syncs); never before the
    record's last recorded change. `brought`: fields of a new record whose values come along from another one
    as they stand there; they are nobody's to say, so these may be closed to whoever makes it.
    """

    record_type: str
    record_id: int | None
    wanted: Mapping[str, Any]
    seen_version: int | None = None
    effective_at: datetime | None = None
    brought: frozenset[str] = frozenset()

    @property
    def action(self) -> str:
        """The word of the grant it needs."""
        if self.record_id is None:
            return "create"
        return "delete" if "deleted_at" in self.wanted else "edit"


def delete_edit(record_type: str, record_id: int, seen_version: int) -> Edit:
    """The edit that deletes (softly: undo brings the record back)."""
    return Edit(record_type, record_id, {"deleted_at": now()}, seen_version)


def waves(edits: Sequence[Edit]) -> list[list[int]]:
    """Positions of the edits, so that each record is met once per wave."""
    found: list[list[int]] = []
    met: dict[tuple[str, int], int] = defaultdict(int)
    for position, edit in enumerate(edits):
        wave = 0
        if edit.record_id is not None:
            wave = met[(edit.record_type, edit.record_id)]
            met[(edit.record_type, edit.record_id)] += 1
        if wave == len(found):
            found.append([])
        found[wave].append(position)
    return found


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One field that somebody else changed first. Values are plain (JSON) forms; `seen` is None when erased."""

    field: str
    label: str
    seen: Any
    theirs: Any
    mine: Any
    their_person_id: int | None = None
    their_at: datetime | None = None
    their_source: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {"field": self.field, "seen": self.seen, "theirs": self.theirs, "mine": self.mine}


@dataclass(slots=True)
class Result:
    """What became of one edit. `version` is the record's after it; `applied` lists the fields written."""

    edit: Edit
    status: Status
    record_id: int | None = None
    version: int | None = None
    applied: tuple[str, ...] = ()
    conflicts: tuple[Disagreement, ...] = ()
    error: CrmError | None = None

    @property
    def is_kept(self) -> bool:
        """Whether everything wanted now stands in the record."""
        return self.status in ("applied", "merged", "unchanged")

    def fail(self, error: CrmError) -> None:
        """Nothing of the edit was written, for this reason."""
        if isinstance(error, (NotFound, Gone)):
            self.status = "not_found"
        else:
            self.status = "denied" if isinstance(error, Refused) else "invalid"
        self.error, self.conflicts, self.applied = error, (), ()


@dataclass(slots=True)
class Outcome:
    """Results in the order of the edits; `change_set_id` is None when nothing was written or kept."""

    results: list[Result] = field(default_factory=list)
    change_set_id: int | None = None

    def count(self, *statuses: Status) -> int:
        return sum(result.status in statuses for result in self.results)
