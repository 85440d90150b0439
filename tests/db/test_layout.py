"""What a lead's place is held against is remembered for a moment, and never outlives a change of it."""

from crm.access import acting_as
from crm.changes import Edit, apply, delete_edit
from crm.leads.references import References, wanted_ids
from crm.pipelines.layout import layout
from tests.db.acts import edit, row, save


def test_a_lead_goes_to_a_stage_that_the_same_transaction_has_just_made(db, cast):
    with acting_as(cast.who("alma")) as session:
        layout(session)
        made = apply(
            session, [Edit("stage", None, {"pipeline_id": cast.pipelines["Gulf"], "name": "Trial", "kind": "open", "position": 9})],
            source="test", on_conflict="refuse",
        )  # fmt: skip
        stage_id = made.results[0].record_id
        apply(session, [edit(cast, "Petra Supplies", 1, stage_id=stage_id)], source="test", on_conflict="refuse")
    assert row(db, cast, "Petra Supplies")["stage_id"] == stage_id


def test_a_stage_that_was_deleted_takes_no_lead_any_more(db, cast):
    with acting_as(cast.who("ana")) as session:
        layout(session)
    with acting_as(cast.who("alma")) as session:
        apply(session, [delete_edit("stage", cast.stages["Gulf"]["Contacted"], 1)], source="test", on_conflict="refuse")
    outcome = save(cast, "ana", edit(cast, "Petra Supplies", 1, stage_id=cast.stages["Gulf"]["Contacted"]))
    assert [result.status for result in outcome.results] == ["invalid"]
    assert row(db, cast, "Petra Supplies")["version"] == 1


def test_the_name_of_a_stage_is_known_to_whoever_sees_a_lead_of_its_pipeline(db, cast):
    with acting_as(cast.who("ana")) as session:
        found = wanted_ids(References(session), {"stage_id": "contacted"}, place=(cast.teams["Gulf"], cast.pipelines["Gulf"]))
    assert found == {"stage_id": cast.stages["Gulf"]["Contacted"]}
