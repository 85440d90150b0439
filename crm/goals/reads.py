"""Goals as the person sees them: of the teams whose people they see, and their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.goals.rules import Goal
from crm.organisation.reads import setting

_COLUMNS = "g.id, g.version, g.team_id, g.person_id, g.starts_on, g.amount_usd"
_BETWEEN = text(f"select {_COLUMNS} from crm.goals as g where g.deleted_at is null and g.starts_on between :begins and :ends order by g.starts_on, g.id")
_AFTER = text(f"select {_COLUMNS} from crm.goals as g where g.deleted_at is null and g.id > :after order by g.id limit :most")
_MEANT = text("""
    select g.team_id, g.person_id, coalesce(p.name, 'Person ' || g.person_id) as name, g.amount_usd
    from crm.goals as g
    left join crm.people as p on p.id = g.person_id
    where g.deleted_at is null and g.person_id is not null and g.starts_on = :begins
    order by g.id
""")
_MEMBERS = text("""
    select m.team_id, p.id, p.name
    from crm.memberships as m
    join crm.people as p on p.id = m.person_id
    where m.team_id = any(:teams) and p.disabled_at is null
    group by m.team_id, p.id
    order by lower(p.name), p.id
""")


@dataclass(frozen=True, slots=True)
class Member:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Meant:
    """What somebody means to win with one of their teams."""

    team_id: int
    person_id: int
    name: str
    amount_usd: Decimal


def starts_in(session: Session) -> int:
    """The month, 1 to 12, in which the fiscal year starts."""
    return int(setting(session, "fiscal_year_starts_in_month", 1))


def goals_between(session: Session, begins: date, ends: date) -> Sequence[Goal]:
    """Goals in sight of the quarters that begin from the first day to the last, both included."""
    return [Goal(*row) for row in session.execute(_BETWEEN, {"begins": begins, "ends": ends})]


def meant_by_people(session: Session, begins: date) -> Sequence[Meant]:
    """People's goals in sight of the quarter that begins on that day: more than one of somebody who has places in several teams."""
    return [Meant(*row) for row in session.execute(_MEANT, {"begins": begins})]


def goals(session: Session, *, after: int = 0, most: int = 100) -> Sequence[Goal]:
    """Every goal in sight, by id."""
    return [Goal(*row) for row in session.execute(_AFTER, {"after": after, "most": most})]


def parents(session: Session) -> Mapping[int, int | None]:
    """Every team and the one above it."""
    return {row.id: row.parent_id for row in session.execute(text("select id, parent_id from crm.teams where deleted_at is null"))}


def members(session: Session, team_ids: Sequence[int]) -> Mapping[int, Sequence[Member]]:
    """Who has a place in each of these teams, by name; disabled people are left out."""
    found: dict[int, list[Member]] = {team_id: [] for team_id in team_ids}
    for row in session.execute(_MEMBERS, {"teams": list(team_ids)}):
        found[row.team_id].append(Member(row.id, row.name))
    return found
