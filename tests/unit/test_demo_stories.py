"""The demo's stories are believable: in order, in the past, and the same for a seed."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from crm.demo.names import CompanyNames, plain, segment
from crm.demo.organisation import LEFT, PEOPLE, TEAMS, Organisation
from crm.demo.rates import newest, weekly_rates
from crm.demo.stories import Storyteller

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    made = Organisation(people={name: number for number, (name, *_) in enumerate(PEOPLE, start=1)})
    for number, team in enumerate(TEAMS, start=1):
        made.teams[team.name] = number
        for place, shape in enumerate(team.pipelines[0]):
            made.pipelines[team.name, shape.name] = number * 10 + place
            made.stages[team.name, shape.name] = tuple(number * 1000 + place * 100 + step for step in range(len(shape.stages)))
    return made


def tell(organisation, seed, count=400):
    teller = Storyteller(organisation, seed=seed, now=NOW, usd_per_unit=newest(list(weekly_rates(seed, NOW.date()))))
    return [teller.tell() for _ in range(count)]


def test_the_same_seed_tells_the_same_stories(organisation):
    assert tell(organisation, 7, 60) == tell(organisation, 7, 60)
    assert tell(organisation, 7, 60) != tell(organisation, 8, 60)


def test_every_story_runs_forward_and_ends_before_now(organisation):
    for story in tell(organisation, 7):
        moments = [story.begins.at, *(event.at for event in story.events)]
        assert moments == sorted(moments) and moments[-1] < NOW
        assert all(story.begins.at <= talk.at < NOW for talk in story.talks)


def test_every_change_changes_something(organisation):
    for story in tell(organisation, 7):
        states = [story.begins.state, *(event.state for event in story.events)]
        assert all(before != after for before, after in pairwise(states))


def test_who_left_owns_nothing_that_is_still_open(organisation):
    left = organisation.people[LEFT]
    stories = tell(organisation, 7, 1500)
    assert any(story.begins.state["owner_id"] == left for story in stories)
    assert not any((story.events[-1] if story.events else story.begins).state["owner_id"] == left for story in stories)


def test_every_currency_has_a_rate_for_each_week_of_more_than_two_years():
    rates = list(weekly_rates(7, NOW.date()))
    currencies = {currency for currency, _, _ in rates}
    assert len(currencies) == 11
    for currency in currencies:
        days = [day for found, day, _ in rates if found == currency]
        assert (NOW.date() - min(days)).days > 2 * 365 and 0 <= (NOW.date() - max(days)).days < 7


def test_company_names_do_not_repeat_while_their_parts_last(organisation):
    from crm.demo.chance import Dice

    names, dice = CompanyNames(), Dice(1)
    found = [names.next("DE", dice) for _ in range(500)]
    assert len(set(found)) == 500


@pytest.mark.parametrize(("name", "address", "kind"), [
    ("Złoty Kłos Piekarnia", "zloty-klos-piekarnia", "Bakery"),
    ("Brückner Großhandel", "bruckner-grosshandel", "Wholesale"),
    ("Savannah Lodge", "savannah-lodge", "Hotel"),
    ("Nile Mart", "nile-mart", "Retail"),
])  # fmt: skip
def test_a_name_gives_a_plain_address_and_a_kind_of_customer(name, address, kind):
    assert (plain(name), segment(name)) == (address, kind)
