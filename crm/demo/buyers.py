"""Who buys in the demo's production: most companies whose lead was won, some others, and many that sales has never heard of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import writing
from crm.demo import names
from crm.demo.chance import Dice, Weighted
from crm.demo.markets import MARKETS
from crm.demo.metabase import QUESTIONS
from crm.demo.organisation import TEAMS
from crm.demo.production import DAY, Buyer, DemoProduction
from crm.demo.rates import WEEKS, monday
from crm.demo.stories import HISTORY_DAYS

COMPANIES_AT_MOST = 20_000
"""A demo of a million leads gets production for its first companies only: enough to look at."""
OTHERS_SHARE = 0.06
CHURNED_SHARE = 0.6
STRANGERS_A_KNOWN = 0.25
TO_COME_DAYS = 90
"""Some of those that nobody knows yet make their first order only in the weeks after the demo was made."""
FIRST_ID = 1001

_COMPANIES = text("""
    select
        c.name,
        c.market,
        l.email,
        l.phone,
        l.begun_at,
        l.won_at,
        l.churned_at
    from crm.companies as c
    join lateral (
        select
            min(l.email) as email,
            min(l.phone) as phone,
            min(l.created_at) as begun_at,
            min(l.stage_entered_at) filter (where s.name in ('Active Account', 'Won')) as won_at,
            max(l.stage_entered_at) filter (where s.name = 'Churned') as churned_at
        from crm.leads as l
        join crm.stages as s on s.id = l.stage_id
        where l.company_id = c.id and l.deleted_at is null
    ) as l on l.begun_at is not null
    where c.deleted_at is null and c.market is not null
    order by c.id
    limit :most
""")


@dataclass(frozen=True, slots=True)
class Known:
    """A company that has leads. `won_at` and `churned_at` are None where that never happened or is over."""

    name: str
    market: str
    email: str | None
    phone: str | None
    begun_at: datetime
    won_at: datetime | None
    churned_at: datetime | None


_TEAMS = text(
    "update crm.markets as m set team_id = t.id, version = m.version + 1 from crm.teams as t where m.code = :market and t.name = :team and m.team_id is null"
)
_CONNECTION = text("""
    insert into crm.organisation_settings (key, value)
    values ('order_lens', cast(:questions as jsonb))
    on conflict (key) do nothing
""")


def connect_production(session: Session, data_dir: Path, *, seed: int, now: datetime) -> None:
    """The demo has a production: its buyers written down (again), its questions connected, each market with the team whose customers they are."""
    with writing(session, "settings", "configure"):
        session.execute(_TEAMS, [{"market": market, "team": team.name} for team in TEAMS for market in team.markets[0]])
        session.execute(_CONNECTION, {"questions": json.dumps(dict(QUESTIONS))})
    known = [Known(*row) for row in session.execute(_COMPANIES, {"most": COMPANIES_AT_MOST})]
    begins = monday(now.date()) - timedelta(weeks=WEEKS)  # as the demo's own rates do
    DemoProduction(seed, begins, list(buyers(known, seed=seed, now=now))).write(data_dir)


def buyers(known: Sequence[Known], *, seed: int, now: datetime) -> Iterator[Buyer]:
    """Buyers in no particular order; the same companies, seed and moment give the same ones."""
    dice, ids, today = Dice(f"{seed} buyers"), count(FIRST_ID), int(now.timestamp())
    customers = [buyer for company in known if (buyer := _of(company, dice, ids, today))]
    yield from customers
    yield from _strangers(int(len(customers) * STRANGERS_A_KNOWN) or 40, {company.name for company in known}, dice, ids, today)


def _of(company: Known, dice: Dice, ids: Iterator[int], today: int) -> Buyer | None:
    begun = int(company.begun_at.timestamp())
    if company.won_at:  # the trial order came before; some ordered by themselves long before anybody called
        begins = int(company.won_at.timestamp()) - dice.randrange(2 * DAY, 25 * DAY)
        gap, ends = 9 + dice.lognormvariate(2.9, 0.6), None
        if dice.random() < 0.22:
            begins = max(begins - dice.randrange(30 * DAY, 400 * DAY), today - HISTORY_DAYS * DAY)
        if dice.random() < 0.09:  # still an active account on paper, but has gone quiet
            ends = max(begins + 30 * DAY, today - dice.randrange(50 * DAY, 200 * DAY))
    elif company.churned_at and dice.random() < CHURNED_SHARE:
        begins, ends, gap = begun + 40 * DAY, int(company.churned_at.timestamp()), 14 + dice.lognormvariate(3, 0.6)
        if ends < begins:
            return None
    elif dice.random() < OTHERS_SHARE:
        begins, ends, gap = begun + dice.randrange(-90 * DAY, 60 * DAY), None, 40 + dice.lognormvariate(3.6, 0.5)
        begins = min(begins, today - dice.randrange(3 * DAY, 80 * DAY))
    else:
        return None
    segment = "B2B" if dice.random() < 0.97 else "B2C"
    return _buyer(dice, ids, company.name, company.market, segment, company.email, company.phone, begins, ends, gap)


def _strangers(wanted: int, taken: Iterable[str], dice: Dice, ids: Iterator[int], today: int) -> Iterator[Buyer]:
    company_names, taken = names.CompanyNames(), set(taken)
    markets = Weighted((code, weight * team.share / team.markets[1][-1]) for team in TEAMS for code, weight in _weights(team.markets))
    for _ in range(wanted):
        market, chance = dice.draw(markets), dice.random()
        if chance < 0.62:
            given, family = names.human(market, dice)
            name, segment = f"{given} {family}", "B2C"
            email = f"{names.plain(given)}.{names.plain(family)}{dice.randrange(10, 999)}@mail.example"
            gap = 20 + dice.lognormvariate(3.7, 0.7)
        else:
            name, segment = _free_name(company_names, taken, market, dice), "B2B"
            email = f"orders@{names.plain(name)}.example"
            gap = 12 + dice.lognormvariate(3.1, 0.6)
        begins = today - int(HISTORY_DAYS * DAY * dice.random() ** 1.4)
        ends: int | None = None
        if segment == "B2B" and chance < 0.82:  # most of them left again before anybody noticed
            ends = min(begins + dice.randrange(60 * DAY, 500 * DAY), today - dice.randrange(130 * DAY, 400 * DAY))
            begins = min(begins, ends - 20 * DAY)
        elif dice.random() < 0.07:
            begins = today + dice.randrange(TO_COME_DAYS * DAY)
        elif dice.random() < 0.4:
            ends = begins + dice.randrange(20 * DAY, 300 * DAY)
        yield _buyer(dice, ids, name, market, segment, email, names.phone(market, dice), begins, ends, gap)


def _weights(markets: Weighted[str]) -> Iterator[tuple[str, float]]:
    before = 0.0
    for code, cumulated in zip(*markets, strict=True):
        yield code, cumulated - before
        before = cumulated


def _free_name(company_names: names.CompanyNames, taken: set[str], market: str, dice: Dice) -> str:
    while (name := company_names.next(market, dice)) in taken:
        pass
    return name


def _buyer(
    dice: Dice, ids: Iterator[int], name: str, market: str, segment: str, email: str | None, phone: str | None, begins: int, ends: int | None, gap: float
) -> Buyer:
    median, spread = (520, 0.8) if segment == "B2B" else (55, 0.5)
    currency = MARKETS[market].currency if dice.random() < 0.93 else "USD"
    return Buyer(next(ids), name, market, segment, email, phone, currency, round(dice.lognormvariate(0, spread) * median, 2), round(gap, 2), begins, ends)
