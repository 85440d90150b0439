"""Decisions about grants: no session, no clock."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

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


def missing_of(person: Person, grants: Iterable[tuple[str, str, str]], team_id: int | None, *, is_mine: bool) -> str | None:
    """The first grant that `person` does not hold as far as this role would in the team; None when they hold them all."""
    teams = [team_id] if team_id is not None else []
    for resource, action, scope in sorted(grants):
        if scope == "team" and team_id is None:
            continue  # a role without a team reaches none by it
        if not is_held(person.reach(resource, action), scope, teams, is_mine=is_mine):
            return f"{resource}: {action}"
    return None


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
