"""Decisions about grants: no session, no clock."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from crm.access import RESOURCES, Person, Reach, scopes_of
from crm.access.person import SCOPES

RULES = ("open", "read_only", "hidden")
"""What a role may say of a field, the most open first."""


def is_held(reach: Reach, scope: str, teams: Collection[int], *, is_mine: bool) -> bool:
    """Whether somebody of this reach holds `scope` themselves, as it would be held in `teams`. The database says the same: `crm.holds_grant`.

    `is_mine`: they would hold it themselves, so that nobody moves themselves up.
    """
    if scope == "none" or reach.everywhere:
        return True
    if scope == "all":
        return False
    if scope == "own":
        return reach.own if is_mine else not reach.is_none
    return bool(reach.teams) and set(teams) <= reach.teams


def is_more(scope: str, than: str) -> bool:
    return SCOPES.index(scope) > SCOPES.index(than)


def opened_too_far(person: Person, shown: Collection[str], closed: Mapping[tuple[str, str], str]) -> str | None:
    """The first field that a role shows further than `person` sees it, as the grant they miss; None where there is none.

    `shown`: the resources that the role lets one view; `closed`: what it says of (record type, field). The database says the same.
    """
    found = []
    for record_type in sorted({record_type for membership in person.memberships for record_type, _ in membership.fields}):
        if not {record_type, "lead"} & set(shown):
            continue
        for name, mine in person.fields_not_open(record_type).items():
            if is_softer(closed.get((record_type, name), "open"), mine):
                found.append(f"{record_type}.{name}: {'view' if mine == 'hidden' else 'edit'}")
    return min(found, default=None)


def is_softer(rule: str, than: str) -> bool:
    """Whether `rule` opens more of a field."""
    return RULES.index(rule) < RULES.index(than)


def cells(*, is_organisation_wide: bool = False) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """Every cell of a role's grid with the scopes that it takes."""
    return {
        (resource, action): scopes_of(resource, action, is_organisation_wide=is_organisation_wide)
        for resource, actions in RESOURCES.items()
        for action in actions
    }
