"""What somebody asks for stands, also where it stood already and something else they asked for would move it along."""

from crm.errors import Invalid
from tests.db.acts import edit, row, save

LEAD = "Petra Supplies"


def test_an_owner_who_is_to_stay_goes_with_the_lead_to_another_team(db, cast):
    """bruno is nobody of Levant's; without being named he would be left behind."""
    assert save(cast, "mona", edit(cast, LEAD, 1, team_id=cast.teams["Levant"], owner_id=cast.people["bruno"])).results[0].status == "applied"
    after = row(db, cast, LEAD)
    assert (after["team_id"], after["owner_id"]) == (cast.teams["Levant"], cast.people["bruno"])


def test_an_owner_who_is_not_named_stays_behind(db, cast):
    save(cast, "mona", edit(cast, LEAD, 1, team_id=cast.teams["Levant"]))
    assert row(db, cast, LEAD)["owner_id"] is None


def test_a_pipeline_that_is_to_stay_is_not_changed_silently(db, cast):
    result = save(cast, "mona", edit(cast, LEAD, 1, team_id=cast.teams["Levant"], pipeline_id=cast.pipelines["Gulf"])).results[0]
    assert isinstance(result.error, Invalid) and result.error.field == "pipeline_id"
    assert row(db, cast, LEAD)["version"] == 1


def test_a_stage_that_is_to_stay_is_not_changed_silently(db, cast):
    result = save(cast, "mona", edit(cast, LEAD, 1, team_id=cast.teams["Levant"], stage_id=cast.stages["Gulf"]["Lead"])).results[0]
    assert isinstance(result.error, Invalid)
    assert row(db, cast, LEAD)["version"] == 1


def test_an_owner_who_was_disabled_may_be_named_again_with_a_stage_move(db, cast):
    """A page that sends every field of a lead back must not fail over one that nobody changed."""
    from crm.access import acting_as
    from crm.people.use_cases import disable_person

    with acting_as(cast.who("alma")) as session:
        disable_person(session, cast.people["bruno"], 1, source="test")
    moved = edit(cast, LEAD, 1, stage_id=cast.stages["Gulf"]["Contacted"], owner_id=cast.people["bruno"])
    assert save(cast, "mona", moved).results[0].status == "applied"
