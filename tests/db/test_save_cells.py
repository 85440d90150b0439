"""A grid's save writes as much as can be, says what was refused, and each change can be taken back."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from crm.access import acting_as
from crm.changes import open_conflicts, undo
from crm.changes.recent import recent_change_sets
from crm.errors import NotFound, Refused
from crm.leads.use_cases import edit_leads, save_cells, take_back_change


def save(cast: Any, who: str, *edits: tuple[str, int, dict[str, Any]], **options: Any) -> Any:
    with acting_as(cast.who(who)) as session:
        return save_cells(session, [(cast.leads[lead], seen, wanted) for lead, seen, wanted in edits], source="grid", **options)


def row(db: Any, cast: Any, lead: str) -> Any:
    return db.rows("select * from crm.leads where id = :id", id=cast.leads[lead])[0]


def require_close(db: Any, cast: Any) -> None:
    with db.owner().begin() as connection:
        connection.execute(
            text('update crm.stages set requirements = \'{"fields": ["expected_close_on"]}\', version = version + 1 where id = :id'),
            {"id": cast.stages["Gulf"]["Negotiation"]},
        )


def test_a_refused_field_is_named_and_the_leads_other_fields_are_written(db: Any, cast: Any) -> None:
    require_close(db, cast)
    negotiation = cast.stages["Gulf"]["Negotiation"]
    done = save(cast, "ana", ("Petra Supplies", 1, {"stage_id": negotiation, "next_step": "call"}), ("Delta Foods", 1, {"next_step": "mail"}))
    petra = cast.leads["Petra Supplies"]
    assert done.saved == [cast.leads["Delta Foods"], petra]
    assert done.refused[petra]["stage_id"].detail.startswith("Negotiation needs an expected close date")
    after = row(db, cast, "Petra Supplies")
    assert (after["stage_id"], after["next_step"]) == (cast.stages["Gulf"]["Lead"], "call")
    assert db.value("select count(distinct change_set_id) from crm.changes where source = 'grid'") == 1


def test_a_foreign_team_is_refused_and_the_rest_is_saved(db: Any, cast: Any) -> None:
    done = save(cast, "ana", ("Petra Supplies", 1, {"team_id": cast.teams["Levant"], "next_step": "call"}))
    assert set(done.refused[cast.leads["Petra Supplies"]]) == {"team_id"}
    assert row(db, cast, "Petra Supplies")["next_step"] == "call"
    assert row(db, cast, "Petra Supplies")["team_id"] == cast.teams["Gulf"]


def test_a_strangers_lead_is_refused_without_a_word_about_it(db: Any, cast: Any) -> None:
    done = save(cast, "carla", ("Petra Supplies", 1, {"next_step": "mine"}), ("Nile Mart", 1, {"next_step": "call"}))
    assert done.saved == [cast.leads["Nile Mart"]]
    assert isinstance(done.refused[cast.leads["Petra Supplies"]]["next_step"], NotFound)
    assert row(db, cast, "Petra Supplies")["next_step"] is None


def test_a_viewer_saves_nothing(db: Any, cast: Any) -> None:
    done = save(cast, "vera", ("Petra Supplies", 1, {"next_step": "x"}))
    assert isinstance(done.refused[cast.leads["Petra Supplies"]]["next_step"], Refused)
    assert row(db, cast, "Petra Supplies")["version"] == 1


def test_what_met_a_colleague_waits_as_a_conflict_and_is_told_apart(db: Any, cast: Any) -> None:
    save(cast, "bruno", ("Petra Supplies", 1, {"next_step": "his"}))
    done = save(cast, "ana", ("Petra Supplies", 1, {"next_step": "hers"}), ("Delta Foods", 1, {"next_step": "call"}))
    assert (done.saved, done.met) == ([cast.leads["Delta Foods"]], [cast.leads["Petra Supplies"]])
    with acting_as(cast.who("ana")) as session:
        assert [(c["theirs"], c["mine"]) for c in open_conflicts(session)] == [("his", "hers")]


def test_only_leads_that_nobody_else_touched_report_a_version(db: Any, cast: Any) -> None:
    save(cast, "bruno", ("Petra Supplies", 1, {"source": "fair"}))
    done = save(cast, "ana", ("Petra Supplies", 1, {"next_step": "call"}), ("Delta Foods", 1, {"next_step": "call"}))
    assert done.versions == {cast.leads["Delta Foods"]: 2}


def test_recent_saves_are_ones_own_and_leave_out_what_was_undone(db: Any, cast: Any) -> None:
    first = save(cast, "ana", ("Petra Supplies", 1, {"next_step": "call"}), label="Grid, 1 lead")
    save(cast, "bruno", ("Delta Foods", 1, {"next_step": "his"}))
    with acting_as(cast.who("ana")) as session:
        (found,) = recent_change_sets(session)
        assert (found["id"], found["label"], found["records"]) == (first.change_set_id, "Grid, 1 lead", 1)
        undo(session, first.change_set_id)
    with acting_as(cast.who("ana")) as session:
        assert recent_change_sets(session) == []


def test_taking_back_one_leads_change_of_a_larger_set_leaves_the_others(db: Any, cast: Any) -> None:
    save(cast, "ana", ("Petra Supplies", 1, {"next_step": "call"}), ("Delta Foods", 1, {"next_step": "call"}))
    with acting_as(cast.who("ana")) as session:
        assert take_back_change(session, cast.leads["Petra Supplies"], 2) == []
    assert row(db, cast, "Petra Supplies")["next_step"] is None
    assert row(db, cast, "Delta Foods")["next_step"] == "call"


def test_taking_back_the_only_change_of_a_set_marks_the_set_as_undone(db: Any, cast: Any) -> None:
    done = save(cast, "ana", ("Petra Supplies", 1, {"next_step": "call"}))
    with acting_as(cast.who("ana")) as session:
        take_back_change(session, cast.leads["Petra Supplies"], 2)
    assert db.value("select undoes_id from crm.change_sets where source = 'undo'") == done.change_set_id


def test_a_field_that_changed_since_is_left_alone_and_named(db: Any, cast: Any) -> None:
    save(cast, "ana", ("Petra Supplies", 1, {"next_step": "call", "source": "fair"}), ("Delta Foods", 1, {"source": "fair"}))
    save(cast, "bruno", ("Petra Supplies", 2, {"next_step": "his"}))
    with acting_as(cast.who("ana")) as session:
        assert take_back_change(session, cast.leads["Petra Supplies"], 2) == ["Next step"]
    after = row(db, cast, "Petra Supplies")
    assert (after["next_step"], after["source"]) == ("his", None)


def test_neither_a_creation_nor_a_strangers_change_can_be_taken_back(db: Any, cast: Any) -> None:
    with acting_as(cast.who("ana")) as session:
        edit_leads(session, [(cast.leads["Petra Supplies"], 1, {"next_step": "call"})], source="form")
    for who, version in (("ana", 1), ("ana", 9), ("carla", 2)):
        with acting_as(cast.who(who)) as session, pytest.raises(NotFound):
            take_back_change(session, cast.leads["Petra Supplies"], version)
    with acting_as(cast.who("vera")) as session, pytest.raises(Refused):
        take_back_change(session, cast.leads["Petra Supplies"], 2)
