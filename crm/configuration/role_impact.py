"""What a draft of roles would do: who loses sight of how many leads, who may do what no longer, which fields close."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from crm.changes import Edit
from crm.clock import now
from crm.configuration.drafts import Draft, DraftEdit
from crm.configuration.saying import Impact, count
from crm.roles.impact import preview_role

KINDS = frozenset({"role", "grant", "field_rule"})


def say(session: Session, draft: Draft, edits: Sequence[DraftEdit]) -> Impact:
    """The draft's roles in sentences. A role that is new itself is held by nobody, so its grants change nothing yet."""
    new = sum(edit.record_type == "role" and edit.record_id is None for edit in edits)
    known = [_edit(edit) for edit in edits if not any(isinstance(value, dict) for value in edit.wanted.values())]
    asked = [edit for edit in known if not (edit.record_type == "role" and edit.record_id is None)]
    found = preview_role(session, asked) if asked else None
    lines = (f"{count(new, 'new role')}, which nobody holds yet.",) if new else ()
    return Impact(lines + (found.lines if found else ()), (), found.blockers if found else ())


def _edit(edit: DraftEdit) -> Edit:
    wanted = {"deleted_at": now()} if edit.removes else dict(edit.wanted)
    return Edit(edit.record_type, edit.record_id, wanted, edit.seen_version)
