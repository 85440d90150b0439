"""A lead goes on in another pipeline: a linked one begins there, the old one ends, in one change set that can be taken back."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from crm.access import acting_as
from crm.changes import Edit, apply, undo
from crm.configuration.making import new_pipeline
from crm.errors import Invalid, NotFound, Refused, Stale
from crm.leads import reads
from crm.leads.handing_over import hand_over, linked
from crm.people.use_cases import disable_person
from crm.pipelines.ready_made import READY_MADE
from tests.cast import Cast
from tests.db.acts import record, row

PETRA = "Petra Supplies"


@pytest.fixture
def deals(db: Any, cast: Cast) -> int:
    return made(cast, "Gulf")


def made(cast: Cast, team: str) -> int:
    with acting_as(cast.who("alma")) as session:
        return (new_pipeline(session, "Deals", cast.teams[team], READY_MADE["deals"].stages, source="test").made or {})["pipeline"]


def handed(cast: Cast, who: str, pipeline_id: int, *, version: int = 1, lead: str = PETRA, **options: Any) -> Any:
    with acting_as(cast.who(who)) as session:
        return hand_over(session, cast.leads[lead], version, pipeline_id, source="form", **options)


def test_a_linked_lead_begins_there_with_what_was_known_and_the_old_one_ends(db: Any, cast: Cast, deals: int) -> None:
    with acting_as(cast.who("alma")) as session:
        company = apply(session, [Edit("company", None, {"name": "Petra LLC", "team_id": cast.teams["Gulf"]})], source="test").results[0].record_id
        contact = apply(session, [Edit("contact", None, {"name": "Omar", "company_id": company})], source="test").results[0].record_id
        apply(session, [Edit("lead", cast.leads[PETRA], {"company_id": company, "custom.size": 3, "external_id": "p1"}, 1)], source="test")
    with db.owner().begin() as connection:
        connection.execute(text("insert into crm.lead_contacts values (:l, :c)"), {"l": cast.leads[PETRA], "c": contact})
    done = handed(cast, "bruno", deals, version=2)
    old, new = row(db, cast, PETRA), record(db, "leads", done.lead_id)
    assert old["stage_id"] == cast.stages["Gulf"]["Won"]
    assert (new["pipeline_id"], new["came_from_lead_id"], new["company_id"], new["owner_id"]) == (deals, old["id"], company, cast.people["bruno"])
    assert (str(new["value_amount"]), new["custom"], new["external_id"]) == ("9500.00", {"size": 3}, None)
    assert db.value("select contact_id from crm.lead_contacts where lead_id = :l", l=done.lead_id) == contact
    assert db.value("select count(distinct record_id) from crm.changes where change_set_id = :c", c=done.change_set_id) == 2


def test_what_only_the_old_team_has_stays_behind_and_what_is_unique_comes_along(db: Any, cast: Cast, deals: int) -> None:
    with acting_as(cast.who("alma")) as session:
        fields = [{"label": "Code", "is_unique": True}, {"label": "Emirate", "team_id": cast.teams["Gulf"]}]
        apply(session, [Edit("custom_field", None, {"record_type": "lead", "kind": "text", **each}) for each in fields], source="test")
        apply(session, [Edit("lead", cast.leads[PETRA], {"custom.code": "P1", "custom.emirate": "Dubai"}, 1)], source="test", on_conflict="refuse")
    near, far = handed(cast, "bruno", deals, version=2), handed(cast, "alma", made(cast, "Levant"), version=3)
    assert record(db, "leads", near.lead_id)["custom"] == {"code": "P1", "emirate": "Dubai"}
    assert record(db, "leads", far.lead_id)["custom"] == {"code": "P1"}


def test_a_person_who_was_disabled_meanwhile_comes_along_and_may_be_named_nowhere_else(db: Any, cast: Cast, deals: int) -> None:
    with acting_as(cast.who("alma")) as session:
        apply(session, [Edit("custom_field", None, {"record_type": "lead", "kind": "person", "label": "Buyer's friend"})], source="test")
        name = f"custom.{session.scalar(text('select key from crm.custom_fields order by id desc limit 1'))}"
        apply(session, [Edit("lead", cast.leads[PETRA], {name: cast.people["vera"]}, 1)], source="test", on_conflict="refuse")
        disable_person(session, cast.people["vera"], 1, source="test")
    done = handed(cast, "bruno", deals, version=2)
    assert record(db, "leads", done.lead_id)["custom"] == {name.removeprefix("custom."): cast.people["vera"]}
    with acting_as(cast.who("alma")) as session:
        other = apply(session, [Edit("lead", cast.leads["Al Noor Trading"], {name: cast.people["vera"]}, 1)], source="test").results[0]
    assert isinstance(other.error, Invalid)


def test_an_owner_who_was_disabled_stays_behind_and_the_teams_rules_find_another(db: Any, cast: Cast, deals: int) -> None:
    with acting_as(cast.who("alma")) as session:
        disable_person(session, cast.people["bruno"], 1, source="test")
    done = handed(cast, "ana", deals)
    assert done.gone_owner == "Bruno"
    assert record(db, "leads", done.lead_id)["owner_id"] is None and row(db, cast, PETRA)["owner_id"] == cast.people["bruno"]
    with acting_as(cast.who("ana")) as session:
        undo(session, done.change_set_id)
    with acting_as(cast.who("alma")) as session:
        rule = {"team_id": cast.teams["Gulf"], "name": "Ana's", "method": "person", "people": {"ids": [cast.people["ana"]]}}
        apply(session, [Edit("assignment_rule", None, rule)], source="test", on_conflict="refuse")
    again = handed(cast, "ana", deals, version=3)
    assert record(db, "leads", again.lead_id)["owner_id"] == cast.people["ana"]


def test_it_is_shown_both_ways_and_taken_back_at_once(db: Any, cast: Cast, deals: int) -> None:
    done = handed(cast, "bruno", deals)
    with acting_as(cast.who("ana")) as session:
        (after,), (before,) = (linked(session, reads.lead(session, each) or {}) for each in (cast.leads[PETRA], done.lead_id))
    assert (after.id, after.is_before, before.id, before.is_before) == (done.lead_id, False, cast.leads[PETRA], True)
    with acting_as(cast.who("bruno")) as session:
        assert undo(session, done.change_set_id).left_alone == []
        assert linked(session, reads.lead(session, cast.leads[PETRA]) or {}) == []
    assert row(db, cast, PETRA)["stage_id"] == cast.stages["Gulf"]["Lead"]


def test_it_ends_in_the_won_stage_one_chooses_and_in_no_other(db: Any, cast: Cast, deals: int) -> None:
    with pytest.raises(Invalid, match="won stage"):
        handed(cast, "bruno", deals, ends_in=cast.stages["Gulf"]["Lost"])
    handed(cast, "bruno", deals, ends_in=cast.stages["Gulf"]["Won"])
    assert row(db, cast, PETRA)["stage_id"] == cast.stages["Gulf"]["Won"]


def test_where_somebody_was_first_nothing_is_written(db: Any, cast: Cast, deals: int) -> None:
    with acting_as(cast.who("ana")) as session:
        apply(session, [Edit("lead", cast.leads[PETRA], {"stage_id": cast.stages["Gulf"]["Contacted"]}, 1)], source="test")
    before = db.value("select count(*) from crm.leads")
    with pytest.raises(Stale):
        handed(cast, "bruno", deals)
    assert db.value("select count(*) from crm.leads") == before


def test_what_the_stages_ask_for_is_asked_and_nothing_is_written_before(db: Any, cast: Cast, deals: int) -> None:
    with db.owner().begin() as connection:
        connection.execute(
            text('update crm.stages set requirements = \'{"fields": ["next_step"]}\', version = version + 1 where id = :id'),
            {"id": cast.stages["Gulf"]["Won"]},
        )
    with pytest.raises(Invalid, match="Won needs a next step"):
        handed(cast, "bruno", deals)
    assert db.value("select count(*) from crm.leads where came_from_lead_id is not null") == 0


@pytest.mark.parametrize(("who", "error"), [("carla", NotFound), ("vera", Refused)])
def test_a_stranger_and_a_viewer_hand_nothing_over(db: Any, cast: Cast, deals: int, who: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        handed(cast, who, deals)
    assert db.value("select count(*) from crm.leads where came_from_lead_id is not null") == 0


def test_to_a_pipeline_out_of_sight_there_is_no_way(db: Any, cast: Cast) -> None:
    with pytest.raises(Invalid, match="no such pipeline"):
        handed(cast, "bruno", made(cast, "Levant"))


def test_an_admin_hands_it_to_another_teams_pipeline_and_team(db: Any, cast: Cast) -> None:
    done = handed(cast, "alma", made(cast, "Levant"))
    assert record(db, "leads", done.lead_id)["team_id"] == cast.teams["Levant"]


def test_to_the_pipeline_it_is_in_there_is_nothing_to_hand_over(db: Any, cast: Cast) -> None:
    with pytest.raises(Invalid, match="already"):
        handed(cast, "bruno", cast.pipelines["Gulf"])
