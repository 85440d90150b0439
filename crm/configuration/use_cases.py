"""A draft becomes what holds: in one transaction, as one change set, or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import audit, person_of, writing
from crm.changes import Edit, apply
from crm.changes.records import type_of
from crm.clock import ago
from crm.configuration import drafts, moving
from crm.configuration.drafts import Draft, DraftEdit
from crm.configuration.impact import preview
from crm.db import direct
from crm.errors import Invalid, Stale
from crm.fields.records import CUSTOM_FIELD
from crm.fields.use_cases import convert, converting
from crm.pipelines.records import leads_follow

Refs = dict[str, int]


@dataclass(frozen=True, slots=True)
class Applied:
    """`change_set_id` is None when there was nothing to change. `leads_moving` are still on their way, in the background."""

    change_set_id: int | None
    leads_moving: int = 0
    made: Mapping[str, int] | None = None
    """The ids of the new records, by their refs."""


def apply_draft(session: Session, draft: Draft, *, source: str) -> Applied:
    """Write the draft, with the grants of the records it writes; then it is no longer kept.

    Raises `Invalid` where a question is open or something stands in the way, `Refused` without a grant, and `Stale`
    where somebody else changed the same value since it was seen. Nothing is written then, and the draft stays.
    """
    drafts.checked(draft)
    impact = preview(session, draft)
    if not impact.is_ready:
        raise Invalid([*impact.blockers, *(question.text for question in impact.questions)][0])
    try:
        with direct.savepoint(session):
            done = _write(session, draft, source=source)
    except Stale as stale:
        raise _told(session, stale) from stale
    drafts.discard_draft(session, draft.subject)
    if done.change_set_id:
        with writing(session, "account", "configure"):
            audit.record(session, "configuration.applied", person_id=person_of(session).id, subject=draft.subject, title=draft.title,
                         change_set_id=done.change_set_id)  # fmt: skip
    return done


def _write(session: Session, draft: Draft, *, source: str) -> Applied:
    """What goes makes room for what comes (names are free again); what is new may refer to what is new."""
    removed = [edit for edit in draft.edits if edit.removes]
    changed = [edit for edit in draft.edits if not edit.removes and edit.record_id is not None]
    plain, referring = [edit for edit in changed if not _needs(edit)], [edit for edit in changed if _needs(edit)]
    places = {stage_id: to for stage_id, to in draft.places.items() if draft.edit_of("stage", stage_id) in removed}
    refs: Refs = {}
    change_set_id: int | None = None
    kinds = converting(session, [edit.as_edit() for edit in draft.of(CUSTOM_FIELD.name)])  # asked before the kinds change
    with leads_follow(session, set(places)):
        for batch in (removed, plain, *_rounds([edit for edit in draft.edits if edit.record_id is None]), referring):
            outcome = apply(
                session, [_edit(edit, refs) for edit in batch], source=source, label=draft.title, on_conflict="refuse", change_set_id=change_set_id
            )  # fmt: skip
            change_set_id = outcome.change_set_id or change_set_id
            refs |= {edit.ref: result.record_id for edit, result in zip(batch, outcome.results, strict=True) if edit.ref and result.record_id}
    if change_set_id is None:
        return Applied(None)
    convert(session, kinds, change_set_id=change_set_id, source=source)
    moving_on = sum(moving.begin(session, change_set_id, stage_id, refs[to] if isinstance(to, str) else to, source=source) for stage_id, to in places.items())
    return Applied(change_set_id, moving_on, refs)


def _rounds(edits: Sequence[DraftEdit]) -> list[list[DraftEdit]]:
    """New records, those first that others refer to. Raises `Invalid` where one refers to what is not there, or in a ring."""
    rounds: list[list[DraftEdit]] = []
    made: set[str] = set()
    waiting = list(edits)
    while waiting:
        ready = [edit for edit in waiting if _needs(edit) <= made]
        if not ready:
            raise Invalid("The draft refers to something that it does not make.")
        rounds.append(ready)
        waiting = [edit for edit in waiting if edit not in ready]
        made |= {edit.ref for edit in ready if edit.ref}
    return rounds


def _needs(edit: DraftEdit) -> set[str]:
    return {str(value["ref"]) for value in edit.wanted.values() if _is_ref(value)}


def _is_ref(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"ref"}


def _edit(edit: DraftEdit, refs: Refs) -> Edit:
    return replace(edit, wanted={name: _value(value, refs) for name, value in edit.wanted.items()}).as_edit()


def _value(value: Any, refs: Refs) -> Any:
    if not _is_ref(value):
        return value
    if value["ref"] not in refs:
        raise Invalid("The draft refers to something that it does not make.")
    return refs[value["ref"]]


def _told(session: Session, stale: Stale) -> Stale:
    """Who changed what since, in words."""
    met = stale.facts["conflicts"][0]
    kind, record_id = type_of(stale.facts["record_type"]), stale.facts["record_id"]
    name = _name_of(session, kind.table, record_id)
    who = session.scalar(text("select name from crm.people where id = :id"), {"id": met.their_person_id}) if met.their_person_id else None
    when = f" {ago(met.their_at).replace('now', 'just now')}" if met.their_at else ""
    what = "removed" if met.field == "deleted_at" and met.theirs else f"changed the {met.label.lower()} of"
    return Stale(
        f"{who or 'Somebody else'} {what} “{name}”{when}, after you looked. Nothing was applied, your draft is kept: look again and decide.", **stale.facts
    )


# What has no name of its own goes by the cell of its grid.
_NAME = """coalesce(to_jsonb(r) ->> 'name', to_jsonb(r) ->> 'label', (to_jsonb(r) ->> 'resource') || ': ' || (to_jsonb(r) ->> 'action'),
    (to_jsonb(r) ->> 'record_type') || '.' || (to_jsonb(r) ->> 'field'))"""


def _name_of(session: Session, table: str, record_id: int) -> str:
    found = session.scalar(text(f"select {_NAME} from {table} as r where id = :id"), {"id": record_id})
    return str(found or f"no. {record_id}")


_SINCE = text("""
    select c.fields from crm.changes as c
    where c.record_type = :kind and c.record_id = :id and c.version > :seen order by c.version
""")


def look_again(session: Session, draft: Draft, *, keeps_mine: bool) -> Draft:
    """The draft over what stands now. Where somebody else changed the same value, mine stays in it or theirs does.

    What they removed is left out. The draft is kept as it then is; without edits it is discarded.
    """
    edits = [fresh for edit in draft.edits if (fresh := _fresh(session, edit, keeps_mine=keeps_mine)) is not None]
    if not edits:
        drafts.discard_draft(session, draft.subject)
        return replace(draft, edits=(), places={}, id=None)
    return drafts.keep_draft(session, draft.subject, draft.title, edits, draft.places)


def _fresh(session: Session, edit: DraftEdit, *, keeps_mine: bool) -> DraftEdit | None:
    if edit.record_id is None:
        return edit
    kind = type_of(edit.record_type)
    gone = "r.deleted_at is not null" if kind.is_deletable else "false"
    row = session.execute(text(f"select r.version, {gone} as is_gone from {kind.table} as r where r.id = :id"), {"id": edit.record_id}).one_or_none()
    if row is None or row.is_gone:
        return None
    changes = session.scalars(_SINCE, {"kind": kind.name, "id": edit.record_id, "seen": edit.seen_version or 0}).all()
    theirs = {name for fields in changes for name in fields}
    if edit.removes and theirs and not keeps_mine:
        return None
    wanted = edit.wanted if keeps_mine else {name: value for name, value in edit.wanted.items() if name not in theirs}
    return replace(edit, wanted=wanted, seen_version=row.version) if wanted else None
