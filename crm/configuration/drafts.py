"""What somebody means to change, kept until they apply or discard it: one draft a person and subject, seen by nobody else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import person_of, writing
from crm.changes import Edit
from crm.changes.records import type_of
from crm.clock import now
from crm.errors import Invalid

MOST_EDITS = 2000
LARGEST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class DraftEdit:
    """One record's wanted values in plain (JSON) form; `{"deleted_at": True}` removes it.

    A new record (`record_id` None) may carry a `ref`; a value of another new record of the same draft names it as `{"ref": "..."}`.
    """

    record_type: str
    record_id: int | None
    wanted: Mapping[str, Any]
    seen_version: int | None = None
    ref: str | None = None

    @property
    def removes(self) -> bool:
        return bool(self.wanted.get("deleted_at"))

    def as_edit(self) -> Edit:
        """As the write path takes it, where it refers to nothing that the draft makes."""
        return Edit(self.record_type, self.record_id, {"deleted_at": now()} if self.removes else dict(self.wanted), self.seen_version)

    def as_json(self) -> dict[str, Any]:
        return {
            "record_type": self.record_type, "record_id": self.record_id, "seen_version": self.seen_version, "ref": self.ref, "wanted": dict(self.wanted),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Draft:
    """`places`: removed stage -> where its leads go, a stage's id or the `ref` of a new one. `id` is None before it was kept."""

    subject: str
    title: str
    edits: tuple[DraftEdit, ...] = ()
    places: Mapping[int, int | str] = field(default_factory=dict)
    id: int | None = None
    updated_at: datetime | None = None

    def of(self, record_type: str) -> tuple[DraftEdit, ...]:
        return tuple(edit for edit in self.edits if edit.record_type == record_type)

    def edit_of(self, record_type: str, record_id: int) -> DraftEdit | None:
        return next((edit for edit in self.edits if (edit.record_type, edit.record_id) == (record_type, record_id)), None)


_COLUMNS = "id, subject, title, edits, places, updated_at"
_ONE = text(f"select {_COLUMNS} from crm.configuration_drafts where subject = :subject and person_id = :me")
_KEEP = text("""
    insert into crm.configuration_drafts as d (person_id, subject, title, edits, places)
    values (:me, :subject, :title, cast(:edits as jsonb), cast(:places as jsonb))
    on conflict (person_id, subject) do update set title = excluded.title, edits = excluded.edits, places = excluded.places, updated_at = now()
    returning id, updated_at
""")
_DISCARD = text("delete from crm.configuration_drafts where subject = :subject and person_id = :me")


def open_draft(session: Session, subject: str) -> Draft | None:
    """One's own draft about `subject`; None without one."""
    row = session.execute(_ONE, {"subject": subject, "me": person_of(session).id}).mappings().one_or_none()
    return _draft(row) if row else None


def keep_draft(session: Session, subject: str, title: str, edits: Sequence[DraftEdit], places: Mapping[int, int | str] | None = None) -> Draft:
    """Keep it in place of the one there was. Raises `Invalid` for an edit of an unknown kind, and for one that is too large."""
    draft = checked(Draft(subject, title, tuple(edits), dict(places or {})))
    told = json.dumps([edit.as_json() for edit in draft.edits])
    if len(told) > LARGEST_BYTES:
        raise Invalid("This is too much for one draft. Apply a part of it first.")
    given = {"me": person_of(session).id, "subject": subject, "title": title, "edits": told, "places": json.dumps(_told(draft.places))}
    with writing(session, "account", "draft"):
        row = session.execute(_KEEP, given).one()
    return Draft(subject, title, draft.edits, draft.places, row.id, row.updated_at)


def discard_draft(session: Session, subject: str) -> None:
    """Forget it; nothing else happens."""
    with writing(session, "account", "draft"):
        session.execute(_DISCARD, {"subject": subject, "me": person_of(session).id})


def checked(draft: Draft) -> Draft:
    """The draft, if each edit names a kind of record and fields that there are. Values are read when it is applied."""
    if len(draft.edits) > MOST_EDITS:
        raise Invalid(f"A draft holds up to {MOST_EDITS:,} changes; this has {len(draft.edits):,}.")
    for edit in draft.edits:
        try:
            kind = type_of(edit.record_type)
        except KeyError:
            raise Invalid(f"“{edit.record_type}” is not something that can be configured.") from None
        for name in edit.wanted:
            kind.recorded(name)
    return draft


def _told(places: Mapping[int, int | str]) -> dict[str, int | str]:
    return {str(stage_id): to for stage_id, to in places.items()}


def _draft(row: Mapping[Any, Any]) -> Draft:
    edits = tuple(DraftEdit(each["record_type"], each["record_id"], each["wanted"], each["seen_version"], each["ref"]) for each in row["edits"])
    places = {int(stage_id): to for stage_id, to in row["places"].items()}
    return Draft(row["subject"], row["title"], edits, places, row["id"], row["updated_at"])
