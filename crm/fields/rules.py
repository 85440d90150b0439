"""Decisions about custom fields: no session, no clock."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from crm.errors import Invalid
from crm.fields.kinds import CHOOSING, COMPARED, KINDS, LONGEST_OPTION, MOST_OPTIONS, Definition, typed
from crm.letters import legible

RECORD_TYPES: Mapping[str, str] = {"lead": "Leads", "company": "Companies", "contact": "Contacts"}
LONGEST_LABEL, LONGEST_HELP = 80, 300
_KEY = re.compile(r"\w[\w .-]{0,61}\w?\Z")


def key_of(label: str, taken: Collection[str]) -> str:
    """A key for a new field of this label that no field has yet, removed ones included: those keep their data."""
    bare = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "_", bare).strip("_")[:40].strip("_") or "field"
    key, number = base, 1
    while key in taken:
        number += 1
        key = f"{base}_{number}"
    return key


def label_of(key: str) -> str:
    """What a field is called whose key is all that is known."""
    words = " ".join(key.replace("_", " ").split())
    return words[:1].upper() + words[1:]


def check_key(key: str, taken: Collection[str]) -> str:
    """A key that somebody chose. Raises `Invalid`."""
    if not _KEY.match(key):
        raise Invalid("A field's key has letters, digits, blanks, dots, dashes and underscores, up to 63.", field="key")
    if key in taken:
        raise Invalid(f"There is a field “{key}” already, or was one. Choose another key, or bring that one back.", field="key")
    return key


def check_label(label: str) -> str:
    if len(label) > LONGEST_LABEL:
        raise Invalid(f"A field's name has up to {LONGEST_LABEL} characters; this has {len(label):,}.", field="label")
    return label


def check_kind(kind: str) -> str:
    if kind not in KINDS:
        raise Invalid(f"A field is one of: {', '.join(KINDS)}.", field="kind")
    return kind


def read_options(given: Any) -> list[str]:
    """Distinct options in order. Raises `Invalid`."""
    if given is None:
        return []
    if not isinstance(given, (list, tuple)) or any(not isinstance(each, str) for each in given):
        raise Invalid("Options are a list of words.", field="options")
    try:
        " ".join(given).encode()
    except UnicodeEncodeError:
        raise Invalid("An option holds a character that cannot be kept.", field="options") from None
    found = [option for each in given if (option := " ".join(legible(each).split()))]
    if len(found) > MOST_OPTIONS:
        raise Invalid(f"A field has up to {MOST_OPTIONS} options; this has {len(found):,}.", field="options")
    if long := next((option for option in found if len(option) > LONGEST_OPTION), None):
        raise Invalid(f"An option has up to {LONGEST_OPTION} characters; “{long[:40]}…” has {len(long):,}.", field="options")
    if marked := next((option for option in found if re.search(r"[,;]", option)), None):
        raise Invalid(f"“{marked}” holds a comma, which stands between options. Write it without.", field="options")
    seen: set[str] = set()
    for option in found:
        if option.casefold() in seen:
            raise Invalid(f"“{option}” stands among the options twice. Keep one.", field="options")
        seen.add(option.casefold())
    return found


def check_whole(field: Definition) -> Definition:
    """What the parts of a field ask of each other. Raises `Invalid`."""
    if field.kind in CHOOSING and not field.options:
        raise Invalid(f"{field.label}: give it the options to choose from.", field="options")
    if field.is_unique and field.kind not in COMPARED:
        kinds = ", ".join(KINDS[kind].lower() for kind in COMPARED)
        raise Invalid(f"{field.label}: only these kinds can be unique: {kinds}.", field="is_unique")
    if field.is_unique and field.default is not None:
        raise Invalid(f"{field.label} is unique, so it cannot begin with the same default everywhere.", field="default_value")
    return field


def read_default(field: Definition, default: Any) -> Any:
    """The default as a value of the field. Raises `Invalid`."""
    try:
        return typed(field).read(default)
    except Invalid as error:
        raise Invalid(f"The default does not fit: {error.detail}", field="default_value") from None


def missing_in(fields: Sequence[Definition], values: Mapping[str, Any]) -> list[Definition]:
    """Required fields without a value in `values` (by `custom.<key>`)."""
    return [each for each in fields if each.is_required and values.get(each.name) is None]


def required_words(missing: Sequence[Definition]) -> Invalid:
    names = " and ".join(each.said for each in missing)
    verb = "is" if len(missing) == 1 else "are"
    return Invalid(f"{names} {verb} required. Fill {'it' if len(missing) == 1 else 'them'} in.", field=missing[0].name, missing=[each.name for each in missing])
