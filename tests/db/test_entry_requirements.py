"""What a stage asks for holds wherever leads move: fields, an activity that has happened, a lost reason out of its list."""

from __future__ import annotations

from typing import Any

import pytest

from crm.access import acting_as
from crm.activities.records import KINDS
from crm.activities.use_cases import add_activity, delete_activity
from crm.changes import Edit, apply, undo
from crm.errors import Invalid
from crm.leads.records import LEAD
from crm.pipelines.rules import ACTIVITY_WORDS, FIELD_WORDS
from tests.cast import Cast
from tests.db.acts import edit, new_lead, row, save

NOOR = "Al Noor Trading"


def asks(cast: Cast, stage: str, **requirements: Any) -> int:
    with acting_as(cast.who("mona")) as session:
        apply(session, [Edit("stage", cast.stages["Gulf"][stage], {"requirements": requirements}, 1)], source="test", on_conflict="refuse")
    return cast.stages["Gulf"][stage]


def error_of(outcome: Any) -> str:
    return outcome.results[0].error.detail if outcome.results[0].error else ""


def test_the_words_for_what_can_be_asked_are_those_of_leads_and_activities() -> None:
    assert ACTIVITY_WORDS.keys() == KINDS.keys()
    assert FIELD_WORDS.keys() <= LEAD.fields.keys()


def test_a_stage_that_asks_for_a_call_is_entered_after_one(db: Any, cast: Cast) -> None:
    stage = asks(cast, "Negotiation", activity="call")
    move = edit(cast, NOOR, 1, stage_id=stage)
    assert error_of(save(cast, "ana", move)) == "Negotiation needs a call first. Note it on the lead and move the lead again."
    with acting_as(cast.who("ana")) as session:
        add_activity(session, cast.leads[NOOR], {"kind": "note", "body": "x"}, source="test")
        call = add_activity(session, cast.leads[NOOR], {"kind": "call"}, source="test").results[0]
    assert save(cast, "ana", move).results[0].status == "applied"
    with acting_as(cast.who("ana")) as session:
        delete_activity(session, call.record_id or 0, 1, source="test")
    save(cast, "ana", edit(cast, NOOR, 2, stage_id=cast.stages["Gulf"]["Lead"]))
    assert "needs a call" in error_of(save(cast, "ana", edit(cast, NOOR, 3, stage_id=stage)))


def test_another_leads_call_is_none_of_this_ones(db: Any, cast: Cast) -> None:
    stage = asks(cast, "Negotiation", activity="call")
    with acting_as(cast.who("ana")) as session:
        add_activity(session, cast.leads["Delta Foods"], {"kind": "call"}, source="test")
    outcome = save(cast, "ana", edit(cast, NOOR, 1, stage_id=stage), edit(cast, "Delta Foods", 1, stage_id=stage))
    assert [result.status for result in outcome.results] == ["invalid", "applied"]


@pytest.mark.parametrize(("reason", "words"), [(None, "Lost needs a lost reason."), ("Fate", "one of these lost reasons: Price, No need"), ("Price", "")])
def test_a_lost_reason_is_one_of_the_stages_list(db: Any, cast: Cast, reason: str | None, words: str) -> None:
    stage = asks(cast, "Lost", lost_reasons=["Price", "No need"])
    said = error_of(save(cast, "ana", edit(cast, NOOR, 1, stage_id=stage, **({"lost_reason": reason} if reason else {}))))
    assert words in said if words else said == ""


def test_what_is_missing_is_named_for_forms_that_fill_it_in(db: Any, cast: Cast) -> None:
    stage = asks(cast, "Lost", lost_reasons=["Price"], fields=["next_step"])
    with acting_as(cast.who("ana")) as session, pytest.raises(Invalid) as raised:
        apply(session, [edit(cast, NOOR, 1, stage_id=stage)], source="test", on_conflict="refuse")
    assert raised.value.facts["missing"] == ["next_step", "lost_reason"]


def test_a_new_lead_has_no_activities_yet_and_is_not_asked_for_one(db: Any, cast: Cast) -> None:
    stage = asks(cast, "Negotiation", activity="call")
    assert save(cast, "ana", new_lead(cast, stage_id=stage)).results[0].status == "applied"


def test_taking_a_move_back_asks_for_nothing(db: Any, cast: Cast) -> None:
    done = save(cast, "ana", edit(cast, NOOR, 1, stage_id=cast.stages["Gulf"]["Contacted"]))
    lead = asks(cast, "Lead", activity="call", fields=["next_step"])
    with acting_as(cast.who("ana")) as session:
        assert undo(session, done.change_set_id or 0).left_alone == []
    assert row(db, cast, NOOR)["stage_id"] == lead
