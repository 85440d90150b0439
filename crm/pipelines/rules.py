"""What a stage may be and may ask for: no session, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm.errors import Invalid

STAGE_KINDS = ("open", "won", "lost", "dormant")
COLOURS: Mapping[str, int] = {"pale": 20, "light": 40, "medium": 60, "strong": 80, "deep": 100}
"""How much of the accent a stage takes on the board, in percent. Without a colour its place in the pipeline decides."""
FIELD_WORDS: Mapping[str, str] = {
    "expected_close_on": "an expected close date", "value": "a value", "owner_id": "an owner", "next_step": "a next step",
    "company_id": "a company", "email": "a mail address", "phone": "a phone number", "lost_reason": "a lost reason", "source": "a source",
}  # fmt: skip
"""The fields of a lead that a stage may ask for, as a sentence says them; beside these, custom ones as `custom.<key>`."""
ACTIVITY_WORDS: Mapping[str, str] = {
    "call": "a call", "meeting": "a meeting", "note": "a note", "mail_in": "a mail from them", "mail_out": "a mail to them", "message": "a message",
}  # fmt: skip
MOST_FIELDS, MOST_REASONS, LONGEST_REASON = 20, 30, 80
MOST_STAGES = 40


def read_colour(given: str | None) -> str | None:
    """One of the palette. Raises `Invalid`."""
    if given is not None and given not in COLOURS:
        raise Invalid(f"“{given}” is not a colour of a stage. Take one of: {', '.join(COLOURS)}.", field="colour")
    return given


def read_requirements(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a lead needs on entry, in the one form it is kept in; what asks for nothing is left out. Raises `Invalid`."""
    if unknown := given.keys() - {"fields", "activity", "lost_reasons"}:
        raise Invalid(f"A stage cannot ask for “{min(unknown)[:40]}”: it asks for fields, an activity or lost reasons.", field="requirements")
    fields = _texts(given.get("fields"), "fields", most=MOST_FIELDS)
    for name in fields:
        if name not in FIELD_WORDS and not name.startswith("custom."):
            raise Invalid(f"A stage cannot ask for the field “{name}”. Take some of: {', '.join(FIELD_WORDS)}.", field="requirements")
    activity = given.get("activity")
    if activity is not None and activity not in ACTIVITY_WORDS:
        raise Invalid(f"A stage cannot ask for such an activity. Take one of: {', '.join(ACTIVITY_WORDS)}.", field="requirements")
    reasons = _texts(given.get("lost_reasons"), "lost reasons", most=MOST_REASONS)
    found = {"fields": fields, "activity": activity, "lost_reasons": reasons}
    return {name: value for name, value in found.items() if value}


def _texts(given: Any, word: str, *, most: int) -> list[str]:
    """A short list of short texts, each once."""
    if given is None:
        return []
    if not isinstance(given, (list, tuple)) or not all(isinstance(each, str) for each in given):
        raise Invalid(f"The {word} that a stage asks for are a list of words.", field="requirements")
    found = list(dict.fromkeys(each.strip() for each in given if each.strip()))
    if len(found) > most or any(len(each) > LONGEST_REASON for each in found):
        raise Invalid(f"A stage asks for up to {most} {word}, each of up to {LONGEST_REASON} characters.", field="requirements")
    return found
