"""What changing custom fields comes to: which values convert, which are lost, which options still stand somewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import person_of, writing
from crm.changes import apply
from crm.changes.records import type_of
from crm.configuration.drafts import Draft, DraftEdit
from crm.configuration.saying import Impact, count
from crm.errors import CrmError, Stale
from crm.fields.catalogue import own_catalogue
from crm.fields.kinds import CHOOSING, KINDS, Definition, text_of
from crm.fields.records import CUSTOM_FIELD
from crm.fields.rules import RECORD_TYPES
from crm.fields.use_cases import Converting, converting
from crm.leads.reads import names_of_teams
from crm.pipelines.reads import pipelines
from crm.templates.reads import uses_of

FIELD_KINDS = frozenset({CUSTOM_FIELD.name})


def say(session: Session, draft: Draft, edits: Sequence[DraftEdit]) -> Impact:
    """The draft's fields in sentences. Needs the grant to shape some; writes nothing."""
    person_of(session).require("field", "configure")
    known = {field.id: field for field in own_catalogue(session).fields}
    try:
        kinds = {each.before.id: each for each in converting(session, [edit.as_edit() for edit in edits])}
    except CrmError as error:
        return Impact(blockers=(error.detail,))
    lines: list[str] = []
    for edit in edits:
        field = known.get(edit.record_id or 0)
        if edit.record_id is None:
            lines += _new(edit.wanted, names_of_teams(session))
        elif field and edit.removes:
            lines.append(_removal(session, field))
        elif field:
            lines += _change(session, field, edit.wanted, kinds.get(field.id))
    if any(edit.record_id in known and "position" in edit.wanted for edit in edits):
        lines.append("The order of the fields changes.")
    blockers = _blockers(session, draft, edits, known, list(kinds.values()))
    return Impact(tuple(lines), (), tuple(blockers), is_losing=any(kind.values.lost for kind in kinds.values()))


def _new(wanted: Mapping[str, Any], teams: Mapping[int, str]) -> list[str]:
    of = str(RECORD_TYPES.get(str(wanted.get("record_type")), "records")).lower()
    team = wanted.get("team_id")
    whose = f" of {teams.get(team, 'its team')}" if isinstance(team, int) else " of every team"
    kind = str(wanted.get("kind") or "text")
    options = f" out of {', '.join(_listed(wanted.get('options'))[:5])}" if kind in CHOOSING else ""
    asked = " It is asked for on new leads." if wanted.get("is_required") and wanted.get("record_type") == "lead" else ""
    return [f"“{wanted.get('label') or ''}” is new on {of}{whose}: {KINDS.get(kind, kind).lower()}{options}.{asked}"]


def _listed(options: Any) -> list[str]:
    return [str(option) for option in options] if isinstance(options, (list, tuple)) else []


def _removal(session: Session, field: Definition) -> str:
    held = _count(session, field, "true")
    kept = f"{count(held, 'value')} {'is' if held == 1 else 'are'} kept, and undo brings {'it' if held == 1 else 'them'} back" if held else "it holds no value"
    return f"“{field.label}” is removed from lists and pages; {kept}.{_used(session, field)}"


def _used(session: Session, field: Definition) -> str:
    """Templates that name it, those included that the person does not see."""
    with writing(session, "account", "preview"):
        uses = uses_of(session, field.record_type, field.key)
    return f" {count(uses, 'template')} {'uses' if uses == 1 else 'use'} it and will have a gap there." if uses else ""


def _change(session: Session, field: Definition, wanted: Mapping[str, Any], kind: Converting | None) -> list[str]:
    label = str(wanted.get("label", field.label))
    lines = [f"“{field.label}” is called “{label}” from now on. Its values and its key stay."] if label != field.label else []
    if kind:
        lines.append(f"“{label}” becomes {KINDS.get(kind.after.kind, kind.after.kind).lower()}. {kind.values.words}")
    elif "options" in wanted:
        lines += _options(session, field, label, _listed(wanted["options"]))
    if "is_required" in wanted:
        lines.append(f"“{label}” is asked for on new leads, and is never emptied again." if wanted["is_required"] else f"“{label}” is no longer required.")
    if "is_unique" in wanted:
        lines.append(f"No two records of a team may have the same “{label}”." if wanted["is_unique"] else f"Records may share the same “{label}” again.")
    if "default_value" in wanted:
        default = text_of(str(wanted.get("kind", field.kind)), wanted["default_value"])
        lines.append(f"New records begin with “{default}” as “{label}”." if default else f"New records begin without “{label}”.")
    return [*lines, *([f"The help of “{label}” changes."] if "help" in wanted else [])]


def _options(session: Session, field: Definition, label: str, options: Sequence[str]) -> list[str]:
    gone, new = ([each for each in one if each not in other] for one, other in ((field.options, options), (options, field.options)))
    lines = [f"“{label}” also offers {', '.join(new[:5])}."] if new else []
    if gone:
        held = _count(session, field, "r.custom -> :key ?| :gone", gone=gone)
        says, keeps = ("says", "keeps") if held == 1 else ("say", "keep")
        kept = f" {count(held, 'record')} {says} so and {keeps} it until somebody edits it." if held else ""
        lines.append(f"“{label}” no longer offers {', '.join(gone[:5])}.{kept}")
    return lines or [f"The options of “{label}” stand in another order."]


def _count(session: Session, field: Definition, where: str, **given: Any) -> int:
    """Live records with a value, those included that the person does not see: a number tells nothing else of them."""
    counted = text(f"select count(*) from {type_of(field.record_type).table} as r where r.custom ? :key and r.deleted_at is null and {where}")
    with writing(session, "account", "preview"):
        return int(session.scalar(counted, {"key": field.key, **given}) or 0)


def _blockers(session: Session, draft: Draft, edits: Sequence[DraftEdit], known: Mapping[int, Definition], kinds: Sequence[Converting]) -> list[str]:
    found = [refusal.detail for each in kinds if (refusal := each.refusal)]
    for edit in edits:
        if edit.removes and (field := known.get(edit.record_id or 0)) and field.record_type == "lead":
            found += [f"“{stage}” asks for “{field.label}” before a lead may enter. Take it out there first." for stage in _asking(session, draft, field)]
    return found + _tried(session, edits)


def _asking(session: Session, draft: Draft, field: Definition) -> list[str]:
    """The stages that would still ask for the field once the draft holds."""
    found = []
    for stage in (stage for pipeline in pipelines(session) for stage in pipeline.stages):
        edit = draft.edit_of("stage", stage.id)
        asked = (edit.wanted.get("requirements") or {}).get("fields", ()) if edit and "requirements" in edit.wanted else stage.required_fields
        if field.name in asked and not (edit and edit.removes):
            found.append(stage.name)
    return found


def _tried(session: Session, edits: Sequence[DraftEdit]) -> list[str]:
    """What would refuse it: tried for real and taken back."""
    savepoint = session.begin_nested()
    try:
        apply(session, [edit.as_edit() for edit in edits], source="configuration", on_conflict="refuse")
    except Stale:
        return []  # that is no fault of the edits: whoever applies them is told who was first
    except CrmError as error:
        return [error.detail]
    finally:
        savepoint.rollback()
    return []
