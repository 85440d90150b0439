"""Assignment rules: who gets a new lead that names no owner, fairly also when many are made at once, and why."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from crm.access import OPERATOR, acting_as
from crm.assignment import reads, use_cases
from crm.assignment.rules import Rule, pick, read_conditions, read_people
from crm.changes import Edit, apply, undo
from crm.errors import Invalid, Refused
from crm.leads.records import LEAD
from crm.leads.use_cases import create_lead


def make_rule(cast: Any, who: str = "mona", team: str = "Gulf", **values: Any) -> int:
    given = {"team_id": cast.teams[team], "name": "Website", "method": "round_robin", **values}
    with acting_as(cast.who(who)) as session:
        return use_cases.save_rule(session, None, None, given, source="test").results[0].record_id or 0


def make_lead(cast: Any, who: str | None = None, team: str = "Gulf", **values: Any) -> int:
    with acting_as(cast.who(who) if who else OPERATOR) as session:
        return create_lead(session, {"name": "New", "team_id": cast.teams[team], **values}, source="test").results[-1].record_id or 0


def owner(db: Any, cast: Any, lead_id: int) -> str | None:
    found = db.value("select owner_id from crm.leads where id = :id", id=lead_id)
    return next((name for name, person_id in cast.people.items() if person_id == found), None)


def given_to(db: Any, cast: Any, number: int, **values: Any) -> list[str | None]:
    return [owner(db, cast, make_lead(cast, **values)) for _ in range(number)]


def test_round_robin_takes_turns_among_those_who_work_leads(db: Any, cast: Any) -> None:
    make_rule(cast)
    assert given_to(db, cast, 6) == ["ana", "bruno", "mona", "ana", "bruno", "mona"]  # vera only looks


def test_without_a_rule_a_lead_is_its_makers_and_the_command_lines_are_nobodys(db: Any, cast: Any) -> None:
    assert owner(db, cast, make_lead(cast, "ana")) == "ana"
    assert owner(db, cast, make_lead(cast)) is None


def test_a_lead_that_names_its_owner_is_left_to_them(db: Any, cast: Any) -> None:
    make_rule(cast, method="person", people={"ids": [cast.people["bruno"]]})
    assert owner(db, cast, make_lead(cast, "ana", owner_id=cast.people["ana"])) == "ana"
    assert owner(db, cast, make_lead(cast, "ana")) == "bruno"
    assert owner(db, cast, make_lead(cast, "ana", owner_id=None)) == "bruno"


@pytest.mark.parametrize(
    ("conditions", "fitting", "other"),
    [
        ({"markets": ["ae"]}, {"market": "AE"}, {"market": "KW"}),
        ({"sources": ["Website"]}, {"source": "website"}, {"source": "Fair"}),
        ({"markets": ["AE"], "sources": ["Website"]}, {"market": "AE", "source": "Website"}, {"market": "AE"}),
        ({"field": "custom.segment", "value": "Horeca"}, {"custom.segment": "horeca"}, {"custom.segment": "Retail"}),
    ],
)
def test_a_rule_takes_only_what_fits_all_of_its_conditions(db: Any, cast: Any, conditions: Any, fitting: Any, other: Any) -> None:
    with acting_as(OPERATOR) as session:
        apply(session, [Edit("custom_field", None, {"record_type": "lead", "label": "Segment", "kind": "text"})], source="test", on_conflict="refuse")
    make_rule(cast, method="person", people={"ids": [cast.people["bruno"]]}, conditions=conditions)
    assert owner(db, cast, make_lead(cast, **fitting)) == "bruno"
    assert owner(db, cast, make_lead(cast, **other)) is None


def test_the_first_rule_that_fits_and_has_somebody_there_decides(db: Any, cast: Any) -> None:
    make_rule(cast, name="Second", position=2, method="person", people={"ids": [cast.people["ana"]]})
    make_rule(cast, name="First", position=1, method="person", people={"ids": [cast.people["bruno"]]})
    assert owner(db, cast, make_lead(cast)) == "bruno"
    disable(db, cast, "bruno")
    assert owner(db, cast, make_lead(cast)) == "ana"


def disable(db: Any, cast: Any, name: str) -> None:
    with db.owner().begin() as connection:
        connection.execute(text("update crm.people set disabled_at = now(), version = version + 1 where id = :id"), {"id": cast.people[name]})


def test_disabled_people_are_passed_over_and_the_turn_goes_on(db: Any, cast: Any) -> None:
    make_rule(cast)
    assert given_to(db, cast, 1) == ["ana"]
    disable(db, cast, "bruno")
    assert given_to(db, cast, 3) == ["mona", "ana", "mona"]


def test_absent_people_are_passed_over_and_the_reason_says_so(db: Any, cast: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    make_rule(cast, people={"ids": [cast.people[name] for name in ("ana", "bruno", "mona")]})
    monkeypatch.setattr("crm.assignment.assigning.away", lambda session, people: {cast.people["ana"]} & set(people))
    lead = make_lead(cast)
    assert owner(db, cast, lead) == "bruno"
    with acting_as(cast.who("bruno")) as session:
        (reason,) = reads.reasons_of(session, lead)
    assert reason.text == "Assigned by round robin of team Gulf (rule: Website); one member is away"


def test_the_least_busy_gets_it_and_equals_take_turns(db: Any, cast: Any) -> None:
    make_rule(cast, method="least_busy", people={"ids": [cast.people["ana"], cast.people["bruno"]]})
    assert Counter(given_to(db, cast, 5)) == {"bruno": 3, "ana": 2}  # ana began with two open leads, bruno with one
    counts = {row["owner_id"]: row["n"] for row in db.rows("select owner_id, count(*) as n from crm.leads group by 1")}
    assert counts[cast.people["ana"]] == counts[cast.people["bruno"]] == 4


def test_a_batch_is_shared_out_evenly(db: Any, cast: Any) -> None:
    make_rule(cast)
    with acting_as(OPERATOR) as session:
        edits = [Edit(LEAD.name, None, {"name": f"Row {i}", "team_id": cast.teams["Gulf"], "owner_id": None}) for i in range(30)]
        apply(session, edits, source="import", on_conflict="refuse")
    assert set(db.rows("select count(*) as n from crm.lead_assignments group by person_id")[0].values()) == {10}


def test_twenty_writers_at_once_keep_the_balance(db: Any, cast: Any) -> None:
    make_rule(cast)
    make_rule(cast, name="Emirates", position=-1, conditions={"markets": ["AE"]})
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda number: make_lead(cast, market="AE" if number % 2 else None), range(60)))
    counts = db.rows("select rule_id, person_id, count(*) as n from crm.lead_assignments group by 1, 2")
    assert {row["n"] for row in counts} == {10} and len(counts) == 6


def test_a_rule_of_the_team_above_holds_where_the_team_itself_has_none(db: Any, cast: Any) -> None:
    with db.owner().begin() as connection:
        connection.execute(
            text("update crm.teams set parent_id = :p, version = version + 1 where id = :id"), {"p": cast.teams["Gulf"], "id": cast.teams["Levant"]}
        )
    make_rule(cast, method="person", people={"ids": [cast.people["bruno"]]})
    assert owner(db, cast, make_lead(cast, team="Levant")) == "bruno"


def test_people_of_other_teams_get_nothing_though_a_rule_names_them(db: Any, cast: Any) -> None:
    make_rule(cast, method="person", people={"ids": [cast.people["carla"], cast.people["ana"]]})
    assert owner(db, cast, make_lead(cast)) == "ana"


def test_whoever_may_make_leads_for_themselves_only_keeps_them(db: Any, cast: Any) -> None:
    make_rule(cast, method="person", people={"ids": [cast.people["bruno"]]})
    with db.owner().begin() as connection:
        connection.execute(text("update crm.grants set scope = 'own', version = version + 1 where resource = 'lead' and action = 'create' and scope <> 'own'"))
    assert owner(db, cast, make_lead(cast, "ana")) == "ana"


def test_who_was_handed_the_lead_later_is_told_so(db: Any, cast: Any) -> None:
    make_rule(cast, method="person", people={"ids": [cast.people["bruno"]]})
    lead = make_lead(cast)
    with acting_as(cast.who("mona")) as session:
        apply(session, [Edit(LEAD.name, lead, {"owner_id": cast.people["ana"]}, 1)], source="grid", on_conflict="refuse")
        first, second = reads.reasons_of(session, lead)
    assert (first.text, first.owner_id, first.by_id) == ("", cast.people["ana"], cast.people["mona"])
    assert second.text == "Assigned by a rule of team Gulf (rule: Website)"


def test_a_trial_says_who_is_next_and_takes_no_turn(db: Any, cast: Any) -> None:
    make_rule(cast)
    with acting_as(cast.who("mona")) as session:
        for _ in range(2):
            (found,) = reads.try_out(session, [{"team_id": cast.teams["Gulf"]}])
            assert found is not None and found.person_id == cast.people["ana"]
    assert given_to(db, cast, 1) == ["ana"]
    with pytest.raises(Refused, match="pipeline: configure"), acting_as(cast.who("ana")) as session:
        reads.try_out(session, [{"team_id": cast.teams["Gulf"]}])


def test_a_rule_has_history_and_its_removal_can_be_undone(db: Any, cast: Any) -> None:
    rule = make_rule(cast, method="person", people={"ids": [cast.people["bruno"]]})
    with acting_as(cast.who("mona")) as session:
        removed = use_cases.remove_rule(session, rule, 1, source="test")
    assert owner(db, cast, make_lead(cast)) is None
    with acting_as(cast.who("mona")) as session:
        undo(session, removed.change_set_id or 0)
    assert owner(db, cast, make_lead(cast)) == "bruno"
    assert db.value("select count(*) from crm.changes where record_type = 'assignment_rule'") == 3


@pytest.mark.parametrize("who", ["ana", "vera", "carla"])
def test_only_who_configures_the_team_keeps_its_rules(db: Any, cast: Any, who: str) -> None:
    with pytest.raises(Refused, match="pipeline: configure"):
        make_rule(cast, who)


def test_a_manager_keeps_no_rules_of_another_team(db: Any, cast: Any) -> None:
    with pytest.raises(Refused, match="pipeline: configure"):
        make_rule(cast, "mona", "Levant")


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(
    "values",
    [
        {"method": "lottery"}, {"method": None}, {"name": ""}, {"method": "person"}, {"people": {"ids": [0]}}, {"people": {"ids": ["1"]}},
        {"people": {"ids": [True]}}, {"people": {"ids": [10**9]}}, {"people": {"ids": list(range(1, 200))}}, {"people": {"names": ["ana"]}},
        {"conditions": {"markets": "AE"}}, {"conditions": {"markets": ["Emirates"]}}, {"conditions": {"sql": "1=1"}},
        {"conditions": {"field": "owner_id", "value": "1"}},
        {"conditions": {"field": "custom.a"}}, {"conditions": {"value": "x"}}, {"conditions": {"sources": ["x" * 400]}}, {"conditions": []},
        {"pipeline_id": 10**9},
    ],
)  # fmt: skip
def test_a_rule_that_makes_no_sense_is_refused(db: Any, cast: Any, values: Any) -> None:
    with pytest.raises(Invalid):
        make_rule(cast, **values)


def test_reading_conditions_and_people_again_changes_nothing() -> None:
    conditions = {"markets": ["sa", "AE", "AE"], "sources": [" Website ", "Website"], "field": "custom.size", "value": " Large "}
    once = read_conditions(conditions)
    assert once == {"markets": ["AE", "SA"], "sources": ["Website"], "field": "custom.size", "value": "Large"} == read_conditions(once)
    assert read_people({"ids": [3, 1, 3]}) == (3, 1)


def test_a_turn_goes_on_after_who_came_last_even_when_they_are_away_or_gone() -> None:
    assert pick("round_robin", [1, 3], last=2, order=[1, 2, 3], busy={}) == 3
    assert pick("round_robin", [1, 2], last=3, order=[1, 2, 3], busy={}) == 1
    assert pick("round_robin", [2, 3], last=9, order=[1, 2, 3], busy={}) == 2
    assert pick("least_busy", [1, 2, 3], last=1, order=[1, 2, 3], busy={1: 1, 2: 1, 3: 2}) == 2


def test_several_values_fit_where_one_of_them_does() -> None:
    rule = Rule(1, 1, "r", "person", conditions={"field": "custom.lines", "value": "Dairy"})
    assert rule.fits({"custom.lines": ["Bakery", "dairy"]}) and not rule.fits({"custom.lines": []}) and not rule.fits({})


def ask_for_owner(db: Any, cast: Any) -> None:
    with db.owner().begin() as connection:
        connection.execute(
            text('update crm.stages set requirements = \'{"fields": ["owner_id"]}\', version = version + 1 where id = :id'),
            {"id": cast.stages["Gulf"]["Lead"]},
        )
        connection.execute(text("update crm.access_stamps set version = version + 1"))


def test_a_stage_that_asks_for_an_owner_takes_the_one_that_a_rule_names(db: Any, cast: Any) -> None:
    ask_for_owner(db, cast)
    make_rule(cast, method="person", people={"ids": [cast.people["bruno"]]})
    assert owner(db, cast, make_lead(cast)) == "bruno"


def test_a_stage_that_asks_for_an_owner_refuses_just_the_leads_that_no_rule_gives_one(db: Any, cast: Any) -> None:
    ask_for_owner(db, cast)
    make_rule(cast, method="person", people={"ids": [cast.people["bruno"]]}, conditions={"markets": ["AE"]})
    with acting_as(OPERATOR) as session:
        edits = [Edit(LEAD.name, None, {"name": market, "team_id": cast.teams["Gulf"], "owner_id": None, "market": market}) for market in ("AE", "SA", "AE")]
        done = apply(session, edits, source="import")
    assert [result.status for result in done.results] == ["applied", "invalid", "applied"]
    assert "needs an owner" in str(done.results[1].error)
    with pytest.raises(Invalid, match="needs an owner"):
        make_lead(cast, market="SA")
    assert owner(db, cast, make_lead(cast, "ana", market="SA")) == "ana"
