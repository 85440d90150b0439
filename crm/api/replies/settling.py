"""What met a colleague's change, and what an undo leaves."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from crm.api.replies.shapes import Named, Out


class FieldConflict(Out):
    """One field that somebody else changed first."""

    field: str
    seen: Any = Field(description="What it was in the version you saw; null also when that version was erased")
    theirs: Any = Field(description="What it is now")
    mine: Any = Field(description="What you wanted")
    their_person: Named | None
    their_at: datetime | None


class PlainConflict(Out):
    field: str
    seen: Any
    theirs: Any
    mine: Any


class Conflict(FieldConflict):
    id: int
    record_type: str
    record: Named
    their_source: str | None
    seen_version: int
    their_version: int
    change_set: int | None
    created_at: datetime


class ConflictList(Out):
    data: list[Conflict]
    next_cursor: str | None


class Resolved(Out):
    id: int
    choice: Literal["mine", "theirs"]
    change_set: int | None
    version: int | None = Field(description="The record's version after your value was written")


class LeftAlone(Out):
    """Something undo did not touch, and why."""

    record_type: str
    id: int
    reason: str
    field: str | None
    seen: Any
    theirs: Any
    mine: Any


class Undone(Out):
    change_set: int | None = Field(description="The undo's own change set; null when nothing could be taken back")
    records: int
    left_alone: list[LeftAlone]
