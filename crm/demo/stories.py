"""Two years of a lead's life, told ahead: how it began, each thing that changed, each talk that was had. No session, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from crm.demo import names, texts
from crm.demo.chance import Dice, Weighted
from crm.demo.markets import MARKETS
from crm.demo.organisation import LEFT, LEFT_DAYS_AGO, TEAMS, Organisation, Shape, Team
from crm.demo.talks import Talk, Talker

DAY = 86_400
HISTORY_DAYS = 760
# Share of a usual month, January first: quiet in August and at the year's end.
SEASON = (0.95, 1.0, 1.12, 1.05, 1.02, 0.9, 0.82, 0.7, 1.15, 1.2, 1.12, 0.72)
REMEMBERED_COMPANIES = 2_000

State = dict[str, Any]
SHARES = Weighted((team, team.share) for team in TEAMS)


@dataclass(slots=True)
class Contact:
    name: str
    email: str
    phone: str
    title: str


@dataclass(slots=True)
class Company:
    """`id` and `contact_ids` are known once it is written."""

    name: str
    market: str
    team_id: int
    owner_id: int | None
    website: str
    phone: str
    founded_at: datetime
    contacts: list[Contact]
    id: int = 0
    contact_ids: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Event:
    """The lead's whole changing state after one change, and who made it (None: nobody in particular)."""

    at: datetime
    actor_id: int | None
    state: State


@dataclass(slots=True)
class Story:
    company: Company
    facts: State
    begins: Event
    events: list[Event]
    talks: list[Talk]
    id: int = 0


class Storyteller:
    """Tells leads in no particular order; the same seed, moment and organisation give the same leads."""

    def __init__(self, made: Organisation, *, seed: int, now: datetime, usd_per_unit: Mapping[str, float]) -> None:
        self.made, self.rng, self.usd_per_unit = made, Dice(seed), usd_per_unit
        self.now = now.timestamp()
        self.today = now.date()
        self.left_at = self.now - LEFT_DAYS_AGO * DAY
        self._company_names = names.CompanyNames()
        self._known: dict[str, list[Company]] = {market: [] for market in MARKETS}
        self._born = self._birthdays()
        self._sellers = {team.name: Weighted((name, 1 - 0.08 * place) for place, name in enumerate(made.sellers(team))) for team in TEAMS}
        self.talker = Talker(self.rng)

    def _birthdays(self) -> Weighted[int]:
        """Days back from today: growth, season, week."""
        weights = []
        for back in range(HISTORY_DAYS):
            day = self.today - timedelta(days=back)
            weekday = 0.12 if day.weekday() >= 5 else 1.0
            weights.append((back, (1 - 0.55 * back / HISTORY_DAYS) * SEASON[day.month - 1] * weekday))
        return Weighted(weights)

    def tell_many(self, count: int) -> list[Story]:
        """A batch of leads that share companies only with one another, so that batches can be written in any order."""
        for known in self._known.values():
            known.clear()
        return [self.tell() for _ in range(count)]

    def tell(self) -> Story:
        rng = self.rng
        team = rng.draw(SHARES)
        shape, market = rng.draw(team.pipelines), rng.draw(team.markets)
        back = rng.draw(self._born)
        born = self.at_work(self.now - back * DAY, team)
        source = rng.draw(texts.SOURCES)
        owner = self.seller(team, born)
        company = self._company(team, market, owner, born)
        return _Life(self, team, shape, company, owner, source, born).told()

    def at_work(self, moment: float, team: Team, after: float | None = None) -> float:
        """Within office hours of the team on that day, never later than a few minutes ago, never before `after`."""
        weekday = (int(moment // DAY) + 3) % 7
        if weekday >= 5 and self.rng.random() < 0.85:
            moment -= (weekday - self.rng.randrange(5)) * DAY
        found = moment // DAY * DAY + (8 + 5.2 * (self.rng.random() + self.rng.random()) - team.utc_hours) * 3600
        if after is not None and found <= after:
            found = after + self.rng.uniform(1200, 9000)
        return min(found, self.now - self.rng.uniform(200, 5 * 3600)) if found > self.now - 180 else found

    def seller(self, team: Team, at: float, *, but: str = "") -> str:
        """A rep of the team, the first ones busier; not somebody who has left by then, and nothing is handed to the one who will."""
        choice = self._sellers[team.name]
        while True:
            name = self.rng.draw(choice)
            if name != but and (name != LEFT or (not but and at < self.left_at - 3 * DAY)):
                return name

    def _company(self, team: Team, market: str, owner: str, born: float) -> Company:
        known = self._known[market]
        if known and self.rng.random() < 0.3:
            return self.rng.one(known)
        rng = self.rng
        name = self._company_names.next(market, rng)
        host = f"{names.plain(name)}.example"
        contacts = [self._contact(market, host) for _ in range(2 if rng.random() < 0.3 else 1)]
        company = Company(
            name, market, self.made.teams[team.name], self.made.people[owner], f"https://{host}", names.phone(market, rng),
            datetime.fromtimestamp(born, UTC), contacts,
        )  # fmt: skip
        if len(known) < REMEMBERED_COMPANIES:
            known.append(company)
        else:
            known[rng.randrange(REMEMBERED_COMPANIES)] = company
        return company

    def _contact(self, market: str, host: str) -> Contact:
        given, family = names.human(market, self.rng)
        mailbox = f"{names.plain(given)}.{names.plain(family)}" if self.rng.random() < 0.7 else names.plain(given)
        return Contact(f"{given} {family}", f"{mailbox}@{host}", names.phone(market, self.rng), self.rng.one(names.TITLES))


class _Life:
    """One lead's way: first the moments at which something happens, then the states they lead to."""

    def __init__(self, teller: Storyteller, team: Team, shape: Shape, company: Company, owner: str, source: str, born: float) -> None:
        self.teller, self.rng = teller, teller.rng
        self.team, self.shape, self.company, self.owner, self.source, self.born = team, shape, company, owner, source, born
        self.stage_ids = teller.made.stages[team.name, shape.name]
        self.currency = self._currency()
        self.usd = self.rng.lognormvariate(0, shape.spread) * shape.median_usd
        self.moments: list[tuple[float, str, int]] = []
        self.stays: list[tuple[int, float, float]] = []

    def _currency(self) -> str:
        at_home = MARKETS[self.company.market].currency
        return at_home if self.rng.random() < 0.86 else self.rng.one(("USD", "USD", "EUR"))

    def told(self) -> Story:
        self._walk()
        self._hand_over()
        begins, events = self._states()
        contact = self.company.contacts[0]
        talks = self.teller.talker.talks(self.stays, self.shape, contact.name.split()[0], self.teller.made.people[self.owner], self.teller.now)
        name = f"{self.company.name} – {self.rng.one(texts.RANGES)}" if self.shape.is_deal else self.company.name
        custom: State = {"segment": names.segment(self.company.name)}
        if self.rng.random() < 0.6:
            custom["outlets"] = min(60, int(self.rng.lognormvariate(0.7, 0.9)) + 1)
        facts = {
            "name": name, "team_id": self.teller.made.teams[self.team.name], "pipeline_id": self.teller.made.pipelines[self.team.name, self.shape.name],
            "source": self.source, "market": self.company.market, "email": contact.email, "phone": contact.phone, "custom": custom,
            "last_contacted_at": max((talk.at for talk in talks if talk.kind != "note"), default=None),
        }  # fmt: skip
        return Story(self.company, facts, begins, events, talks)

    def _walk(self) -> None:
        """Through the stages until now, or until won, lost, forgotten."""
        stages, rng, now = self.shape.stages, self.rng, self.teller.now
        over = len(stages) - 1
        place, at = 0, self.born
        while True:
            stage = stages[place]
            if stage.kind != "open":
                self._live_on(place, at)
                return
            chance = rng.random()
            days = rng.lognormvariate(0, 0.75) * stage.stays_days
            target = place + 1
            if chance > stage.moves_on + stage.is_lost:  # nobody cares any more; mostly somebody tidies up in the end
                days += rng.uniform(20, 110) if rng.random() < 0.92 else 10_000
                target = next((p for p, s in enumerate(stages) if s.kind == "dormant"), over)
            elif chance > stage.moves_on:
                target = over
            if at + days * DAY > now - 600:
                self.stays.append((place, at, now))
                self._fiddle(place, at, now)
                return
            then = self.teller.at_work(at + days * DAY, self.team, at)
            self.stays.append((place, at, then))
            self._fiddle(place, at, then)
            self.moments.append((then, "move", target))
            place, at = target, then

    def _fiddle(self, place: int, since: float, until: float) -> None:
        """Between moves people now and then write a next step, push the close, correct the value."""
        if until - since > 4 * DAY and self.rng.random() < 0.22:
            at = self.teller.at_work(since + self.rng.uniform(0.2, 0.7) * min(until - since, 40 * DAY), self.team, since)
            if at < until - 60:
                self.moments.append((at, "plan" if self.rng.random() < 0.65 else "value", place))

    def _live_on(self, place: int, at: float) -> None:
        """After the end: accounts order, grow, sometimes leave; some leads turn out to be doubles."""
        rng, now = self.rng, self.teller.now
        until = now
        if self.shape.stages[place].kind == "won":
            ends = at + rng.uniform(60, 520) * DAY
            if rng.random() < self.shape.ends_again and ends < now:
                until = self.teller.at_work(ends, self.team, at)
                self.moments.append((until, "move", len(self.shape.stages) - 1))
            grown = at + rng.uniform(80, 380) * DAY
            if rng.random() < 0.3 and grown < until - DAY:
                self.moments.append((self.teller.at_work(grown, self.team, at), "value", place))
        elif rng.random() < 0.02 and at < now - 5 * DAY:
            self.moments.append((at + rng.uniform(0.1, 4) * DAY, "delete", place))
        self.stays.append((place, at, until))

    def _hand_over(self) -> None:
        left = self.teller.left_at
        if self.owner == LEFT and self.born < left:
            self.moments.append((left + self.rng.uniform(0, 6 * 3600), "owner", 0))
        elif self.rng.random() < 0.07:
            at = self.teller.at_work(self.rng.uniform(self.born + DAY, self.born + 200 * DAY), self.team, self.born)
            if at < self.teller.now - DAY:
                self.moments.append((at, "owner", 0))

    def _states(self) -> tuple[Event, list[Event]]:
        people = self.teller.made.people
        self.moments.sort()
        state = self._first_state()
        owner = self.owner
        inbound = self.source in ("Website", "Marketplace")
        is_nobodys = not self.moments and self.born > self.teller.now - 21 * DAY and self.rng.random() < (0.4 if inbound else 0.06)
        state["owner_id"] = None if is_nobodys else people[owner]
        begins = Event(_moment(self.born), None if inbound else people[owner], state)
        events: list[Event] = []
        at = self.born
        for wanted_at, kind, place in self.moments:
            at = max(wanted_at, at + 61)
            if at > self.teller.now - 30:
                break
            actor = people[owner]
            after = dict(state)
            if kind == "owner":
                actor = people[self.teller.made.manager(self.team)]
                owner = self.teller.seller(self.team, at, but=owner)
                after["owner_id"] = people[owner]
            else:
                self._change(after, kind, place, at)
            if after != state:
                events.append(Event(_moment(at), actor, after))
                state = after
        return begins, events

    def _first_state(self) -> State:
        knows_value = self.rng.random() < (0.75 if self.shape.is_deal else 0.55)
        return {
            "stage_id": self.stage_ids[0], "owner_id": None, "value_amount": self._amount() if knows_value else None,
            "value_currency": self.currency if knows_value else None,
            "expected_close_on": self._close_on(0, self.born) if self.shape.is_deal else None,
            "next_step": self._next_step(0) if self.rng.random() < 0.7 else None, "lost_reason": None, "deleted_at": None,
        }  # fmt: skip

    def _change(self, state: State, kind: str, place: int, at: float) -> None:
        rng = self.rng
        stage = self.shape.stages[place]
        if kind == "delete":
            state["deleted_at"] = _moment(at)
            return
        if kind == "value":
            self.usd *= rng.uniform(0.75, 1.5)
            state |= {"value_amount": self._amount(), "value_currency": self.currency}
            return
        state["next_step"] = self._next_step(place) if stage.kind == "open" or rng.random() < 0.4 else None
        if kind == "plan":
            if state["expected_close_on"]:
                state["expected_close_on"] = self._close_on(place, at)
            return
        state["stage_id"] = self.stage_ids[place]
        if stage.kind == "lost":
            state["lost_reason"] = rng.one(texts.CHURNED_REASONS if self.shape.ends_again and state["expected_close_on"] else texts.LOST_REASONS)
        elif stage.kind == "won":
            state["expected_close_on"] = _moment(at).date()
        elif stage.kind == "open" and (place >= 2 or rng.random() < 0.7):
            state["expected_close_on"] = self._close_on(place, at)
        if state["value_amount"] is None and (place >= 2 or rng.random() < 0.5) and stage.kind != "lost":
            state |= {"value_amount": self._amount(), "value_currency": self.currency}

    def _amount(self) -> str:
        amount = self.usd / self.teller.usd_per_unit[self.currency]
        step = 5 if amount < 500 else 50 if amount < 5_000 else 100 if amount < 50_000 else 500 if amount < 500_000 else 5_000
        return f"{max(step, round(amount / step) * step)}.00"

    def _close_on(self, place: int, at: float) -> date:
        """The hopeful date people enter: what the stages ahead usually take, rarely enough."""
        ahead = sum(stage.stays_days for stage in self.shape.stages[place:] if stage.kind == "open")
        return _moment(at + self.rng.uniform(0.7, 1.9) * max(ahead, 5) * DAY).date()

    def _next_step(self, place: int) -> str:
        return self.rng.one(texts.NEXT_STEPS[self.shape.stages[place].talk])


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
