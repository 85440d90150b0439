"""Undo takes back exactly one change set, as far as nobody built on it, and lists what it left alone."""

import sys
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from crm.access import OPERATOR, acting_as
from crm.activities.use_cases import add_activity
from crm.changes import Edit, apply, delete_edit, left_by_name, undo
from crm.errors import Gone, NotFound, Refused
from crm.leads.use_cases import create_lead
from tests.db.acts import counts, edit, history, new_lead, reasons, record, row, save, take_back

LEAD = "Petra Supplies"


def wide(db, cast, who, role):
    """Give somebody another role in their team."""
    with db.owner().begin() as connection:
        connection.execute(
            text("update crm.memberships set role_id = (select id from crm.roles where name = :r) where person_id = :p"), {"r": role, "p": cast.people[who]}
        )


def test_a_created_lead_is_deleted_and_its_undo_brings_it_back(db, cast):
    made = save(cast, "ana", new_lead(cast, owner_id=cast.people["ana"]))
    lead = made.results[0].record_id
    first = take_back(cast, "ana", made.change_set_id)
    assert (first.records, record(db, "leads", lead)["deleted_at"] is not None) == (1, True)
    second = take_back(cast, "ana", first.change_set_id)
    assert (second.records, record(db, "leads", lead)["deleted_at"]) == (1, None)
    third = take_back(cast, "ana", second.change_set_id)
    assert (third.records, record(db, "leads", lead)["deleted_at"] is not None) == (1, True)


def test_a_deleted_lead_comes_back_with_its_place_in_the_pipeline(db, cast):
    gone = save(cast, "ana", delete_edit("lead", cast.leads["Delta Foods"], 1))
    assert take_back(cast, "ana", gone.change_set_id).records == 1
    after = row(db, cast, "Delta Foods")
    assert after["deleted_at"] is None
    kinds = db.rows("select kind, leads from crm.postings where lead_id = :id order by id", id=after["id"])
    assert [(p["kind"], p["leads"]) for p in kinds] == [("created", 1), ("deleted", -1), ("restored", 1)]


def test_undoing_somebody_elses_change_shows_nobody_a_company_they_do_not_see(db, cast):
    company = save(cast, "carla", Edit("company", None, {"name": "Nile Group", "team_id": cast.teams["Levant"]})).results[0].record_id
    nile = cast.leads["Nile Mart"]
    save(cast, "carla", edit(cast, "Nile Mart", 1, company_id=company))
    left = save(cast, "carla", edit(cast, "Nile Mart", 2, company_id=None))
    save(cast, "alma", edit(cast, "Nile Mart", 3, team_id=cast.teams["Gulf"], owner_id=cast.people["ana"]))
    assert reasons(take_back(cast, "ana", left.change_set_id).left_alone) == ["Company: there is no such record, or you may not see it."]
    assert record(db, "leads", nile)["company_id"] is None
    with acting_as(cast.who("ana")) as session:
        assert session.scalar(text("select count(*) from crm.companies where id = :id"), {"id": company}) == 0
    assert take_back(cast, "alma", left.change_set_id).records == 1


def test_the_wall_alone_refuses_to_undo_a_hidden_company_back(db, cast, monkeypatch):
    company = save(cast, "carla", Edit("company", None, {"name": "Nile Group", "team_id": cast.teams["Levant"]})).results[0].record_id
    save(cast, "carla", edit(cast, "Nile Mart", 1, company_id=company))
    left = save(cast, "carla", edit(cast, "Nile Mart", 2, company_id=None))
    save(cast, "alma", edit(cast, "Nile Mart", 3, team_id=cast.teams["Gulf"], owner_id=cast.people["ana"]))
    monkeypatch.setattr(sys.modules["crm.changes.apply"]._Apply, "_check_references", lambda *_: None)
    with pytest.raises(Refused):
        take_back(cast, "ana", left.change_set_id)
    assert record(db, "leads", cast.leads["Nile Mart"])["company_id"] is None


def test_undoing_twice_changes_nothing_more(db, cast):
    made = save(cast, "ana", edit(cast, LEAD, 1, next_step="visit"))
    take_back(cast, "ana", made.change_set_id)
    before = counts(db)
    again = take_back(cast, "ana", made.change_set_id)
    assert (again.records, again.left_alone, again.change_set_id) == (0, [], None)
    assert counts(db) == before


def test_cells_edited_since_are_left_alone_and_listed_with_who_and_what(db, cast):
    made = save(cast, "ana", edit(cast, LEAD, 1, next_step="visit", phone="1", custom__size=3))
    save(cast, "bruno", edit(cast, LEAD, 2, next_step="call", custom__size=4))
    done = take_back(cast, "ana", made.change_set_id)
    assert {left.field.field: (left.field.theirs, left.field.their_person_id) for left in done.left_alone} == {
        "next_step": ("call", cast.people["bruno"]), "custom.size": (4, cast.people["bruno"]),
    }  # fmt: skip
    after = row(db, cast, LEAD)
    assert (after["next_step"], after["phone"], after["custom"]) == ("call", None, {"size": 4})


def test_an_undo_keeps_no_conflicts(db, cast):
    made = save(cast, "ana", edit(cast, LEAD, 1, next_step="visit"))
    save(cast, "bruno", edit(cast, LEAD, 2, next_step="call"))
    take_back(cast, "ana", made.change_set_id)
    assert db.value("select count(*) from crm.conflicts") == 0


def test_several_versions_of_one_record_in_one_set_go_back_together(db, cast):
    made = save(cast, "ana", edit(cast, LEAD, 1, next_step="a"), edit(cast, LEAD, 1, next_step="b", phone="1"), edit(cast, LEAD, 1, phone="2"))
    assert row(db, cast, LEAD)["version"] == 4
    done = take_back(cast, "ana", made.change_set_id)
    after = row(db, cast, LEAD)
    assert (done.records, after["version"], after["next_step"], after["phone"]) == (1, 5, None, None)


def test_a_change_of_somebody_elses_between_two_of_the_set_is_not_undone_with_them(db, cast):
    """The set wrote next_step, bruno rewrote it, then the set wrote another field: undo must not put bruno's away."""
    made = save(cast, "ana", edit(cast, LEAD, 1, next_step="imported"))
    save(cast, "bruno", edit(cast, LEAD, 2, next_step="bruno's"))
    save(cast, "ana", edit(cast, LEAD, 3, phone="1"), change_set_id=made.change_set_id)
    done = take_back(cast, "ana", made.change_set_id)
    after = row(db, cast, LEAD)
    assert (after["next_step"], after["phone"]) == ("bruno's", None)
    assert [left.field.field for left in done.left_alone] == ["next_step"]


def test_a_field_the_set_wrote_again_after_somebody_else_goes_back_to_theirs(db, cast):
    made = save(cast, "ana", edit(cast, LEAD, 1, next_step="first"))
    save(cast, "bruno", edit(cast, LEAD, 2, next_step="bruno's"))
    save(cast, "ana", edit(cast, LEAD, 3, next_step="second"), change_set_id=made.change_set_id)
    done = take_back(cast, "ana", made.change_set_id)
    assert (row(db, cast, LEAD)["next_step"], done.left_alone) == ("bruno's", [])


def test_what_is_left_alone_is_told_by_name_and_only_to_who_sees_it(db, cast):
    made = save(cast, "ana", edit(cast, LEAD, 1, next_step="visit"))
    save(cast, "bruno", edit(cast, LEAD, 2, next_step="call"))
    done = take_back(cast, "ana", made.change_set_id)
    for who, told in (("ana", LEAD), ("carla", "Lead")):
        with acting_as(cast.who(who)) as session:
            assert left_by_name(session, [*done.left_alone, *done.left_alone]) == [(told, "Next step was changed since")]


def test_a_created_record_that_somebody_else_worked_on_is_left_alone(db, cast):
    made = save(cast, "ana", new_lead(cast))
    lead = made.results[0].record_id
    save(cast, "bruno", Edit("lead", lead, {"next_step": "mine now"}, 1))
    save(cast, "ana", Edit("lead", lead, {"phone": "1"}, 2), change_set_id=made.change_set_id)
    done = take_back(cast, "ana", made.change_set_id)
    assert record(db, "leads", lead)["deleted_at"] is None
    assert (done.records, [left.field.field for left in done.left_alone]) == (0, ["next_step"])


def test_an_import_of_new_and_old_leads_is_taken_back_whole(db, cast):
    first = save(cast, "ana", *(new_lead(cast, name=f"Lead {i}") for i in range(30)))
    ids = [r.record_id for r in first.results]
    save(cast, "ana", *(Edit("lead", i, {"value": 5, "stage_id": cast.stages["Gulf"]["Won"]}, 1) for i in ids), edit(cast, LEAD, 1, value=7),
         change_set_id=first.change_set_id)  # fmt: skip
    done = take_back(cast, "ana", first.change_set_id)
    assert (done.records, done.left_alone) == (31, [])
    assert db.value("select count(*) from crm.leads where id = any(:ids) and deleted_at is null", ids=ids) == 0
    assert db.value("select sum(leads) from crm.postings") == 4 and str(row(db, cast, LEAD)["value_amount"]) == "9500.00"


def test_a_teammate_may_undo_what_they_may_edit(db, cast):
    made = save(cast, "ana", edit(cast, LEAD, 1, next_step="visit"))
    assert take_back(cast, "bruno", made.change_set_id).records == 1
    assert row(db, cast, LEAD)["next_step"] is None


def test_a_stranger_does_not_even_find_the_change_set(db, cast):
    made = save(cast, "ana", edit(cast, LEAD, 1, next_step="visit"))
    with pytest.raises(NotFound):
        take_back(cast, "carla", made.change_set_id)
    with pytest.raises(NotFound):
        take_back(cast, "ana", 987654)


def test_somebody_who_sees_half_of_a_set_undoes_that_half(db, cast):
    made = save(cast, "alma", edit(cast, LEAD, 1, next_step="all"), edit(cast, "Nile Mart", 1, next_step="all"))
    done = take_back(cast, "carla", made.change_set_id)
    assert (done.records, done.left_alone) == (1, [])
    assert (row(db, cast, LEAD)["next_step"], row(db, cast, "Nile Mart")["next_step"]) == ("all", None)


def test_a_viewer_undoes_nothing(db, cast):
    made = save(cast, "ana", edit(cast, LEAD, 1, next_step="visit"))
    before = counts(db)
    with pytest.raises(Refused):
        take_back(cast, "vera", made.change_set_id)
    assert counts(db) == before


def test_a_key_that_only_reads_undoes_nothing(db, cast):
    made = save(cast, "ana", edit(cast, LEAD, 1, next_step="visit"))
    reader = replace(cast.who("ana"), is_read_only=True, views={}, _reaches={})
    with acting_as(reader) as session, pytest.raises(Refused):
        undo(session, made.change_set_id)
    assert row(db, cast, LEAD)["next_step"] == "visit"


def test_somebody_who_lost_their_grants_undoes_nothing_of_their_own(db, cast):
    made = save(cast, "ana", edit(cast, LEAD, 1, next_step="visit"))
    wide(db, cast, "ana", "viewer")
    with pytest.raises(Refused):
        take_back(cast, "ana", made.change_set_id)


def test_a_rep_takes_back_a_new_lead_with_its_new_company_though_reps_delete_no_companies(db, cast):
    with acting_as(cast.who("ana")) as session:
        made = create_lead(session, {"name": "Sohar Steel", "team_id": cast.teams["Gulf"]}, company_name="Sohar Group", source="test")
    done = take_back(cast, "ana", made.change_set_id)
    assert (done.records, done.left_alone) == (2, [])
    assert db.value("select deleted_at is not null from crm.companies where name = 'Sohar Group'")


def test_a_rep_does_not_delete_a_colleagues_company_by_undoing_it(db, cast):
    made = save(cast, "bruno", Edit("company", None, {"name": "Sohar Group"}))
    with pytest.raises(Refused):
        take_back(cast, "ana", made.change_set_id)
    assert db.value("select deleted_at is null from crm.companies where name = 'Sohar Group'")


def test_a_rep_does_not_delete_their_own_company_once_a_colleague_worked_on_it(db, cast):
    made = save(cast, "ana", Edit("company", None, {"name": "Sohar Group"}))
    save(cast, "bruno", Edit("company", made.results[0].record_id, {"website": "sohar.example"}, 1))
    with pytest.raises(Refused):
        take_back(cast, "ana", made.change_set_id)
    assert db.value("select deleted_at is null from crm.companies where name = 'Sohar Group'")


def test_a_lead_given_away_is_taken_back_only_by_who_gave_it_and_only_untouched(db, cast):
    given = save(cast, "mona", edit(cast, LEAD, 1, team_id=cast.teams["Levant"]))
    with pytest.raises(NotFound):
        take_back(cast, "ana", given.change_set_id)
    save(cast, "carla", edit(cast, LEAD, 2, next_step="ours now"))
    with pytest.raises(Refused):
        take_back(cast, "mona", given.change_set_id)
    after = row(db, cast, LEAD)
    assert (after["team_id"], after["next_step"]) == (cast.teams["Levant"], "ours now")


def test_a_lead_sent_there_and_back_goes_back_step_by_step(db, cast):
    there = save(cast, "mona", edit(cast, LEAD, 1, team_id=cast.teams["Levant"], next_step="look"))
    back = save(cast, "alma", edit(cast, LEAD, 2, team_id=cast.teams["Gulf"], owner_id=cast.people["mona"]))
    done = take_back(cast, "mona", there.change_set_id)
    assert {left.field.field for left in done.left_alone} <= {"team_id", "pipeline_id", "stage_id", "owner_id"}
    take_back(cast, "alma", back.change_set_id)
    with pytest.raises(Refused):  # it stands in the other team by alma's act now, no longer by mona's
        take_back(cast, "mona", there.change_set_id)
    take_back(cast, "alma", there.change_set_id)
    after = row(db, cast, LEAD)
    assert (after["team_id"], after["owner_id"], after["next_step"]) == (cast.teams["Gulf"], cast.people["bruno"], None)


def test_the_undo_of_a_give_away_can_itself_be_undone(db, cast):
    there = save(cast, "mona", edit(cast, LEAD, 1, team_id=cast.teams["Levant"]))
    first = take_back(cast, "mona", there.change_set_id)
    take_back(cast, "mona", first.change_set_id)
    assert row(db, cast, LEAD)["team_id"] == cast.teams["Levant"]


def test_an_owner_who_was_disabled_meanwhile_does_not_get_leads_back(db, cast):
    given = save(cast, "mona", edit(cast, LEAD, 1, owner_id=cast.people["ana"]))
    save(cast, "alma", Edit("person", cast.people["bruno"], {"disabled_at": datetime(2026, 1, 1, tzinfo=UTC)}, 1))
    done = take_back(cast, "mona", given.change_set_id)
    assert done.records == 0 and "disabled" in done.left_alone[0].reason
    assert row(db, cast, LEAD)["owner_id"] == cast.people["ana"]


def test_a_merge_is_taken_back(db, cast):
    gone = datetime(2026, 1, 1, tzinfo=UTC)
    merged = save(cast, "mona", edit(cast, "Delta Foods", 1, merged_into_id=cast.leads[LEAD], deleted_at=gone), edit(cast, LEAD, 1, phone="1"))
    result = save(cast, "ana", edit(cast, "Delta Foods", 2, next_step="x")).results[0]
    assert isinstance(result.error, Gone) and result.error.facts["merged_into"] == cast.leads[LEAD]
    done = take_back(cast, "mona", merged.change_set_id)
    assert (done.records, done.left_alone) == (2, [])
    after = row(db, cast, "Delta Foods")
    assert (after["merged_into_id"], after["deleted_at"]) == (None, None)


def test_a_merged_lead_is_not_unmerged_by_an_edit(db, cast):
    save(cast, "mona", edit(cast, "Delta Foods", 1, merged_into_id=cast.leads[LEAD], deleted_at=datetime(2026, 1, 1, tzinfo=UTC)))
    assert save(cast, "mona", edit(cast, "Delta Foods", 2, merged_into_id=None, deleted_at=None)).results[0].status == "not_found"


def test_a_restored_key_that_is_taken_meanwhile_is_left_alone_in_words(db, cast):
    made = save(cast, "ana", new_lead(cast, external_id="X-1"))
    gone = save(cast, "mona", delete_edit("lead", made.results[0].record_id, 1), delete_edit("lead", cast.leads["Delta Foods"], 1))
    save(cast, "ana", new_lead(cast, name="Other", external_id="X-1"))
    done = take_back(cast, "mona", gone.change_set_id)
    assert done.records == 1 and "taken" in reasons(done.left_alone)[0]
    assert row(db, cast, "Delta Foods")["deleted_at"] is None


def test_an_activity_goes_with_the_undo_of_its_change_set(db, cast):
    with acting_as(cast.who("ana")) as session:
        made = add_activity(session, cast.leads[LEAD], {"kind": "call"}, source="test")
    assert row(db, cast, LEAD)["last_contacted_at"] is not None
    assert take_back(cast, "ana", made.change_set_id).records == 1
    assert row(db, cast, LEAD)["last_contacted_at"] is None


def test_a_new_person_is_not_deleted_by_undo_but_left_alone_in_words(db, cast):
    from crm.people.use_cases import add_person

    with acting_as(cast.who("alma")) as session:
        add_person(session, {"email": "new@demo.example", "name": "New"}, [], source="test")
    change_set = db.value("select max(id) from crm.change_sets")
    with acting_as(cast.who("alma")) as session:
        done = undo(session, change_set)
    assert done.records == 0 and "cannot be deleted" in done.left_alone[0].reason


def test_the_command_line_undoes_what_the_command_line_did_and_what_people_did(db, cast):
    with acting_as(OPERATOR) as session:
        made = apply(session, [edit(cast, LEAD, 1, next_step="by script")], source="import")
        assert undo(session, made.change_set_id).records == 1
    theirs = save(cast, "ana", edit(cast, LEAD, 3, next_step="by ana"))
    with acting_as(OPERATOR) as session:
        assert undo(session, theirs.change_set_id).records == 1
    assert row(db, cast, LEAD)["next_step"] is None


def test_nobody_undoes_the_command_lines_work_as_their_own(db, cast):
    """The operator is nobody: a set without a person is nobody's own either."""
    with acting_as(OPERATOR) as session:
        made = apply(session, [edit(cast, LEAD, 1, team_id=cast.teams["Levant"])], source="import")
    with pytest.raises((NotFound, Refused)):
        take_back(cast, "ana", made.change_set_id)
    assert row(db, cast, LEAD)["team_id"] == cast.teams["Levant"]


def test_erased_history_leaves_the_record_alone(db, cast):
    made = save(cast, "ana", edit(cast, LEAD, 1, next_step="visit"))
    save(cast, "bruno", edit(cast, LEAD, 2, phone="1"))
    with db.owner().begin() as connection:
        connection.execute(text("delete from crm.changes where record_type = 'lead' and record_id = :id and version = 3"), {"id": cast.leads[LEAD]})
    done = take_back(cast, "ana", made.change_set_id)
    assert (done.records, done.left_alone[0].field.seen) == (0, None)
    assert row(db, cast, LEAD)["next_step"] == "visit"


def test_an_undo_is_history_and_postings_like_any_change(db, cast):
    made = save(cast, "ana", edit(cast, LEAD, 1, value=5))
    done = take_back(cast, "ana", made.change_set_id)
    newest = history(db, "lead", cast.leads[LEAD])[-1]
    assert (newest["source"], newest["change_set_id"], newest["version"]) == ("undo", done.change_set_id, 3)
    assert db.value("select undoes_id from crm.change_sets where id = :id", id=done.change_set_id) == made.change_set_id
    assert db.value("select sum(value_usd) from crm.postings where lead_id = :id", id=cast.leads[LEAD]) == 9500


def test_stage_and_pipeline_configuration_is_undone_too(db, cast):
    stage = cast.stages["Gulf"]["Contacted"]
    made = save(cast, "mona", Edit("stage", stage, {"name": "Reached", "probability": "0.3", "requirements": {"fields": ["value"]}}, 1))
    assert take_back(cast, "mona", made.change_set_id).records == 1
    after = record(db, "stages", stage)
    assert (after["name"], float(after["probability"]), after["requirements"]) == ("Contacted", 0.2, {})
