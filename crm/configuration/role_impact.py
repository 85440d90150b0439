"""What a draft of roles would do: who loses sight of how many leads, who may do what no longer, which fields close."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from crm.access import person_of
from crm.configuration.drafts import Draft, DraftEdit
from crm.configuration.saying import Impact, count
from crm.roles.impact import preview_role
from crm.roles.rules import is_held

KINDS = frozenset({"role", "grant", "field_rule"})


def say(session: Session, draft: Draft, edits: Sequence[DraftEdit]) -> Impact:
    """The draft's roles in sentences. A role that is new itself is held by nobody, so its grants change nothing yet."""
    new = [edit for edit in edits if edit.record_type == "role" and edit.record_id is None]
    of_new = [edit for edit in edits if any(isinstance(value, dict) for value in edit.wanted.values())]
    asked = [edit.as_edit() for edit in edits if edit not in of_new and edit not in new]
    found = preview_role(session, asked) if asked else None
    lines = [f"“{edit.wanted.get('name')}” is a new role with {count(_granted(edit, of_new), 'grant')}. Nobody holds it yet." for edit in new]
    blockers = [*(found.blockers if found else ()), *_not_held(session, of_new)]
    return Impact((*lines, *(found.lines if found else ())), (), tuple(dict.fromkeys(blockers)))


def _granted(role: DraftEdit, edits: Sequence[DraftEdit]) -> int:
    return sum(edit.record_type == "grant" and edit.wanted.get("role_id") == {"ref": role.ref} and edit.wanted.get("scope") != "none" for edit in edits)


def _not_held(session: Session, edits: Sequence[DraftEdit]) -> list[str]:
    """What a new role would grant and whoever drafts it does not hold: the write path refuses it, and so it is said before."""
    person = person_of(session)
    cells = [(str(edit.wanted.get("resource")), str(edit.wanted.get("action")), str(edit.wanted.get("scope"))) for edit in edits if edit.record_type == "grant"]
    return [
        f"You cannot grant “{resource}: {action}” as far as “{scope}”: you do not hold it that far yourself. Ask somebody who does."
        for resource, action, scope in cells
        if not is_held(person.reach(resource, action), scope, (), is_mine=False)
    ]
