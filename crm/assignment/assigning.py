"""Gives new leads that name no owner to people, by the rules of their teams.

Which rule decides is known before anything is locked; then the rules' turns are locked in the order of their ids, until the
transaction ends, so that many writers at once keep the balance and never wait for each other in a ring.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from crm.assignment.absence import away
from crm.assignment.rules import LEAST_BUSY, PERSON, Rule, explain, pick
from crm.pipelines.layout import Layout, own_layout

_RULES = text("""
    select id, team_id, name, method, pipeline_id, conditions, people from crm.assignment_rules
    where is_active and deleted_at is null and team_id = any(cast(:teams as bigint[])) order by position, id
""")
# Who works leads in a team: members of it whose role edits leads.
_MEMBERS = text("""
    select m.person_id from crm.memberships as m
    join crm.grants as g on g.role_id = m.role_id and g.resource = 'lead' and g.action = 'edit' and g.scope <> 'none' and g.deleted_at is null
    join crm.people as p on p.id = m.person_id
    where m.team_id = :team and p.disabled_at is null order by lower(p.name), p.id
""")
# Named ones count as long as they are active and of the team, of one above it, or of the whole organisation.
_NAMED = text("""
    select p.id from crm.people as p
    where p.id = any(cast(:ids as bigint[])) and p.disabled_at is null
        and exists (select from crm.memberships as m where m.person_id = p.id and (m.team_id is null or m.team_id = any(cast(:line as bigint[]))))
    order by array_position(cast(:ids as bigint[]), p.id)
""")
_MAKE_TURNS = text("insert into crm.assignment_turns (rule_id) select unnest(cast(:ids as bigint[])) on conflict do nothing")
_LOCK_TURNS = text("select rule_id, last_person_id from crm.assignment_turns where rule_id = any(cast(:ids as bigint[])) order by rule_id for update")
_TURNS = text("select rule_id, last_person_id from crm.assignment_turns where rule_id = any(cast(:ids as bigint[]))")
_KEEP_TURN = text("update crm.assignment_turns set last_person_id = :person where rule_id = :rule")
# From the ledger's sums, with what is not folded yet: exact to the last commit, and the machinery sees no leads.
_BUSY = text("""
    with open_stages as (select id from crm.stages where kind = 'open')
    select owner_id, sum(leads)::int as leads from (
        select owner_id, leads from crm.posting_months where owner_id = any(cast(:ids as bigint[])) and stage_id in (select id from open_stages)
        union all
        select owner_id, leads from crm.unfolded_postings where owner_id = any(cast(:ids as bigint[])) and stage_id in (select id from open_stages)
    ) as sums group by owner_id
""")
_TEAM = text("select id, name from crm.teams where id = any(cast(:ids as bigint[]))")


_KEEP_REASONS = text("""
    insert into crm.lead_assignments (lead_id, rule_id, person_id, text)
    select * from unnest(cast(:leads as bigint[]), cast(:rules as bigint[]), cast(:people as bigint[]), cast(:texts as text[]))
""")


@dataclass(frozen=True, slots=True)
class Assigned:
    """To whom a lead goes, by which rule, and why in words. `away`: who would have been asked, too."""

    person_id: int
    rule: Rule
    text: str
    away: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Pool:
    """Whom a rule may ask for leads of one team: all in order, and who of them is there."""

    order: tuple[int, ...]
    there: tuple[int, ...]


MayTake = Callable[[int, int], bool]
"""Whether whoever makes the lead may make it for (team, person)."""


def assign(session: Session, leads: Sequence[Mapping[str, object]], *, may_take: MayTake, is_trial: bool = False) -> list[Assigned | None]:
    """For each new lead's values whom it goes to; None where no rule decides. Runs as the machinery, which knows every rule.

    `is_trial` locks and keeps nothing: it says what would happen now.
    """
    work = _Assigning(session, may_take)
    chosen = [work.choose(lead) for lead in leads]
    rules = {rule.id: rule for found in chosen if found for rule in [found[0]]}
    if not rules:
        return [None] * len(leads)
    turns = _turns(session, [rule.id for rule in rules.values() if rule.method != PERSON], is_trial=is_trial)
    busy = _busy(session, [person for found in chosen if found and found[0].method == LEAST_BUSY for person in found[1].there])
    teams = {row.id: row.name for row in session.execute(_TEAM, {"ids": sorted({rule.team_id for rule in rules.values()})})}
    done: list[Assigned | None] = []
    for found in chosen:
        if found is None:
            done.append(None)
            continue
        rule, pool = found
        person = pick(rule.method, pool.there, last=turns.get(rule.id), order=pool.order, busy=busy)
        turns[rule.id], busy[person] = person, busy.get(person, 0) + 1
        missing = tuple(each for each in pool.order if each not in pool.there)
        done.append(Assigned(person, rule, explain(rule, teams[rule.team_id], away=len(missing)), missing))
    if not is_trial:
        for rule_id, person_id in sorted(turns.items()):
            if rules[rule_id].method != PERSON:
                session.execute(_KEEP_TURN, {"rule": rule_id, "person": person_id})
    return done


def keep_reasons(session: Session, given: Sequence[tuple[int, Assigned]]) -> None:
    """Why these new leads, by id, are whose they are. Runs as the machinery."""
    columns = {
        "leads": [lead_id for lead_id, _ in given], "rules": [found.rule.id for _, found in given],
        "people": [found.person_id for _, found in given], "texts": [found.text for _, found in given],
    }  # fmt: skip
    session.execute(_KEEP_REASONS, columns)


class _Assigning:
    """Rules and people, looked up once for all leads of one save."""

    def __init__(self, session: Session, may_take: MayTake) -> None:
        self.session, self.may_take = session, may_take
        self._layout: Layout | None = None
        self._rules: dict[int, list[Rule]] = {}
        self._pools: dict[tuple[int, int], _Pool] = {}

    def choose(self, lead: Mapping[str, object]) -> tuple[Rule, _Pool] | None:
        """The first rule of the lead's team, or of one above it, that fits and has somebody there."""
        team_id = lead.get("team_id")
        assert isinstance(team_id, int)
        for rule in self._rules_of(team_id):
            if rule.fits(lead):
                pool = self._pool(rule, team_id)
                if pool.there:
                    return rule, pool
        return None

    def _line(self, team_id: int) -> list[int]:
        if self._layout is None:
            self._layout = own_layout(self.session)
        return self._layout.line(team_id)

    def _rules_of(self, team_id: int) -> list[Rule]:
        """The team's own first, then those of the teams above it, nearest first."""
        if team_id not in self._rules:
            line = self._line(team_id)
            found = [_rule(row) for row in self.session.execute(_RULES, {"teams": line}).mappings()]
            self._rules[team_id] = sorted(found, key=lambda rule: line.index(rule.team_id))
        return self._rules[team_id]

    def _pool(self, rule: Rule, team_id: int) -> _Pool:
        key = (rule.id, team_id)
        if key not in self._pools:
            if rule.people:
                found = self.session.scalars(_NAMED, {"ids": list(rule.people), "line": self._line(team_id)})
            else:
                found = self.session.scalars(_MEMBERS, {"team": rule.team_id})
            order = tuple(person for person in found if self.may_take(team_id, person))
            gone = away(self.session, order)
            self._pools[key] = _Pool(order, tuple(person for person in order if person not in gone))
        return self._pools[key]


def _rule(row: RowMapping) -> Rule:
    values: dict[str, Any] = dict(row)
    people = values.pop("people")
    return Rule(**values, people=tuple(people.get("ids", ())))


def _turns(session: Session, rules: Sequence[int], *, is_trial: bool) -> dict[int, int | None]:
    """Who came last by each rule; from now on nobody else takes a turn of theirs until this transaction ends."""
    if not rules:
        return {}
    if is_trial:
        return {row.rule_id: row.last_person_id for row in session.execute(_TURNS, {"ids": list(rules)})}
    session.execute(_MAKE_TURNS, {"ids": sorted(rules)})
    return {row.rule_id: row.last_person_id for row in session.execute(_LOCK_TURNS, {"ids": sorted(rules)})}


def _busy(session: Session, people: Sequence[int]) -> dict[int, int]:
    """Open leads of each."""
    return {row.owner_id: row.leads for row in session.execute(_BUSY, {"ids": sorted(set(people))})} if people else {}
