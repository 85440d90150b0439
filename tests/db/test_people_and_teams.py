"""Disabling with handing over, teams as a tree, days away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from crm import clock
from crm.access import OPERATOR, acting_as, as_system, links, sessions
from crm.assignment.absence import away
from crm.assignment.use_cases import save_rule
from crm.changes import Edit, apply, undo
from crm.errors import Invalid, Refused, Stale
from crm.people.reads import team_tree
from crm.people.use_cases import (
    HandOver,
    add_person,
    add_team,
    change_myself,
    change_person,
    change_team,
    disable_person,
    enable_person,
    make_link,
    place_person,
    remove_team,
    role_id,
)  # fmt: skip
from crm.roles.reads import one_role
from crm.roles.use_cases import add_role, role_edits, save_role
from crm.ui.words import Names


def owners(db: Any) -> dict[str, object]:
    return {row["name"]: row["owner_id"] for row in db.rows("select name, owner_id from crm.leads")}


def disable(cast: Any, who: str, hand_over: HandOver | None, by: str = "alma") -> Any:
    with acting_as(cast.who(by)) as session:
        return disable_person(session, cast.people[who], 1, hand_over=hand_over, source="page")


@pytest.mark.parametrize("to", ["bruno", None])
def test_leads_are_handed_over_in_the_same_step_and_come_back_with_it(db: Any, cast: Any, to: str | None) -> None:
    before = owners(db)
    with as_system() as session:
        token = sessions.start(session, cast.people["ana"], address="", device="")
    done = disable(cast, "ana", HandOver(cast.people[to] if to else None))
    assert sessions.find(token) is None
    assert owners(db) == {**before, "Al Noor Trading": cast.people.get(to or ""), "Delta Foods": cast.people.get(to or "")}
    assert {row["record_type"] for row in db.rows("select record_type from crm.changes where change_set_id = :c", c=done.change_set_id)} == {"person", "lead"}
    with acting_as(cast.who("alma")) as session:
        taken = undo(session, done.change_set_id)
    assert not taken.left_alone and owners(db) == before
    assert db.value("select disabled_at from crm.people where id = :id", id=cast.people["ana"]) is None


def test_without_handing_over_leads_stay(db: Any, cast: Any) -> None:
    before = owners(db)
    disable(cast, "ana", None)
    assert owners(db) == before


@pytest.mark.parametrize("to", ["ana", "gone"])
def test_leads_go_to_nobody_who_is_going_or_gone(db: Any, cast: Any, to: str) -> None:
    before = owners(db)
    cast.people["gone"] = cast.people["vera"]
    disable(cast, "vera", None)
    with pytest.raises(Invalid):
        disable(cast, "ana", HandOver(cast.people[to]))
    assert owners(db) == before
    assert db.value("select disabled_at from crm.people where id = :id", id=cast.people["ana"]) is None


def test_leads_of_somebody_who_goes_are_given_out_by_the_rules_of_their_team(db: Any, cast: Any) -> None:
    """Delta Foods fits no rule: it waits for the team to pick it up."""
    with acting_as(cast.who("mona")) as session:
        values = {"team_id": cast.teams["Gulf"], "name": "Al …", "method": "round_robin", "conditions": {"field": "name", "value": "al noor trading"}}
        save_rule(session, None, None, values, source="test")
    before = owners(db)
    done = disable(cast, "ana", HandOver(by_rules=True))
    assert owners(db) == {**before, "Al Noor Trading": cast.people["bruno"], "Delta Foods": None}
    with acting_as(cast.who("alma")) as session:
        assert not undo(session, done.change_set_id).left_alone
    assert owners(db) == before


def test_a_disabled_persons_invitation_is_over_when_they_come_back(db: Any, cast: Any) -> None:
    link = make_link(cast.who("alma"), cast.people["ana"])
    disable(cast, "ana", None)
    with acting_as(cast.who("alma")) as session:
        enable_person(session, cast.people["ana"], 2, source="page")
    assert link.is_invitation and not links.is_live(link.path.partition("=")[2], "invitation")


def test_who_may_not_give_leads_away_disables_nobody_by_it(db: Any, cast: Any) -> None:
    with acting_as(OPERATOR) as session:
        made = add_role(session, "Clerk", source="test").results[0].record_id
        cells = {("person", "view"): "all", ("person", "configure"): "all", ("lead", "view"): "team"}
        save_role(session, role_edits(one_role(session, made), grants=cells), name="Clerk", source="test")
        cast.people["pia"] = add_person(session, {"email": "pia@demo.example", "name": "Pia"}, [(cast.teams["Gulf"], made)], source="test")
    with pytest.raises(Refused, match="lead"):
        disable(cast, "ana", HandOver(cast.people["bruno"]), by="pia")
    assert db.value("select disabled_at from crm.people where id = :id", id=cast.people["ana"]) is None


# Teams


def test_a_team_above_reaches_those_below_as_deep_as_they_go(db: Any, cast: Any) -> None:
    with acting_as(cast.who("alma")) as session:
        below = add_team(session, "Levant north", parent_id=cast.teams["Levant"], source="test")
        change_team(session, cast.teams["Levant"], 1, {"parent_id": cast.teams["Gulf"]}, source="test")
    assert cast.who("ana").reach("lead", "view").teams == {cast.teams["Gulf"], cast.teams["Levant"], below}
    assert cast.who("carla").reach("lead", "view").teams == {cast.teams["Levant"], below}
    with acting_as(cast.who("alma")) as session:
        assert [(team.name, team.depth) for team in team_tree(session)] == [("Gulf", 0), ("Levant", 1), ("Levant north", 2)]


def test_teams_make_no_ring(db: Any, cast: Any) -> None:
    with acting_as(cast.who("alma")) as session:
        below = add_team(session, "Below", parent_id=cast.teams["Gulf"], source="test")
        for parent in (below, cast.teams["Gulf"]):
            with pytest.raises(Invalid, match="part of itself"):
                change_team(session, cast.teams["Gulf"], 1, {"parent_id": parent}, source="test")
        with pytest.raises(Invalid, match="no such team"):
            change_team(session, below, 1, {"parent_id": 10**9}, source="test")


def test_only_an_empty_team_is_removed_and_its_name_is_free_again(db: Any, cast: Any) -> None:
    with acting_as(cast.who("alma")) as session:
        with pytest.raises(Invalid, match="4 people and 3 leads and 1 pipeline"):
            remove_team(session, cast.teams["Gulf"], 1, source="test")
        made = add_team(session, "Short", source="test")
        below = add_team(session, "Shorter", parent_id=made, source="test")
        with pytest.raises(Invalid, match="1 team below it"):
            remove_team(session, made, 1, source="test")
        remove_team(session, below, 1, source="test")
        done = remove_team(session, made, 1, source="test")
        assert made not in {team.id for team in team_tree(session)}
        undo(session, done.change_set_id or 0)
        assert made in {team.id for team in team_tree(session)}


def test_nobody_widens_their_own_reach_by_moving_a_team_below_theirs(db: Any, cast: Any) -> None:
    with acting_as(OPERATOR) as session:
        made = add_role(session, "Shaper", source="test").results[0].record_id
        cells = {("team", "view"): "all", ("team", "configure"): "all", ("lead", "view"): "team"}
        save_role(session, role_edits(one_role(session, made), grants=cells), name="Shaper", source="test")
        place_person(session, cast.people["vera"], [(cast.teams["Gulf"], made)])
    with acting_as(cast.who("vera")) as session:
        with pytest.raises(Refused, match="widen your own reach"):
            change_team(session, cast.teams["Levant"], 1, {"parent_id": cast.teams["Gulf"]}, source="test")
        change_team(session, cast.teams["Gulf"], 1, {"parent_id": cast.teams["Levant"]}, source="test")


@pytest.mark.parametrize("who", ["mona", "ana", "vera"])
def test_teams_are_shaped_only_by_those_who_may(db: Any, cast: Any, who: str) -> None:
    with acting_as(cast.who(who)) as session:
        with pytest.raises(Refused, match="team: configure"):
            add_team(session, "Mine", source="test")
        with pytest.raises(Refused):
            change_team(session, cast.teams["Gulf"], 1, {"parent_id": cast.teams["Levant"]}, source="test")
        with pytest.raises(Refused):
            remove_team(session, cast.teams["Levant"], 1, source="test")


def test_two_who_rename_a_team_at_once_meet(db: Any, cast: Any) -> None:
    with acting_as(cast.who("alma")) as session:
        change_team(session, cast.teams["Gulf"], 1, {"name": "Gulf one"}, source="test")
        with pytest.raises(Stale):
            change_team(session, cast.teams["Gulf"], 1, {"name": "Gulf two"}, source="test")


def test_two_who_put_each_team_below_the_other_at_once_make_no_ring(db: Any, cast: Any) -> None:
    """The second waits for the first, and is then told."""
    gulf, levant = cast.teams["Gulf"], cast.teams["Levant"]

    def move_the_other() -> None:
        with acting_as(cast.who("alma")) as session:
            change_team(session, levant, 1, {"parent_id": gulf}, source="test")

    with ThreadPoolExecutor(1) as other:
        with acting_as(cast.who("alma")) as session:
            change_team(session, gulf, 1, {"parent_id": levant}, source="test")
            waiting = other.submit(move_the_other)
            with pytest.raises(TimeoutError):
                waiting.result(0.5)
        with pytest.raises(Invalid, match="part of itself"):
            waiting.result(30)
    with acting_as(cast.who("alma")) as session:
        assert [(team.name, team.depth) for team in team_tree(session)] == [("Levant", 0), ("Gulf", 1)]


def test_nobody_is_placed_in_a_team_that_somebody_removes(db: Any, cast: Any) -> None:
    with acting_as(cast.who("alma")) as session:
        empty, rep = add_team(session, "Empty", source="test"), role_id(session, "rep")

    def place() -> None:
        with acting_as(cast.who("alma")) as session:
            place_person(session, cast.people["ana"], [(empty, rep)])

    with ThreadPoolExecutor(1) as other:
        with acting_as(cast.who("alma")) as session:
            remove_team(session, empty, 1, source="test")
            waiting = other.submit(place)
            with pytest.raises(TimeoutError):
                waiting.result(0.5)
        with pytest.raises(Invalid, match="no such team any more"):
            waiting.result(30)
    assert [membership.team for membership in cast.who("ana").memberships] == ["Gulf"]
    for kind, values in (("pipeline", {"name": "Deals"}), ("custom_field", {"record_type": "lead", "label": "Shelf"})):
        with acting_as(cast.who("alma")) as session, pytest.raises(Invalid, match="no such team any more"):
            apply(session, [Edit(kind, None, {**values, "team_id": empty})], source="test", on_conflict="refuse")


# Days away


@pytest.mark.parametrize(
    ("begins", "ends", "is_away"), [(-1, 1, True), (0, 0, True), (0, None, True), (1, 2, False), (-3, -1, False)]
)  # fmt: skip
def test_somebody_is_away_from_the_first_day_to_the_last(db: Any, cast: Any, begins: int, ends: int | None, is_away: bool) -> None:
    today = clock.today("UTC")
    until = None if ends is None else today + timedelta(days=ends)
    with acting_as(cast.who("ana")) as session:
        change_myself(session, 1, {"absent_from": today + timedelta(days=begins), "absent_until": until}, source="page")
    with acting_as(cast.who("carla")) as session:
        found = away(session)
        assert away(session, [cast.people["bruno"]]) == {} and away(session, []) == {}
        assert away(session, [cast.people["ana"]]) == found
    assert found == ({cast.people["ana"]: until} if is_away else {})
    names = Names(0, "UTC", {cast.people["ana"]: "Ana"}, away=found)
    assert names.owner(cast.people["ana"]).startswith("Ana (away") == is_away


@pytest.mark.parametrize("values", [{"absent_until": "2027-01-01"}, {"absent_from": "2027-01-02", "absent_until": "2027-01-01"}, {"absent_from": "soon"}])
def test_days_that_make_no_absence_are_refused(db: Any, cast: Any, values: dict[str, str]) -> None:
    with acting_as(cast.who("ana")) as session, pytest.raises(Invalid):
        change_myself(session, 1, values, source="page")


def test_the_days_away_of_others_are_for_those_who_look_after_people(db: Any, cast: Any) -> None:
    with acting_as(cast.who("mona")) as session, pytest.raises(Refused):
        change_person(session, cast.people["ana"], 1, {"absent_from": "2027-01-01"}, source="page")
    with acting_as(cast.who("alma")) as session:
        change_person(session, cast.people["ana"], 1, {"absent_from": "2027-01-01"}, source="page")
    assert str(db.value("select absent_from from crm.people where id = :id", id=cast.people["ana"])) == "2027-01-01"
