"""The write path keeps every accepted edit, and tells what it could not write."""

import pytest
from sqlalchemy import text

from crm.access import acting_as
from crm.changes import Edit, apply, changes_of, open_conflicts, resolve, undo
from crm.errors import NotFound, Refused, Stale


def edit(cast, lead, version, **wanted):
    return Edit("lead", cast.leads[lead], wanted, version)


def save(cast, who, *edits, **options):
    with acting_as(cast.who(who)) as session:
        return apply(session, edits, source="test", **options)


def row(db, cast, lead):
    return db.rows("select * from crm.leads where id = :id", id=cast.leads[lead])[0]


def test_an_edit_is_written_with_history_and_posting(db, cast):
    outcome = save(cast, "ana", edit(cast, "Al Noor Trading", 1, stage_id=cast.stages["Gulf"]["Contacted"], next_step="call"))
    assert [r.status for r in outcome.results] == ["applied"]
    assert row(db, cast, "Al Noor Trading")["version"] == 2
    change = db.rows("select * from crm.changes where record_type = 'lead' and record_id = :id and version = 2", id=cast.leads["Al Noor Trading"])[0]
    assert change["fields"] == {"stage_id": [cast.stages["Gulf"]["Lead"], cast.stages["Gulf"]["Contacted"]], "next_step": [None, "call"]}
    assert change["person_id"] == cast.people["ana"]
    sides = db.rows("select kind, leads, value_usd from crm.postings where lead_id = :id order by id", id=cast.leads["Al Noor Trading"])
    assert [(s["kind"], s["leads"], int(s["value_usd"])) for s in sides] == [("created", 1, 12400), ("moved", -1, -12400), ("moved", 1, 12400)]


def test_a_stale_edit_of_another_field_is_merged(db, cast):
    save(cast, "ana", edit(cast, "Petra Supplies", 1, next_step="send samples"))
    outcome = save(cast, "bruno", edit(cast, "Petra Supplies", 1, expected_close_on="2026-12-20"))
    assert outcome.results[0].status == "merged"
    assert row(db, cast, "Petra Supplies")["next_step"] == "send samples"


def test_a_stale_edit_of_the_same_field_becomes_a_conflict_and_the_rest_is_saved(db, cast):
    save(cast, "ana", edit(cast, "Petra Supplies", 1, next_step="send samples"))
    outcome = save(cast, "bruno", edit(cast, "Petra Supplies", 1, next_step="visit", expected_close_on="2026-12-20"))
    result = outcome.results[0]
    assert result.status == "conflict" and result.applied == ("expected_close_on",)
    met = result.conflicts[0]
    assert (met.field, met.seen, met.theirs, met.mine, met.their_person_id) == ("next_step", None, "send samples", "visit", cast.people["ana"])
    with acting_as(cast.who("bruno")) as session:
        kept = open_conflicts(session)
        assert len(kept) == 1 and kept[0]["mine"] == "visit"
        done = resolve(session, {kept[0]["id"]: "mine"})
        assert done.results[0].is_kept
    assert row(db, cast, "Petra Supplies")["next_step"] == "visit"
    with acting_as(cast.who("ana")) as session:
        assert open_conflicts(session) == []


def test_the_same_value_on_both_sides_is_no_conflict(db, cast):
    save(cast, "ana", edit(cast, "Petra Supplies", 1, next_step="visit"))
    assert save(cast, "bruno", edit(cast, "Petra Supplies", 1, next_step="visit")).results[0].status == "unchanged"


def test_a_refusing_door_writes_nothing(db, cast):
    save(cast, "ana", edit(cast, "Petra Supplies", 1, next_step="send samples"))
    with pytest.raises(Stale) as raised:
        save(cast, "bruno", edit(cast, "Petra Supplies", 1, next_step="visit", expected_close_on="2026-12-20"), on_conflict="refuse")
    assert raised.value.facts["conflicts"][0].theirs == "send samples"
    assert row(db, cast, "Petra Supplies")["expected_close_on"] is None
    assert db.value("select count(*) from crm.conflicts") == 0


def test_a_strangers_lead_is_not_found_and_a_viewer_is_refused(db, cast):
    with pytest.raises(NotFound):
        save(cast, "carla", edit(cast, "Petra Supplies", 1, next_step="x"), on_conflict="refuse")
    with pytest.raises(Refused):
        save(cast, "vera", edit(cast, "Petra Supplies", 1, next_step="x"), on_conflict="refuse")


def test_a_lead_given_to_another_team_can_be_taken_back_by_who_gave_it(db, cast):
    outcome = save(cast, "mona", edit(cast, "Al Noor Trading", 1, team_id=cast.teams["Levant"]))
    assert outcome.results[0].status == "applied"
    after = row(db, cast, "Al Noor Trading")
    assert (after["team_id"], after["pipeline_id"], after["owner_id"]) == (cast.teams["Levant"], cast.pipelines["Levant"], None)
    with acting_as(cast.who("mona")) as session:
        assert session.scalar(text("select count(*) from crm.leads where id = :id"), {"id": after["id"]}) == 0
        done = undo(session, outcome.change_set_id)
    assert done.records == 1 and not done.left_alone
    back = row(db, cast, "Al Noor Trading")
    assert (back["team_id"], back["owner_id"], back["version"]) == (cast.teams["Gulf"], cast.people["ana"], 3)


def test_a_rep_cannot_send_a_lead_to_a_team_they_may_not_assign_to(db, cast):
    with pytest.raises(Refused, match="assign"):
        save(cast, "ana", edit(cast, "Al Noor Trading", 1, team_id=cast.teams["Levant"]), on_conflict="refuse")


def test_undo_leaves_alone_what_was_edited_since(db, cast):
    outcome = save(cast, "ana", edit(cast, "Petra Supplies", 1, next_step="visit", expected_close_on="2026-12-20"))
    save(cast, "bruno", edit(cast, "Petra Supplies", 2, next_step="call"))
    with acting_as(cast.who("ana")) as session:
        done = undo(session, outcome.change_set_id)
    assert [left.field.field for left in done.left_alone] == ["next_step"]
    after = row(db, cast, "Petra Supplies")
    assert after["next_step"] == "call" and after["expected_close_on"] is None


def test_history_shows_who_changed_what(db, cast):
    save(cast, "ana", edit(cast, "Petra Supplies", 1, value={"amount": "100", "currency": "AED"}))
    with acting_as(cast.who("bruno")) as session:
        newest = changes_of(session, "lead", cast.leads["Petra Supplies"])[0]
    assert newest["person_name"] == "Ana"
    assert newest["fields"]["value"] == [{"amount": "9500.00", "currency": "USD"}, {"amount": "100.00", "currency": "AED"}]
    assert float(row(db, cast, "Petra Supplies")["value_usd"]) == 27.23
