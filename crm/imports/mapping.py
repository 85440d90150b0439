"""Which column feeds which field."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crm.errors import Invalid

FIELDS = (
    "name", "company", "contact", "email", "phone", "owner", "stage", "value", "currency", "source", "created_on", "closed_on", "expected_close_on",
    "next_step", "external_id", "market", "lost_reason",
)  # fmt: skip
DATES = ("created_on", "closed_on", "expected_close_on")
IGNORED = ("", "-", "ignore")
KEYS = ("external_id", "email", "phone", "name")
_CUSTOM = re.compile(r"custom\.\w[\w .-]{0,61}\w?\Z")

# What columns are called out there; a field's own name, with or without its underscore, needs no entry.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "name": ("lead", "lead name", "deal", "deal name", "opportunity", "opportunity name", "title"),
    "company": ("company name", "account", "account name", "organisation", "organization", "customer", "business"),
    "contact": ("contact name", "contact person", "full name"),
    "email": ("e-mail", "mail", "email address", "e-mail address"),
    "phone": ("telephone", "tel", "mobile", "phone number"),
    "owner": ("lead owner", "deal owner", "sales agent", "sales rep", "salesperson", "agent", "rep", "assigned to", "account manager", "responsible"),
    "stage": ("deal stage", "pipeline stage", "lead status", "status"),
    "value": ("amount", "deal value", "deal amount", "close value", "expected revenue"),
    "source": ("lead source", "channel"),
    "created_on": ("created", "created at", "create date", "creation date", "date created", "created date", "engage date", "opened"),
    "closed_on": ("closed", "closed at", "close date", "closed date", "date closed"),
    "expected_close_on": ("expected close", "expected close date", "expected closing", "forecast date"),
    "next_step": ("next steps", "next action"),
    "external_id": ("id", "external key", "opportunity id", "deal id", "lead id", "record id"),
    "market": ("country code",),
    "lost_reason": ("reason lost", "closed lost reason"),
}


def plain(header: str) -> str:
    """The header as it is compared: lower case, blanks for underscores."""
    return " ".join(header.replace("_", " ").lower().split())


@dataclass(frozen=True)
class ColumnMap:
    """`fields` maps a field to its column's position; `ignored` are the columns that nothing was made of."""

    fields: Mapping[str, int]
    header: tuple[str, ...]
    ignored: tuple[str, ...]

    def column(self, field: str) -> str:
        return self.header[self.fields[field]]

    def as_json(self) -> dict[str, str]:
        return {self.header[position]: field for field, position in self.fields.items()}


def read_pairs(given: Sequence[str]) -> dict[str, str]:
    """`COLUMN=field` pairs, from the last equals sign. Raises `Invalid` for an unknown field or one named twice."""
    found: dict[str, str] = {}
    for pair in given:
        column, equals, field = pair.rpartition("=")
        field = field.strip()
        if not equals or not column.strip():
            raise Invalid(f"“{pair}” is not COLUMN=field, such as deal_stage=stage.", field="map")
        if field not in FIELDS and field not in IGNORED and not _CUSTOM.match(field):
            raise Invalid(f"There is no field “{field}”. Fields are: {', '.join(FIELDS)}, and custom.<name>.", field="map")
        if plain(column) in found:
            raise Invalid(f"Column “{column.strip()}” is mapped twice.", field="map")
        found[plain(column)] = field
    named = Counter(field for field in found.values() if field not in IGNORED)
    if twice := [field for field, times in named.items() if times > 1]:
        raise Invalid(f"Two columns are mapped to “{twice[0]}”. Keep one.", field="map")
    return found


def map_columns(header: Sequence[str], wanted: Mapping[str, str]) -> ColumnMap:
    """`wanted` as `read_pairs` answers it. A column called like a field feeds it; without any wanted pair, so do the usual synonyms.

    Raises `Invalid` where two columns carry the name that is meant.
    """
    names = [plain(column) for column in header]
    chosen: dict[str, str] = {field: column for column, field in wanted.items() if field not in IGNORED and column in names}
    for field in FIELDS:
        candidates = (plain(field), *(() if wanted else SYNONYMS.get(field, ())))
        found = next((name for name in candidates if name in names and name not in wanted and name not in chosen.values()), None)
        if field not in chosen and found is not None:
            chosen[field] = found
    for name in names:
        if not wanted and name.startswith("custom.") and _CUSTOM.match(name.replace(" ", "_")) and name not in chosen.values():
            chosen[name.replace(" ", "_")] = name
    for name in chosen.values():
        if names.count(name) > 1:
            raise Invalid(f"Two columns are called “{header[names.index(name)]}”. Rename one of them, so that it is clear which is meant.", field="map")
    positions = {field: names.index(name) for field, name in chosen.items()}
    used = set(positions.values())
    return ColumnMap(positions, tuple(header), tuple(column for position, column in enumerate(header) if position not in used and column))


def check_pairs(wanted: Mapping[str, str], headers: Sequence[Sequence[str]]) -> None:
    """Every mapped column must be in one of the files."""
    known = {plain(column) for header in headers for column in header}
    for column in wanted:
        if column not in known:
            columns = ", ".join(dict.fromkeys(column for header in headers for column in header if column))
            raise Invalid(f"There is no column “{column}”. Columns are: {columns[:400]}.", field="map")


def choose_key(given: str | None, maps: Sequence[ColumnMap]) -> str | None:
    """The field that finds a lead again: the given one, else external_id where it is mapped; "none" is no key."""
    mapped = {field for found in maps for field in found.fields}
    if given is None:
        return "external_id" if "external_id" in mapped else None
    if given == "none":
        return None
    if given not in KEYS and not given.startswith("custom."):
        raise Invalid(f"“{given}” cannot find a lead again. Take one of: {', '.join(KEYS)}, or custom.<name>.", field="key")
    if any(given not in found.fields for found in maps):
        raise Invalid(f"The key “{given}” is not among the mapped columns. Map a column to it.", field="key")
    return given
