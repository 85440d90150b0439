"""The explainer's verdict is what the walls do, and its reasons are what the roles say."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.access import Membership, Person, acting_as, as_system, load
from crm.access.everybody import everybody
from crm.changes import Edit, apply, delete_edit
from crm.errors import Invalid, NotFound, Refused
from crm.leads.reads import lead as lead_read
from crm.people.use_cases import place_person, role_id
from crm.permissions.explaining import askable, explain, facts, find_leads, walls_let, who_can
from crm.permissions.roles import differences, field_differences, role_choices
from crm.permissions.rules import ASKED, steps
from tests.access.organisation import GRANTS, PEOPLE, TEAMS

ACTIONS = tuple(ASKED)
SCOPES = st.sampled_from(["none", "own", "team", "all"])


def truth(person: Person, row, action: str, to_id: int | None) -> bool:
    """What happens when they do it; taken back at once."""
    with acting_as(person) as session:
        if action == "view":
            return lead_read(session, row["id"]) is not None
        wanted = {"next_step": "by hand"} if action == "edit" else {"owner_id": to_id}
        edit = delete_edit("lead", row["id"], row["version"]) if action == "delete" else Edit("lead", row["id"], wanted, row["version"])
        (result,) = apply(session, [edit], source="test").results
        session.rollback()
    return result.status == "applied"


def told(person: Person, row, facts_of, action: str, to_id: int | None) -> tuple[bool, bool]:
    """(what the explainer answers from the walls, what it says of the roles)."""
    lead = facts_of[row["id"]]
    by_roles = all(step.passes for step in steps(person, lead, action, to_id=to_id)) and (action == "view" or not lead.is_deleted)
    return walls_let(person, lead, action, to_id=to_id), by_roles


@pytest.fixture(scope="module")
def facts_of(wide_db, plain):
    with acting_as(plain.who("alma")) as session:
        return {row["id"]: facts(session, row["id"]) for row in plain.rows["leads"]}


@pytest.mark.parametrize("name", PEOPLE)
def test_over_the_whole_cast_the_verdict_is_what_the_walls_do(wide_db, plain, facts_of, name):
    person = plain.who(name)
    for number, row in enumerate(plain.rows["leads"][::3]):
        for action in ACTIONS:
            to_id = next(person_id for person_id in list(plain.people.values())[number % 7 :] if person_id != row["owner_id"])
            if row["deleted_at"] and action == "delete":
                continue
            answered, by_roles = told(person, row, facts_of, action, to_id)
            assert answered == by_roles == truth(person, row, action, to_id), (row["name"], action)


@st.composite
def somebody(draw):
    """Roles nobody thought of, in up to three teams."""
    teams = draw(st.lists(st.sampled_from([None, *TEAMS]), min_size=0, max_size=3, unique=True))
    return [(team, draw(st.fixed_dictionaries({("lead", action): SCOPES for action in ACTIONS}))) for team in teams]


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    places=somebody(), who=st.sampled_from(["nils", "sara", "solveig", "mixed", "nemo"]), which=st.integers(0, 32), to=st.sampled_from(["nora", "self", "none"])
)
def test_with_any_roles_the_verdict_is_what_the_walls_do(wide_db, plain, facts_of, places, who, which, to):
    memberships = tuple(
        Membership(plain.teams[team] if team else None, team, number, "made up", frozenset(plain.below(team)) if team else frozenset(), grants)
        for number, (team, grants) in enumerate(places)
    )
    me = plain.people[who]
    person = Person(me, f"{who}@demo.example", who, "UTC", memberships, stamp=1)
    row = plain.rows["leads"][which]
    to_id = {"nora": plain.people["nora"], "self": me, "none": None}[to]
    for action in ACTIONS:
        if (row["deleted_at"] and action == "delete") or (action == "assign" and to_id == row["owner_id"]):
            continue
        answered, by_roles = told(person, row, facts_of, action, to_id)
        assert answered == by_roles == truth(person, row, action, to_id), (row["name"], action)


def test_the_cast_has_every_verdict(wide_db, plain, facts_of):
    """Else the comparisons above would prove nothing."""
    for action in ACTIONS:
        answers = {told(plain.who(name), row, facts_of, action, None)[0] for name in ("nils", "solveig", "nemo", "alma") for row in plain.rows["leads"][::4]}
        assert answers == {True, False}, action


@pytest.mark.parametrize("action", ACTIONS)
def test_who_can_is_exactly_whom_the_walls_let(wide_db, plain, facts_of, action):
    row = next(row for row in plain.rows["leads"] if row["deleted_at"] is None and row["owner_id"] == plain.people["solveig"])
    with acting_as(plain.who("alma")) as session:
        found = {who.person_id for who in who_can(session, row["id"], action)}
    assert found == {plain.people[name] for name in PEOPLE if walls_let(plain.who(name), facts_of[row["id"]], action)}
    assert 0 < len(found) < len(PEOPLE)


def test_everybody_is_found_as_each_is_loaded(wide_db, plain):
    with as_system() as session:
        found = {person.id: person for person in everybody(session)}
        assert found == {person_id: load(session, person_id) for person_id in plain.people.values()}


def test_it_says_by_which_role_team_and_scope(cast, db):
    with acting_as(cast.who("alma")) as session:
        petra = cast.leads["Petra Supplies"]
        sees = explain(session, cast.people["ana"], petra, "view")
        assert sees.can and sees.said == "Ana can see Petra Supplies: rep in Gulf has “lead: view” for the team, and the lead is in Gulf."
        hidden = explain(session, cast.people["carla"], petra, "edit")
        assert not hidden.can and "rep in Levant has “lead: view” for the team, but the lead is in Gulf" in hidden.said
        assert hidden.steps[0].would_take == (
            "a role with “lead: view” for all", "a role in Gulf with “lead: view” for the team",
            "being its owner, in a role with “lead: view” for their own",
        )  # fmt: skip
        kept = explain(session, cast.people["ana"], petra, "delete")
        assert not kept.can and "rep in Gulf has “lead: delete” for their own, but the lead is Bruno's" in kept.said
        looks = explain(session, cast.people["vera"], petra, "edit")
        assert not looks.can and "viewer in Gulf does not have “lead: edit”" in looks.said


def test_a_deleted_lead_and_a_disabled_person_are_told_apart_from_missing_grants(cast, db):
    petra = cast.leads["Petra Supplies"]
    with acting_as(cast.who("alma")) as session:
        apply(session, [delete_edit("lead", petra, 1)], source="test", on_conflict="refuse")
    with db.owner().begin() as connection:
        connection.exec_driver_sql(f"update crm.people set disabled_at = now(), version = version + 1 where id = {cast.people['bruno']}")
    with acting_as(cast.who("alma")) as session:
        edits = explain(session, cast.people["mona"], petra, "edit")
        assert not edits.can and "deleted" in edits.note and "as it stands" in edits.said
        gone = explain(session, cast.people["bruno"], petra, "view")
        assert not gone.can and "disabled" in gone.said
        assert who_can(session, petra, "edit") == [] and "Bruno" not in {who.name for who in who_can(session, petra, "view")}


@pytest.mark.parametrize("who", ["ana", "mona", "vera"])
def test_only_those_who_see_roles_are_told(cast, who):
    petra = cast.leads["Petra Supplies"]
    with acting_as(cast.who(who)) as session:
        asked = [lambda: role_choices(session), lambda: differences(session, 1, 2), lambda: explain(session, cast.people["carla"], petra, "view"),
                 lambda: explain(session, 10**9, petra, "view")]  # fmt: skip
        if who != "mona":
            asked += [lambda: explain(session, cast.people["ana"], petra, "view"), lambda: who_can(session, petra, "view"), lambda: askable(session)]
        for ask in asked:
            with pytest.raises(Refused) as refused:
                ask()
            assert refused.value.facts["grant"] == "role: view"


MANAGERS = [name for name in PEOPLE if name in ("mona", "freja", "double")]


@pytest.mark.parametrize("name", MANAGERS)
def test_a_manager_is_told_of_the_people_of_their_teams_on_leads_that_they_see_and_of_no_other_role(wide_db, plain, facts_of, name):
    """Every person of the cast and every lead: what is told is true, and names no role and no team in which the manager holds nothing."""
    mine = plain.reach(name, "role", "view").teams
    known = {other for other in PEOPLE if any(team and plain.teams[team] in mine for team in PEOPLE[other])} | {name}
    secret = {other: {(role, team) for team, role in PEOPLE[other].items() if team is None or plain.teams[team] not in mine} for other in PEOPLE}
    seen, asked = plain.leads(name), 0
    with acting_as(plain.who(name)) as session:
        assert askable(session).keys() == {plain.people[other] for other in known}
        for row in plain.rows["leads"][::4]:
            for other in PEOPLE:
                if other not in known or row["id"] not in seen:
                    with pytest.raises((Refused, NotFound)):
                        explain(session, plain.people[other], row["id"], "edit")
                    continue
                found, asked = explain(session, plain.people[other], row["id"], "edit"), asked + 1
                assert found.can == walls_let(plain.who(other), facts_of[row["id"]], "edit")
                told = " ".join([found.said, *(reason.text for step in found.steps for reason in step.reasons)])
                assert not [role for role, team in secret[other] if f"{role} in {team}" in told or (team is None and f"{role} has" in told)], told
            if row["id"] in seen:
                assert {each.person_id for each in who_can(session, row["id"], "view")} == {
                    plain.people[other] for other in known if walls_let(plain.who(other), facts_of[row["id"]], "view")
                }
    assert asked


def test_a_role_held_elsewhere_counts_and_is_not_named(cast):
    """Vera only looks in Gulf, and is an admin besides."""
    with acting_as(cast.who("alma")) as session:
        place_person(session, cast.people["vera"], [(cast.teams["Gulf"], role_id(session, "viewer")), (None, role_id(session, "admin"))])
    with acting_as(cast.who("mona")) as session:
        found = explain(session, cast.people["vera"], cast.leads["Petra Supplies"], "edit")
        (listed,) = [who for who in who_can(session, cast.leads["Petra Supplies"], "edit") if who.name == "Vera"]
    assert found.can and "outside your teams" in found.said and "outside your teams" in listed.by
    assert "admin" not in str(found) and "admin" not in listed.by


def test_whoever_explains_learns_of_no_lead_that_they_do_not_see(wide_db, plain):
    """Olga may see every role and no lead."""
    row = plain.rows["leads"][0]
    with acting_as(plain.who("olga")) as session:
        for ask in (lambda: explain(session, plain.people["nils"], row["id"], "view"), lambda: who_can(session, row["id"], "view")):
            with pytest.raises(NotFound):
                ask()
        assert find_leads(session, row["name"][:6]) == [] and find_leads(session, str(row["id"])) == []


@pytest.mark.parametrize("action", ["", "own", "configure", "view; drop table crm.leads"])
def test_what_cannot_be_explained_is_refused(cast, action):
    with acting_as(cast.who("alma")) as session, pytest.raises(Invalid):
        explain(session, cast.people["ana"], cast.leads["Petra Supplies"], action)


@pytest.mark.parametrize("wanted", ["", "x", "%%%", "\\", "9" * 40, "²³", "'; --"])
def test_hostile_words_find_nothing_and_break_nothing(cast, wanted):
    with acting_as(cast.who("alma")) as session:
        assert find_leads(session, wanted) == []


def test_two_roles_differ_exactly_where_their_grants_do(wide_db, plain):
    with acting_as(plain.who("alma")) as session:
        roles = {name: role_id for role_id, name in role_choices(session).items()}
        for one, other in product(("rep", "viewer", "solo", "nobody"), ("manager", "rep", "watcher")):
            found = {(d.resource, d.action): (d.one, d.other) for d in differences(session, roles[one], roles[other])}
            scopes = [{(r, a): s for r, actions in GRANTS[name].items() for a, s in actions.items()} for name in (one, other)]
            keys = scopes[0].keys() | scopes[1].keys()
            wanted = {key: tuple(scope.get(key, "none") for scope in scopes) for key in keys}
            assert found == {key: pair for key, pair in wanted.items() if pair[0] != pair[1]}


def test_two_roles_differ_in_the_fields_that_one_closes(cast):
    with acting_as(cast.who("alma")) as session:
        roles = {name: role_id for role_id, name in role_choices(session).items()}
        rules = (("rep", "custom.color", "hidden"), ("rep", "phone", "read_only"), ("viewer", "phone", "read_only"))
        edits = [Edit("field_rule", None, {"role_id": roles[role], "record_type": "lead", "field": name, "rule": rule}) for role, name, rule in rules]
        apply(session, edits, source="test", on_conflict="refuse")
        assert [(d.said, d.one, d.other) for d in field_differences(session, roles["rep"], roles["viewer"])] == [("Color of leads", "hidden", "open")]
        found = field_differences(session, roles["admin"], roles["rep"])
    assert [(d.said, d.one, d.other) for d in found] == [("Color of leads", "open", "hidden"), ("Phone of leads", "open", "read_only")]


def test_a_role_that_was_removed_is_compared_with_none(cast):
    with acting_as(cast.who("alma")) as session:
        gone = apply(session, [Edit("role", None, {"name": "gone"})], source="test").results[0].record_id
        apply(session, [delete_edit("role", gone, 1)], source="test", on_conflict="refuse")
        assert "gone" not in role_choices(session).values()
        for compare in (differences, field_differences):
            with pytest.raises(NotFound):
                compare(session, gone, gone)
