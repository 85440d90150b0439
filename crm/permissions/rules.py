"""Why somebody may or may not do something with a lead, from their roles alone: no session, no clock.

Each step is one grant that is asked for, with what each of the person's roles says to it. The same `Reach` decides here as
everywhere; `crm.permissions.explaining` asks the walls besides.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from crm.access import Membership, Person

Action = Literal["view", "edit", "delete", "assign"]
ASKED: Mapping[Action, tuple[str, ...]] = {"view": ("view",), "edit": ("view", "edit"), "delete": ("view", "delete"), "assign": ("view", "edit", "assign")}
"""The grants that an action asks for, in this order: nobody changes what they do not see."""
VERBS: Mapping[str, str] = {"view": "see", "edit": "edit", "delete": "delete", "assign": "hand over"}


@dataclass(frozen=True, slots=True)
class LeadFacts:
    """What decides about a lead: its team (with those above it, nearest first), its owner, and whether it is still there."""

    id: int
    name: str
    team_id: int
    team: str
    owner_id: int | None
    owner: str | None
    line: tuple[tuple[int, str], ...] = ()
    is_deleted: bool = False
    is_merged: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """What one role says to one grant."""

    decides: bool
    text: str


ELSEWHERE = Reason(True, "a role that they hold outside your teams lets them")


@dataclass(frozen=True, slots=True)
class Step:
    """One grant that is asked for: whether it reaches the lead, by which roles, and what it would take where none does."""

    action: str
    passes: bool
    reasons: tuple[Reason, ...]
    would_take: tuple[str, ...] = ()

    @property
    def grant(self) -> str:
        return f"lead: {self.action}"


def steps(person: Person, lead: LeadFacts, action: Action, *, to_id: int | None = None, told_of: Collection[int] | None = None) -> tuple[Step, ...]:
    """The grants `action` asks for, one after the other. `to_id`: whom the lead would be handed to; None for nobody in particular.

    `told_of`: the teams whose roles whoever asks may learn of; None for all. Other roles count, but are not named.
    """
    return tuple(_step(person, lead, asked, to_id if asked == "assign" else lead.owner_id, told_of) for asked in ASKED[action])


def _step(person: Person, lead: LeadFacts, action: str, owner_id: int | None, told_of: Collection[int] | None) -> Step:
    passes = person.reach("lead", action).covers(team_id=lead.team_id, owner_id=owner_id, person_id=person.id)
    told = [membership for membership in person.memberships if told_of is None or membership.team_id in told_of]
    reasons = [_reason(person, lead, action, membership, owner_id) for membership in told]
    if passes and not any(reason.decides for reason in reasons):
        reasons.append(ELSEWHERE)
    return Step(action, passes, tuple(reasons), () if passes else _would_take(lead, action))


def _reason(person: Person, lead: LeadFacts, action: str, membership: Membership, owner_id: int | None) -> Reason:
    who = f"{membership.role} in {membership.team}" if membership.team else membership.role
    scope = membership.grants.get(("lead", action), "none")
    has = f"{who} has “lead: {action}” for"
    if scope == "all":
        return Reason(True, f"{has} all leads")
    if scope == "team":
        if lead.team_id in membership.reaches:
            return Reason(True, f"{has} the team, and the lead is in {_place(lead, membership)}")
        return Reason(False, f"{has} the team, but the lead is in {lead.team}")
    if scope == "own":
        return _own_reason(person, lead, action, has, owner_id)
    return Reason(False, f"{who} does not have “lead: {action}”")


def _own_reason(person: Person, lead: LeadFacts, action: str, has: str, owner_id: int | None) -> Reason:
    is_own = owner_id == person.id
    if action == "assign":
        return Reason(is_own, f"{has} their own, so they can only take leads themselves")
    return Reason(is_own, f"{has} their own, and the lead is theirs" if is_own else f"{has} their own, but the lead is {_whose(lead)}")


def _place(lead: LeadFacts, membership: Membership) -> str:
    return lead.team if membership.team_id == lead.team_id else f"{lead.team}, which is part of {membership.team}"


def _whose(lead: LeadFacts) -> str:
    return f"{lead.owner}'s" if lead.owner else "nobody's yet"


def _would_take(lead: LeadFacts, action: str) -> tuple[str, ...]:
    teams = " or ".join(name for _, name in lead.line) or lead.team
    found = (f"a role with “lead: {action}” for all", f"a role in {teams} with “lead: {action}” for the team")
    return found if action == "assign" else (*found, f"being its owner, in a role with “lead: {action}” for their own")


def sentence(person: Person, lead: LeadFacts, action: Action, found: tuple[Step, ...]) -> str:
    """ "Ana can see Petra Supplies: rep in Gulf has “lead: view” for the team, and the lead is in Gulf." """
    what = f"{VERBS[action]} {lead.name}"
    missing = next((step for step in found if not step.passes), None)
    if missing is None:
        deciding = next((reason.text for reason in found[-1].reasons if reason.decides), "")
        return f"{person.name} can {what}: {deciding}."
    why = "; ".join(reason.text for reason in missing.reasons) or "none of their roles reaches it"
    if missing.action == "view" and action != "view":
        why = f"nobody changes what they do not see, and {why}"
    return f"{person.name} cannot {what}: {why}."
