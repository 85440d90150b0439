"""Many edits in one call: each is answered, none is lost, and what cannot be written takes nothing else with it."""

from contextlib import suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from crm.access import OPERATOR, acting_as
from crm.changes import Edit, apply, delete_edit, open_conflicts
from crm.errors import CrmError, Invalid, NotFound, Stale
from tests.db.acts import counts, edit, history, new_lead, role_of, row, save


def test_two_edits_of_one_record_in_one_call_both_stand(db, cast):
    outcome = save(cast, "ana", edit(cast, "Petra Supplies", 1, next_step="visit"), edit(cast, "Petra Supplies", 1, phone="+971 4 000"))
    assert [r.is_kept for r in outcome.results] == [True, True]
    after = row(db, cast, "Petra Supplies")
    assert (after["next_step"], after["phone"]) == ("visit", "+971 4 000")


def test_two_edits_of_one_field_in_one_call_end_with_the_later(db, cast):
    outcome = save(cast, "ana", edit(cast, "Petra Supplies", 1, next_step="visit"), edit(cast, "Petra Supplies", 1, next_step="call"))
    assert [r.status for r in outcome.results] == ["applied", "applied"]
    assert row(db, cast, "Petra Supplies")["next_step"] == "call"
    assert [c["fields"].get("next_step") for c in history(db, "lead", cast.leads["Petra Supplies"])] == [None, [None, "visit"], ["visit", "call"]]


def test_two_stale_edits_of_one_record_with_different_versions_each_meet_what_they_missed(db, cast):
    save(cast, "ana", edit(cast, "Petra Supplies", 1, next_step="visit"))
    save(cast, "ana", edit(cast, "Petra Supplies", 2, phone="+971 4 111"))
    outcome = save(cast, "bruno", edit(cast, "Petra Supplies", 1, next_step="call"), edit(cast, "Petra Supplies", 2, email="a@b.example"))
    assert [r.status for r in outcome.results] == ["conflict", "merged"]
    assert row(db, cast, "Petra Supplies")["next_step"] == "visit"


def test_a_later_edit_of_the_same_call_still_meets_somebody_elses_change(db, cast):
    save(cast, "ana", edit(cast, "Petra Supplies", 1, next_step="visit"))
    outcome = save(cast, "bruno", edit(cast, "Petra Supplies", 1, phone="+971 4 111"), edit(cast, "Petra Supplies", 1, next_step="call"))
    assert [r.status for r in outcome.results] == ["merged", "conflict"]


def test_results_come_in_the_order_of_the_edits(db, cast):
    edits = [
        edit(cast, "Petra Supplies", 1, next_step="a"), new_lead(cast), delete_edit("lead", cast.leads["Delta Foods"], 1),
        edit(cast, "Petra Supplies", 1, phone="1"), edit(cast, "Nile Mart", 1, next_step="x"), new_lead(cast, name="Another"),
    ]  # fmt: skip
    outcome = save(cast, "ana", *edits)
    assert [r.edit for r in outcome.results] == edits
    assert [r.status for r in outcome.results] == ["applied", "applied", "applied", "applied", "not_found", "applied"]


def test_one_value_that_the_database_refuses_takes_no_other_edit_with_it(db, cast):
    save(cast, "ana", edit(cast, "Al Noor Trading", 1, external_id="X-1"))
    outcome = save(
        cast, "ana", edit(cast, "Petra Supplies", 1, external_id="X-2"), edit(cast, "Delta Foods", 1, external_id="X-1"),
        edit(cast, "Petra Supplies", 1, next_step="call"),
    )  # fmt: skip
    assert [r.status for r in outcome.results] == ["applied", "invalid", "applied"]
    assert "taken" in outcome.results[1].error.detail
    assert row(db, cast, "Petra Supplies")["external_id"] == "X-2"
    assert row(db, cast, "Delta Foods")["external_id"] is None


def test_one_new_record_that_the_database_refuses_takes_no_other_with_it(db, cast):
    save(cast, "ana", edit(cast, "Al Noor Trading", 1, external_id="X-1"))
    outcome = save(cast, "ana", new_lead(cast, external_id="X-9"), new_lead(cast, name="Twin", external_id="X-1"), new_lead(cast, name="Third"))
    assert [r.status for r in outcome.results] == ["applied", "invalid", "applied"]
    assert db.value("select count(*) from crm.leads where name = 'Third'") == 1
    names = {r.record_id: r.edit.wanted["name"] for r in outcome.results if r.record_id}
    assert {lead["id"]: lead["name"] for lead in db.rows("select id, name from crm.leads where id = any(:ids)", ids=list(names))} == names


def test_the_transaction_goes_on_after_an_edit_the_database_refused(db, cast):
    save(cast, "ana", edit(cast, "Al Noor Trading", 1, external_id="X-1"))
    with acting_as(cast.who("ana")) as session:
        apply(session, [edit(cast, "Petra Supplies", 1, next_step="kept")], source="test", on_conflict="refuse")
        with pytest.raises(Invalid):
            apply(session, [edit(cast, "Delta Foods", 1, external_id="X-1")], source="test", on_conflict="refuse")
        assert role_of(session).endswith("_team")
        apply(session, [edit(cast, "Delta Foods", 1, external_id="X-3")], source="test", on_conflict="refuse")
    assert row(db, cast, "Petra Supplies")["next_step"] == "kept"
    assert row(db, cast, "Delta Foods")["external_id"] == "X-3"


def test_a_refusing_call_that_fails_halfway_writes_nothing_even_if_its_caller_goes_on(db, cast):
    before = counts(db)
    with acting_as(cast.who("ana")) as session, pytest.raises(NotFound):
        apply(
            session,
            [new_lead(cast), edit(cast, "Petra Supplies", 1, next_step="x"), edit(cast, "Nile Mart", 1, next_step="x")],
            source="test",
            on_conflict="refuse",
        )
    with acting_as(cast.who("ana")) as session, suppress(CrmError):
        apply(session, [new_lead(cast), edit(cast, "Petra Supplies", 9, next_step="x")], source="test", on_conflict="refuse")
    assert counts(db) == before
    assert row(db, cast, "Petra Supplies")["version"] == 1


def test_a_refusing_call_with_a_conflict_takes_back_its_other_writes(db, cast):
    save(cast, "ana", edit(cast, "Petra Supplies", 1, next_step="visit"))
    before = counts(db)
    with acting_as(cast.who("bruno")) as session, pytest.raises(Stale) as raised:
        apply(session, [new_lead(cast), edit(cast, "Petra Supplies", 1, next_step="call")], source="test", on_conflict="refuse")
    assert raised.value.facts["conflicts"][0].mine == "call"
    assert counts(db) == before


def test_ten_thousand_edits_are_one_change_set(db, cast):
    ids = [r.record_id for r in save(cast, "ana", *(new_lead(cast, name=f"Lead {i}") for i in range(10_000))).results]
    assert len(set(ids)) == 10_000
    outcome = save(cast, "ana", *(Edit("lead", i, {"next_step": f"call {i}", "value": {"amount": i, "currency": "AED"}}, 1) for i in reversed(ids)))
    assert outcome.count("applied") == 10_000
    assert db.value("select count(*) from crm.changes where change_set_id = :c", c=outcome.change_set_id) == 10_000
    assert db.value("select count(*) from crm.leads where next_step = 'call ' || id and version = 2") == 10_000


def test_a_batch_whose_every_second_value_is_refused_keeps_the_others(db, cast):
    save(cast, "ana", edit(cast, "Al Noor Trading", 1, external_id="X-1"))
    outcome = save(cast, "ana", *(new_lead(cast, name=f"Lead {i}", external_id="X-1" if i % 2 else f"Y-{i}") for i in range(40)))
    assert [r.status for r in outcome.results] == ["applied", "invalid"] * 20


def test_the_command_line_has_nobody_to_keep_a_conflict_for_so_it_lists_it(db, cast):
    save(cast, "ana", edit(cast, "Petra Supplies", 1, next_step="visit"))
    with acting_as(OPERATOR) as session:
        outcome = apply(session, [edit(cast, "Petra Supplies", 1, next_step="call", phone="1")], source="test")
    assert outcome.results[0].status == "conflict" and outcome.results[0].applied == ("phone",)
    assert outcome.results[0].conflicts[0].theirs == "visit"
    assert db.value("select count(*) from crm.conflicts") == 0


def test_a_change_set_of_somebody_else_cannot_be_continued(db, cast):
    made = save(cast, "ana", edit(cast, "Petra Supplies", 1, next_step="visit"))
    with pytest.raises(NotFound):
        save(cast, "bruno", edit(cast, "Petra Supplies", 2, next_step="call"), change_set_id=made.change_set_id)
    with pytest.raises(NotFound):
        save(cast, "bruno", edit(cast, "Petra Supplies", 2, next_step="call"), change_set_id=987654)


def test_a_change_set_continues_over_several_calls(db, cast):
    made = save(cast, "ana", edit(cast, "Petra Supplies", 1, next_step="visit"))
    more = save(cast, "ana", new_lead(cast), change_set_id=made.change_set_id)
    assert more.change_set_id == made.change_set_id
    assert db.value("select count(*) from crm.changes where change_set_id = :c", c=made.change_set_id) == 2


def test_no_edits_make_no_change_set(db, cast):
    before = counts(db)
    assert save(cast, "ana").change_set_id is None
    assert save(cast, "ana", edit(cast, "Petra Supplies", 1, name="Petra Supplies")).results[0].status == "unchanged"
    assert counts(db) == before


def test_a_conflict_of_a_twice_edited_field_is_kept_once(db, cast):
    save(cast, "ana", edit(cast, "Petra Supplies", 1, next_step="visit"))
    save(cast, "bruno", edit(cast, "Petra Supplies", 1, next_step="call"), edit(cast, "Petra Supplies", 1, next_step="mail"))
    with acting_as(cast.who("bruno")) as session:
        assert [c["mine"] for c in open_conflicts(session)] == ["mail"]


def test_the_view_role_is_back_after_any_exception(db, cast):
    from crm.access import writing

    with acting_as(cast.who("ana")) as session:
        with pytest.raises(ZeroDivisionError), writing(session, "lead", "edit"):
            raise ZeroDivisionError
        assert role_of(session).endswith("_team")
        assert session.scalar(text("select current_setting('crm.write_resource', true)")) == ""


def test_writing_inside_writing_returns_to_the_outer_one(db, cast):
    from crm.access import writing

    with acting_as(cast.who("alma")) as session, writing(session, "person", "configure"):
        with writing(session, "lead", "edit"):
            pass
        assert session.scalar(text("select current_setting('crm.write_resource', true)")) == "person"
        assert role_of(session).endswith("_write")


def test_a_transaction_that_the_database_ended_is_never_committed_in_silence(db, cast):
    with pytest.raises(RuntimeError, match="not saved"), acting_as(cast.who("ana")) as session:  # noqa: PT012 - what is raised comes at the end
        apply(session, [edit(cast, "Petra Supplies", 1, next_step="lost?")], source="test")
        with suppress(DBAPIError):
            session.execute(text("select 1 / 0"))
    assert row(db, cast, "Petra Supplies")["next_step"] is None
