"""Custom fields in the configuration file: everybody's, and those of single teams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from crm.access import missing_grant, person_of
from crm.configuration.drafts import DraftEdit
from crm.configuration.field_plan import Place, PlannedField, edits_of, standing
from crm.configuration.yaml_reading import flag, known_parts, mapping, plain, sequence, team_of, words
from crm.fields.catalogue import own_catalogue
from crm.fields.kinds import Definition
from crm.fields.rules import RECORD_TYPES
from crm.leads.reads import names_of_teams

FIELD_KEYS = ("field", "key", "kind", "options", "required", "unique", "default", "help")
RECORDS: Mapping[str, str] = {name.lower(): record_type for record_type, name in RECORD_TYPES.items()}
"""leads, companies, contacts -> the kind of record."""


def write(session: Session) -> dict[str, Any]:
    """The fields that the person may shape."""
    reach, names = person_of(session).reach("field", "configure"), names_of_teams(session)
    found: dict[str, Any] = {}
    for field in own_catalogue(session).fields:
        if reach.everywhere or (field.team_id in reach.teams and field.team_id in names):
            place = found.setdefault("everybody", {}) if field.team_id is None else found.setdefault("teams", {}).setdefault(names[field.team_id], {})
            place.setdefault(RECORD_TYPES[field.record_type].lower(), []).append(_write_field(field))
    return found


def _write_field(field: Definition) -> dict[str, Any]:
    said = {
        "field": field.label, "key": field.key, "kind": field.kind, "options": list(field.options) or None, "required": field.is_required or None,
        "unique": field.is_unique or None, "default": field.default, "help": field.help,
    }  # fmt: skip
    return {name: value for name, value in said.items() if value is not None}


def read(session: Session, given: Any) -> list[DraftEdit]:
    """The edits that make the named places' fields so. Raises `Invalid`."""
    parts = mapping(given, "fields")
    known_parts(parts, ("everybody", "teams"), "fields", "this part")
    ids = {name: team_id for team_id, name in names_of_teams(session).items()}
    known = own_catalogue(session).fields
    places: list[tuple[str, int | None, Any]] = [("everybody", None, parts["everybody"])] if "everybody" in parts else []
    places += [(name, team_of(name, ids), team) for name, team in mapping(parts.get("teams", {}), "fields, teams").items()]
    edits: list[DraftEdit] = []
    reach = person_of(session).reach("field", "configure")
    for name, team_id, team in places:
        if team and not (reach.everywhere or team_id in reach.teams):
            raise missing_grant("field", "configure", here=team_id is not None and not reach.is_none, everywhere=team_id is None and not reach.is_none)
        records = mapping(team, f"fields, {name}")
        known_parts(records, list(RECORDS), f"fields, {name}", "a team")
        for title, fields in records.items():
            where = f"{name}, {title}"
            edits += _read_place((RECORDS[title], team_id), sequence(fields, where), where, known)
    return edits


def _read_place(place: Place, given: Sequence[Any], where: str, known: Sequence[Definition]) -> list[DraftEdit]:
    """A field is known by its key, or without one by its name."""
    left = {field.id: field for field in known if (field.record_type, field.team_id) == place}
    planned: list[PlannedField] = []
    for number, each in enumerate(given, 1):
        wanted = _read_field(each, f"{where}, field {number}", f"{place[0]}.{place[1] or 'everybody'}.{number}")
        was = next((field for field in left.values() if _is_meant(field, wanted)), None)
        planned.append(replace(wanted, key=left.pop(was.id).id, was=was, name=None) if was else wanted)
    return edits_of(place, [*planned, *(replace(standing(field), is_removed=True) for field in left.values())], None)


def _is_meant(field: Definition, wanted: PlannedField) -> bool:
    return field.key == wanted.name if wanted.name else field.label.casefold() == wanted.label.casefold()


def _read_field(given: Any, where: str, ref: str) -> PlannedField:
    said = mapping(given, where)
    known_parts(said, FIELD_KEYS, where, "a field")
    return PlannedField(
        ref, words(said.get("field"), where), kind=words(said.get("kind", "text"), f"{where}, kind"),
        options=tuple(words(each, f"{where}, options") for each in sequence(said.get("options", []), f"{where}, options")),
        is_required=flag(said, "required", where), is_unique=flag(said, "unique", where), default_value=plain(said.get("default"), f"{where}, default"),
        help=None if said.get("help") is None else words(said["help"], f"{where}, help"),
        name=None if said.get("key") is None else words(said["key"], f"{where}, key"),
    )  # fmt: skip
