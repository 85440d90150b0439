"""Decisions about who gets a new lead: no session, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crm.errors import Invalid
from crm.organisation.rules import read_market

ROUND_ROBIN, LEAST_BUSY, PERSON = "round_robin", "least_busy", "person"
METHODS = (ROUND_ROBIN, LEAST_BUSY, PERSON)
FIELDS = ("name", "email", "phone", "next_step", "external_id")
"""What of a lead, besides market, source and custom fields, a rule may ask for."""
MOST = 100
LONGEST = 300


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as it decides. `people` in order; none stands for everybody of the team who works leads."""

    id: int
    team_id: int
    name: str
    method: str
    pipeline_id: int | None = None
    conditions: Mapping[str, Any] = field(default_factory=dict)
    people: tuple[int, ...] = ()

    def fits(self, lead: Mapping[str, Any]) -> bool:
        """Whether all of its conditions hold for a new lead's values."""
        wants = self.conditions
        return (
            self.pipeline_id in (None, lead.get("pipeline_id"))
            and _among(lead.get("market"), wants.get("markets"))
            and _among(lead.get("source"), wants.get("sources"))
            and ("field" not in wants or _among(lead.get(wants["field"]), [wants["value"]]))
        )


def _among(value: Any, wanted: Sequence[str] | None) -> bool:
    """Upper and lower case aside; a field that holds several values has one of them."""
    if not wanted:
        return True
    held = value if isinstance(value, list) else [value]
    return bool({_plain(each) for each in held if each is not None} & {_plain(each) for each in wanted})


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value).split()).casefold()


def read_conditions(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a rule asks for, in the form that is kept. Raises `Invalid`."""
    unknown = given.keys() - {"markets", "sources", "field", "value"}
    if unknown:
        raise Invalid(f"A rule asks for markets, sources or one field's value, not for “{min(unknown)[:40]}”.", field="conditions")
    found: dict[str, Any] = {}
    if markets := _texts(given.get("markets"), "markets"):
        found["markets"] = sorted({read_market(market) for market in markets})
    if sources := _texts(given.get("sources"), "sources"):
        found["sources"] = sources
    if given.get("field"):
        found |= {"field": _read_field(given["field"]), "value": _read_value(given.get("value"))}
    elif given.get("value"):
        raise Invalid("Say which field should have that value.", field="conditions")
    return found


def _read_field(given: Any) -> str:
    if not isinstance(given, str) or not (given in FIELDS or (given.startswith("custom.") and len(given) <= 80)):
        raise Invalid(f"A rule can ask for a custom field, or for one of: {', '.join(FIELDS)}.", field="conditions")
    return given


def _read_value(given: Any) -> str:
    if not isinstance(given, str) or not given.strip() or len(given) > LONGEST:
        raise Invalid("Say which value the field should have.", field="conditions")
    return given.strip()


def _texts(given: Any, name: str) -> list[str]:
    if given is None:
        return []
    if not isinstance(given, list) or len(given) > MOST or not all(isinstance(each, str) and len(each) <= LONGEST for each in given):
        raise Invalid(f"The rule's {name} are a list of up to {MOST} texts.", field="conditions")
    return list(dict.fromkeys(each.strip() for each in given if each.strip()))


def read_people(given: Mapping[str, Any]) -> tuple[int, ...]:
    """The people's ids in order, each once. Raises `Invalid`."""
    ids = given.get("ids", [])
    if given.keys() - {"ids"} or not isinstance(ids, list) or len(ids) > MOST or not all(isinstance(i, int) and not isinstance(i, bool) and i > 0 for i in ids):
        raise Invalid(f"A rule names up to {MOST} people.", field="people")
    return tuple(dict.fromkeys(ids))


def pick(method: str, there: Sequence[int], *, last: int | None, order: Sequence[int], busy: Mapping[int, int]) -> int:
    """Who of those who are there gets the next lead.

    Round robin: whoever comes after `last` in `order`, which holds also who is away. Least busy: with the fewest open
    leads, and among equals by turn. Otherwise the first of them.
    """
    if method == PERSON:
        return there[0]
    turn = _after(last, order, there)
    return turn[0] if method == ROUND_ROBIN else min(turn, key=lambda person: busy.get(person, 0))


def _after(last: int | None, order: Sequence[int], there: Sequence[int]) -> list[int]:
    start = order.index(last) + 1 if last in order else 0
    around = [*order[start:], *order[:start]]
    return [person for person in around if person in there]


def explain(rule: Rule, team: str, *, away: int) -> str:
    """ "Assigned by round robin of team Gulf (rule: Website); one member is away"."""
    how = {ROUND_ROBIN: f"by round robin of team {team}", LEAST_BUSY: f"to the least busy of team {team}", PERSON: f"by a rule of team {team}"}[rule.method]
    missing = "" if not away else "; one member is away" if away == 1 else f"; {away} members are away"
    return f"Assigned {how} (rule: {rule.name}){missing}"
