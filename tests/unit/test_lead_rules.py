"""Where a lead may stand: its team's pipelines, their stages, and what a stage asks for."""

import pytest

from crm.errors import Invalid
from crm.leads.rules import FIELD_WORDS, check_entry, check_pipeline, check_stage, default_pipeline
from crm.pipelines.reads import PipelineRow, StageRow

TEAM, ABOVE, OTHER = 1, 2, 3


def stage(stage_id, *required, name="Trial Order"):
    return StageRow(stage_id, 10, name, "open", 0, 0.5, None, required, 1)


def pipeline(pipeline_id, team_id, *stages):
    return PipelineRow(pipeline_id, team_id, f"Pipeline {pipeline_id}", 0, stages, 1)


OF_TEAM, OF_ABOVE, OF_OTHER = pipeline(10, TEAM, stage(100)), pipeline(20, ABOVE, stage(200)), pipeline(30, OTHER, stage(300))


def test_a_new_lead_goes_into_the_first_pipeline_of_its_team():
    assert default_pipeline([OF_OTHER, OF_ABOVE, OF_TEAM, pipeline(11, TEAM, stage(110))], [TEAM, ABOVE]) is OF_TEAM


def test_a_team_without_pipeline_uses_the_nearest_one_above():
    assert default_pipeline([OF_OTHER, OF_ABOVE], [TEAM, ABOVE]) is OF_ABOVE


def test_a_pipeline_without_stages_is_none():
    assert default_pipeline([pipeline(10, TEAM), OF_ABOVE], [TEAM, ABOVE]) is OF_ABOVE


@pytest.mark.parametrize("pipelines", [[], [OF_OTHER], [pipeline(10, TEAM)]])
def test_without_any_pipeline_it_says_who_can_help(pipelines):
    with pytest.raises(Invalid, match="Ask an admin") as raised:
        default_pipeline(pipelines, [TEAM, ABOVE])
    assert raised.value.field == "pipeline_id"


def test_a_pipeline_of_the_team_or_above_it_is_taken():
    assert check_pipeline(OF_TEAM, [TEAM, ABOVE]) is OF_TEAM and check_pipeline(OF_ABOVE, [TEAM, ABOVE]) is OF_ABOVE


@pytest.mark.parametrize("foreign", [None, OF_OTHER])
def test_a_pipeline_of_another_team_is_refused_without_its_name(foreign):
    with pytest.raises(Invalid) as raised:
        check_pipeline(foreign, [TEAM, ABOVE])
    assert raised.value.field == "pipeline_id" and "Pipeline 30" not in str(raised.value)


def test_a_stage_of_another_pipeline_is_refused_and_the_right_ones_are_named():
    mine = pipeline(10, TEAM, stage(100, name="Lead"), stage(101, name="Won"))
    assert check_stage(101, mine).name == "Won"
    with pytest.raises(Invalid, match="Lead, Won") as raised:
        check_stage(300, mine)
    assert raised.value.field == "stage_id"


@pytest.mark.parametrize("after", [{}, {"value": None, "next_step": "call"}, {"value": "", "next_step": "call"}, {"value": None, "next_step": ""}])
def test_a_stage_says_in_words_what_it_lacks(after):
    with pytest.raises(Invalid, match="Trial Order needs a value") as raised:
        check_entry(stage(100, "value", "next_step"), after)
    assert "value" in raised.value.facts["missing"] and raised.value.field == "stage_id"


def test_several_things_that_are_missing_are_asked_for_together():
    with pytest.raises(Invalid, match=r"needs a value and a next step\. Fill them in and move"):
        check_entry(stage(100, "value", "next_step"), {})


@pytest.mark.parametrize("value", [0, False, "0", 0.0])
def test_nought_is_an_answer(value):
    check_entry(stage(100, "value"), {"value": value})


def test_a_stage_that_asks_for_nothing_takes_everybody():
    check_entry(stage(100), {})


def test_a_custom_field_that_was_filled_before_counts():
    check_entry(stage(100, "custom.size"), {"custom": {"size": 3}})


def test_a_custom_field_counts_as_it_will_be():
    check_entry(stage(100, "custom.size"), {"custom": {}, "custom.size": 3})
    with pytest.raises(Invalid, match="needs size"):
        check_entry(stage(100, "custom.size"), {"custom": {"size": 3}, "custom.size": None})


@pytest.mark.parametrize("custom", [{}, {"sizes": 3}, {"size": ""}, None])
def test_a_custom_field_that_was_never_filled_is_missing(custom):
    with pytest.raises(Invalid, match="needs size"):
        check_entry(stage(100, "custom.size"), {"custom": custom})


def test_every_field_with_words_is_one_of_the_leads():
    from crm.leads.records import LEAD

    assert FIELD_WORDS.keys() <= LEAD.fields.keys()
