"""What the demo's people have shaped for themselves: who gets new leads, lists, dashboards and templates kept under a name, days off, one colleague away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from crm.access import acting_as, as_system, load
from crm.assignment.use_cases import save_rule
from crm.dashboards.ready_made import READY_MADE
from crm.dashboards.use_cases import make_dashboard
from crm.demo.letters import write_letters
from crm.demo.organisation import LEFT, PEOPLE, SOURCE, TEAMS, Organisation
from crm.organisation.configuring import save_holiday
from crm.people.use_cases import change_myself
from crm.views.use_cases import save_view


@dataclass(frozen=True)
class Rule:
    """A rule of a team, by its manager. `people`: names of mail addresses; none stands for the team's reps, its manager left out."""

    team: str
    name: str
    method: str
    conditions: Mapping[str, Any] = field(default_factory=dict)
    people: tuple[str, ...] = ()


RULES = (
    Rule("Gulf", "Saudi Arabia", "round_robin", {"markets": ["SA"]}, ("ana", "priya")),
    Rule("Gulf", "Everybody in turn", "round_robin"),
    Rule("Levant", "Whoever has fewest", "least_busy"),
    Rule("Europe", "Hotels to Olivia", "person", {"field": "custom.segment", "value": "Hotel"}, ("olivia",)),
    Rule("Europe", "Everybody in turn", "round_robin"),
    Rule("Africa", "Whoever has fewest", "least_busy"),
)
# (whose, name, audience, team or None, pinned, what it asks for)
VIEWS: tuple[tuple[str, str, str, str | None, bool, dict[str, list[str]]], ...] = (
    ("mona", "Closing, by owner", "team", "Gulf", True, {"view": ["Closing this month"], "pipeline": ["Accounts"], "group": ["By owner"]}),
    ("mona", "In trial", "team", "Gulf", True, {"view": ["Team"], "pipeline": ["Accounts"], "stage": ["Trial Order"], "sort": ["Longest in stage"]}),
    ("alma", "Largest open", "everyone", None, True,
     {"view": ["Team"], "pipeline": ["All pipelines"], "sort": ["Highest value"], "group": ["By stage"]}),
    ("ana", "My negotiations", "private", None, True, {"view": ["All mine"], "pipeline": ["Accounts"], "stage": ["Negotiation"], "sort": ["Highest value"]}),
)  # fmt: skip
# (whose, name, team or None for everyone, the ready-made one that it begins with)
DASHBOARDS: tuple[tuple[str, str, str | None, str], ...] = (
    ("mona", "Gulf this quarter", "Gulf", "quarter"), ("alma", "The quarter, every team", None, "quarter"), ("alma", "Orders and markets", None, "revenue"),
)  # fmt: skip
# (month, day, name, market or None for everywhere)
HOLIDAYS = (
    (1, 1, "New Year", None), (12, 2, "National Day", "AE"), (2, 22, "Founding Day", "SA"), (5, 25, "Independence Day", "JO"),
    (12, 25, "Christmas Day", "DE"), (12, 25, "Christmas Day", "GB"), (12, 25, "Christmas Day", "PL"), (12, 16, "Day of Reconciliation", "ZA"),
    (12, 12, "Jamhuri Day", "KE"),
)  # fmt: skip
AWAY, AWAY_FROM_DAYS, AWAY_FOR_DAYS = "priya", -1, 9


def settle_in(made: Organisation, *, today: date) -> None:
    """Each of them does it themselves, so that history and lists say whose it is."""
    for position, rule in enumerate(RULES):
        manager = made.manager(next(team for team in TEAMS if team.name == rule.team))
        people = {"ids": [made.people[name] for name in rule.people or _reps(rule.team)]}
        values = {"team_id": made.teams[rule.team], "name": rule.name, "method": rule.method, "conditions": dict(rule.conditions), "people": people,
                  "position": position}  # fmt: skip
        with _as(made, manager) as session:
            save_rule(session, None, None, values, source=SOURCE)
    for name, called, audience, team, is_pinned, address in VIEWS:
        values = {"name": called, "page": "leads", "audience": audience, "for_team_id": made.teams[team] if team else None, "is_pinned": is_pinned,
                  "address": address}  # fmt: skip
        with _as(made, name) as session:
            save_view(session, values, source=SOURCE)
    _put_together(made)
    write_letters(made)
    with _as(made, "alma") as session:
        for month, day, name, market in HOLIDAYS:
            coming = next(found for year in (today.year, today.year + 1) if (found := date(year, month, day)) >= today)
            save_holiday(session, None, None, {"day": coming, "name": name, "market": market}, source=SOURCE)
    with _as(made, AWAY) as session:
        days = {"absent_from": today + timedelta(days=AWAY_FROM_DAYS), "absent_until": today + timedelta(days=AWAY_FOR_DAYS)}
        change_myself(session, 1, days, source=SOURCE)


def _put_together(made: Organisation) -> None:
    for name, called, team, begins_with in DASHBOARDS:
        ready, team_id = READY_MADE[begins_with], made.teams[team] if team else None
        values = {"name": called, "audience": "team" if team else "everyone", "for_team_id": team_id, "filters": {**ready.filters, "team": team_id}}
        with _as(made, name) as session:
            make_dashboard(session, values, ready.blocks, source=SOURCE)


def _reps(team: str) -> list[str]:
    return [name for name, _, places in PEOPLE if (team, "rep") in places and name != LEFT]


def _as(made: Organisation, name: str) -> Any:
    with as_system() as session:
        person = load(session, made.people[name])
    return acting_as(person)
