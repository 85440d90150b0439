"""Whether somebody may look at the app as somebody else, and what they then are: that person, who can only look."""

from __future__ import annotations

from dataclasses import replace

from crm.access.person import RESOURCES, Person, missing_grant
from crm.errors import CrmError, Invalid, Refused

LOOKING = ("view", "export")
FIELDS_CLOSE_ON = ("lead", "company", "contact")


def refusal(by: Person, other: Person) -> CrmError | None:
    """Why `by` may not look as `other`; None when they may. `view_as` must reach everybody, since whoever may look as one team's
    people would see through them what their other teams hold."""
    if by.is_viewed:
        return Refused(by.viewing_words(), grant="person: view_as")
    if not by.reach("person", "view_as").everywhere:
        return missing_grant("person", "view_as", everywhere=by.may("person", "view_as"))
    if other.id == by.id:
        return Invalid("You see what you see already. Choose somebody else.", field="person")
    further = reaches_further(by, other)
    if further is None:
        return None
    return Refused(f"{other.name} sees more than you do (“{further}”), so you cannot look as them. Ask somebody whose role reaches as far.", grant=further)


def reaches_further(by: Person, other: Person) -> str | None:
    """The first grant, or field, by which `other` sees what `by` does not; None when there is none. Their own records may lie in any team."""
    for resource, actions in RESOURCES.items():
        for action in actions:
            if action not in LOOKING:
                continue
            theirs, mine = other.reach(resource, action), by.reach(resource, action)
            if mine.everywhere or theirs.is_none:
                continue
            if theirs.everywhere or theirs.own or not theirs.teams <= mine.teams:
                return f"{resource}: {action}"
    for record_type in FIELDS_CLOSE_ON:
        if hidden := by.hidden_fields(record_type) - other.hidden_fields(record_type):
            return f"{record_type}.{min(hidden)}: view"
    return None


def seen_by(by: Person, other: Person) -> Person:
    """`other` as `by` looks as them: what they see, and nothing can be changed."""
    return replace(other, is_read_only=True, viewed_by_id=by.id, viewed_by=by.name, views={}, _reaches={})
