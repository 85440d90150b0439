"""Goals: set by who configures them, for whom they may; seen with the person; with history, conflicts and undo."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from crm.access import acting_as
from crm.changes import Edit, undo
from crm.errors import Invalid, Refused, Stale
from crm.goals.reads import goals, goals_between
from crm.goals.records import GOAL
from crm.goals.use_cases import goal_edit, set_goals
from crm.organisation.configuring import save_setting

Q4 = date(2026, 10, 1)


def make_goal(cast: Any, who: str = "mona", *, team: str = "Gulf", person: str | None = "ana", starts_on: Any = Q4, amount: Any = "50000") -> Any:
    values = {"team_id": cast.teams[team], "person_id": cast.people[person] if person else None, "starts_on": starts_on, "amount_usd": amount}
    with acting_as(cast.who(who)) as session:
        return set_goals(session, [Edit(GOAL.name, None, values)], source="test")


def seen(cast: Any, who: str) -> set[tuple[int | None, Decimal]]:
    with acting_as(cast.who(who)) as session:
        return {(goal.person_id, goal.amount_usd) for goal in goals(session)}


def test_a_manager_sets_goals_of_her_team_and_its_people_see_them(db: Any, cast: Any) -> None:
    make_goal(cast)
    make_goal(cast, person=None, amount="120000.555")
    both = {(cast.people["ana"], Decimal(50000)), (None, Decimal("120000.56"))}
    assert seen(cast, "mona") == seen(cast, "ana") == seen(cast, "vera") == seen(cast, "alma") == both
    assert seen(cast, "carla") == set()


@pytest.mark.parametrize("who", ["ana", "vera", "carla"])
def test_nobody_sets_their_own(db: Any, cast: Any, who: str) -> None:
    with pytest.raises(Refused, match="goal: configure"):
        make_goal(cast, who)
    assert db.value("select count(*) from crm.goals") == 0


def test_a_manager_sets_none_of_another_team(db: Any, cast: Any) -> None:
    with pytest.raises(Refused, match="goal: configure"):
        make_goal(cast, team="Levant", person="carla")
    assert make_goal(cast, "alma", team="Levant", person="carla").change_set_id


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"amount": "0"}, "more than nothing"), ({"amount": "-5"}, "more than nothing"), ({"amount": "=1+1"}, "not an amount"), ({"amount": None}, "empty"),
        ({"amount": "NaN"}, "not an amount"), ({"amount": True}, "empty"), ({"amount": "1e20"}, "larger"), ({"amount": "0.004"}, "more than nothing"),
        ({"starts_on": "2026-10-02"}, "begins on 1 Oct 2026"), ({"starts_on": "2026-11-01"}, "begins on 1 Oct 2026"), ({"starts_on": "soon"}, "day|date"),
        ({"person": "carla"}, "no place in the team"), ({"starts_on": None}, "empty|quarter"),
    ],
)  # fmt: skip
def test_what_is_no_goal_is_refused_with_words(db: Any, cast: Any, values: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        make_goal(cast, **values)
    assert db.value("select count(*) from crm.goals") == 0


def test_there_is_one_goal_for_each_team_person_and_quarter(db: Any, cast: Any) -> None:
    make_goal(cast)
    with pytest.raises(Invalid, match="already"):
        make_goal(cast)
    make_goal(cast, starts_on="2027-01-01")
    with pytest.raises(IntegrityError), db.owner().begin() as connection:
        connection.exec_driver_sql("insert into crm.goals (team_id, person_id, starts_on, amount_usd) select team_id, person_id, starts_on, 1 from crm.goals")


def test_quarters_follow_the_fiscal_year(db: Any, cast: Any) -> None:
    with acting_as(cast.who("alma")) as session:
        save_setting(session, "fiscal_year_starts_in_month", 2, source="test")
    with pytest.raises(Invalid, match="begins on 1 Aug 2026"):
        make_goal(cast)
    make_goal(cast, starts_on="2026-11-01")


def test_a_goal_is_changed_taken_back_and_ended_with_history(db: Any, cast: Any) -> None:
    made = make_goal(cast)
    with acting_as(cast.who("mona")) as session:
        (standing,) = goals_between(session, Q4, Q4)
        edit = goal_edit(standing, standing.team_id, standing.person_id, Q4, amount_usd=Decimal(60000))
        assert edit is not None
        set_goals(session, [edit], source="test")
        with pytest.raises(Stale):
            set_goals(session, [Edit(GOAL.name, standing.id, {"amount_usd": "70000"}, 1)], source="test")
        with pytest.raises(Invalid, match="stays its team's"):
            set_goals(session, [Edit(GOAL.name, standing.id, {"starts_on": "2027-01-01"}, 2)], source="test")
        (standing,) = goals_between(session, Q4, Q4)
        gone = goal_edit(standing, standing.team_id, standing.person_id, Q4, amount_usd=None)
        assert gone is not None
        ended = set_goals(session, [gone], source="test")
        assert goals_between(session, Q4, Q4) == []
    assert [row["version"] for row in db.rows("select version from crm.changes where record_type = 'goal' order by version")] == [1, 2, 3]
    with acting_as(cast.who("mona")) as session:
        undo(session, ended.change_set_id)
        assert [goal.amount_usd for goal in goals_between(session, Q4, Q4)] == [60000]
    assert made.change_set_id


def test_a_goal_that_was_taken_back_meanwhile_does_not_come_twice(db: Any, cast: Any) -> None:
    made = make_goal(cast)
    with acting_as(cast.who("mona")) as session:
        (standing,) = goals_between(session, Q4, Q4)
        gone = set_goals(session, [goal_edit(standing, standing.team_id, standing.person_id, Q4, amount_usd=None)], source="test")  # type: ignore[list-item]
    make_goal(cast, amount="7")
    with acting_as(cast.who("mona")) as session:
        done = undo(session, gone.change_set_id)
        assert done.records == 0 and done.left_alone
        assert [goal.amount_usd for goal in goals_between(session, Q4, Q4)] == [7]
    assert made.change_set_id
