"""The company of a lead: found by letters, exchanged, made anew, renamed."""

import pytest

from crm.access import OPERATOR, acting_as
from crm.changes import Edit, apply, undo
from crm.companies.reads import companies_called, company
from crm.companies.use_cases import edit_company
from crm.errors import CrmError, Invalid, NotFound, Refused, Stale
from crm.leads.reads import LeadFilter, lead, list_leads
from crm.leads.use_cases import create_lead, move_to_company
from crm.people.use_cases import place_person, role_id
from crm.roles.use_cases import add_role


def make(cast, who, *names, team="Gulf"):
    edits = [Edit("company", None, {"name": name, "team_id": cast.teams[team]}) for name in names]
    with acting_as(cast.who(who)) as session:
        return [result.record_id for result in apply(session, edits, source="test", on_conflict="refuse").results]


def move(cast, who, to, name="Al Noor Trading"):
    with acting_as(cast.who(who)) as session:
        return move_to_company(session, lead(session, cast.leads[name]), to, source="test")


def count(db):
    return db.value("select count(*) from crm.companies where deleted_at is null")


def test_a_lead_moves_to_a_company_that_there_is(db, cast):
    (petra,) = make(cast, "ana", "Petra Group")
    move(cast, "ana", petra)
    with acting_as(cast.who("ana")) as session:
        assert lead(session, cast.leads["Al Noor Trading"])["company"] == "Petra Group"
        assert [row["name"] for row in list_leads(session, LeadFilter(q="petra group")).rows] == ["Al Noor Trading"]


def test_a_new_company_comes_with_the_move_in_one_change_set_and_goes_with_its_undo(db, cast):
    done = move(cast, "ana", "Sahara Group")
    with acting_as(cast.who("ana")) as session:
        assert lead(session, cast.leads["Al Noor Trading"])["company"] == "Sahara Group"
        undo(session, done.change_set_id)
        assert lead(session, cast.leads["Al Noor Trading"])["company"] is None
    assert count(db) == 0


def test_a_lead_can_be_without_a_company(db, cast):
    move(cast, "ana", "Sahara Group")
    move(cast, "ana", None)
    assert db.value("select company_id from crm.leads where id = :id", id=cast.leads["Al Noor Trading"]) is None


def test_whoever_was_first_keeps_their_company_and_no_new_one_stays_behind(db, cast):
    (petra,) = make(cast, "ana", "Petra Group")
    with acting_as(cast.who("bruno")) as session:
        seen = lead(session, cast.leads["Al Noor Trading"])
    move(cast, "ana", petra)
    with acting_as(cast.who("bruno")) as session, pytest.raises(Stale):
        move_to_company(session, seen, "Sahara Group", source="test")
    assert db.value("select company_id from crm.leads where id = :id", id=seen["id"]) == petra
    assert count(db) == 1


@pytest.mark.parametrize("who", ["vera", "carla"])
def test_who_may_not_edit_the_lead_moves_nothing_and_makes_no_company(db, cast, who):
    with acting_as(cast.who("ana")) as session:
        seen = lead(session, cast.leads["Al Noor Trading"])
    with acting_as(cast.who(who)) as session, pytest.raises(CrmError):
        move_to_company(session, seen, "Sahara Group", source="test")
    assert count(db) == 0 and db.value("select version from crm.leads where id = :id", id=seen["id"]) == seen["version"]


def test_nobody_moves_a_lead_to_a_company_they_do_not_see(db, cast):
    (hidden,) = make(cast, "carla", "Nile Group", team="Levant")
    with pytest.raises(Invalid):
        move(cast, "ana", hidden)


def test_a_company_is_found_by_letters_of_its_name_the_exact_one_first(db, cast):
    make(cast, "ana", "A Petra", "Petra", "Petra & Sons", "Delta_1", "Delta21")
    make(cast, "carla", "Petra of the others", team="Levant")
    with acting_as(cast.who("ana")) as session:
        assert [row.name for row in companies_called(session, "PETRA")] == ["Petra", "A Petra", "Petra & Sons"]
        assert [row.name for row in companies_called(session, "a_1")] == ["Delta_1"]
        assert companies_called(session, "nothing") == []


def test_a_deleted_company_is_not_offered(db, cast):
    (petra,) = make(cast, "ana", "Petra")
    with acting_as(OPERATOR) as session:
        apply(session, [Edit("company", petra, {"deleted_at": "2026-01-01T00:00:00Z"}, 1)], source="test", on_conflict="refuse")
    with acting_as(cast.who("ana")) as session:
        assert companies_called(session, "petra") == [] and company(session, petra) is None


def test_another_name_shows_on_every_lead_and_in_search_and_can_be_taken_back(db, cast):
    (petra,) = make(cast, "ana", "Petra")
    move(cast, "ana", petra)
    move(cast, "ana", petra, "Delta Foods")
    with acting_as(cast.who("bruno")) as session:
        assert company(session, petra).leads == 2
        done = edit_company(session, petra, 1, {"name": "Petra & Sons"}, name="Petra", source="test")
        assert {row["name"] for row in list_leads(session, LeadFilter(q="petra & sons")).rows} == {"Al Noor Trading", "Delta Foods"}
        undo(session, done.change_set_id)
        assert company(session, petra).name == "Petra"


def test_a_stale_new_name_is_refused(db, cast):
    (petra,) = make(cast, "ana", "Petra")
    with acting_as(cast.who("ana")) as session:
        edit_company(session, petra, 1, {"name": "Petra & Sons"}, name="Petra", source="test")
    with acting_as(cast.who("bruno")) as session, pytest.raises(Stale):
        edit_company(session, petra, 1, {"name": "Petra Brothers"}, name="Petra", source="test")


@pytest.mark.parametrize(("who", "error"), [("vera", Refused), ("carla", NotFound)])
def test_who_may_not_edit_a_company_does_not_rename_it(db, cast, who, error):
    (petra,) = make(cast, "ana", "Petra")
    with acting_as(cast.who(who)) as session, pytest.raises(error):
        edit_company(session, petra, 1, {"name": "Mine now"}, name="Petra", source="test")
    assert db.value("select name from crm.companies where id = :id", id=petra) == "Petra"


def test_a_company_needs_a_name(db, cast):
    (petra,) = make(cast, "ana", "Petra")
    with acting_as(cast.who("ana")) as session, pytest.raises(Invalid):
        edit_company(session, petra, 1, {"name": "  "}, name="Petra", source="test")


def test_whoever_may_add_only_what_is_theirs_makes_a_lead_with_its_company(db, cast):
    with acting_as(OPERATOR) as session:
        made = add_role(session, "Field rep", like=role_id(session, "rep"), is_own_only=True, source="test").results[0].record_id
        place_person(session, cast.people["ana"], [(cast.teams["Gulf"], made)])
    with acting_as(cast.who("ana")) as session:
        done = create_lead(session, {"name": "Corner shop", "team_id": cast.teams["Gulf"]}, company_name="Corner shop", source="form")
        assert lead(session, done.results[-1].record_id)["company"] == "Corner shop"
    assert db.value("select owner_id from crm.companies where name = 'Corner shop'") == cast.people["ana"]
    make(cast, "bruno", "Petra Group")
    assert db.value("select owner_id from crm.companies where name = 'Petra Group'") is None
