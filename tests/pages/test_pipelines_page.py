"""The Pipelines page: for those who configure pipelines; nothing happens to leads before a draft is applied, and it can be undone."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from crm.access import acting_as
from crm.changes import Edit, apply
from crm.ui import order
from tests.pages.parts import press, said

PAGE = "pages/pipelines.py"


def key(cast: Any, stage: str, name: str, *, generation: int = 0) -> str:
    return f"pipelines.{cast.pipelines['Gulf']}.{generation}.{cast.stages['Gulf'][stage]}.{name}"


def draft_of(db: Any, who: int) -> Any:
    rows = db.rows("select edits, places from crm.configuration_drafts where person_id = :p", p=who)
    return rows[0] if rows else None


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("who", ["ana", "vera"])
def test_it_is_shut_for_those_who_configure_no_pipeline(visit: Any, who: str) -> None:
    assert "This page is not for your role" in [title.value for title in visit(who, PAGE).title]


def test_a_manager_shapes_their_own_teams_pipelines_only(visit: Any, cast: Any) -> None:
    assert visit("mona", PAGE).selectbox(key="pipeline").options == ["Accounts · Gulf"]
    assert visit("alma", PAGE).selectbox(key="pipeline").options == ["Accounts · Gulf", "Accounts · Levant"]


def test_looking_makes_no_draft(visit: Any, db: Any, cast: Any) -> None:
    page = visit("mona", PAGE)
    assert not page.exception and "nothing happens to anybody's leads" in said(page)
    assert draft_of(db, cast.people["mona"]) is None


def test_a_change_becomes_a_draft_and_is_applied_only_on_demand(visit: Any, db: Any, cast: Any) -> None:
    page = visit("mona", PAGE)
    page.number_input(key=key(cast, "Lead", "days")).set_value(9).run()
    assert not page.exception and "Draft, 1 change" in said(page)
    assert db.value("select target_days from crm.stages where id = :id", id=cast.stages["Gulf"]["Lead"]) == 7
    page = press(page, "pipelines.apply")
    assert not page.exception
    assert db.value("select target_days from crm.stages where id = :id", id=cast.stages["Gulf"]["Lead"]) == 9
    assert draft_of(db, cast.people["mona"]) is None
    press(page, "message.undo")
    assert db.value("select target_days from crm.stages where id = :id", id=cast.stages["Gulf"]["Lead"]) == 7


def earlier(look: Any, who: str, resource: str = "pipeline") -> Any:
    return look(f"from crm.ui.shape import earlier; earlier.draw('x', '{resource}', lambda: None)", who).run()


def test_what_was_changed_earlier_is_listed_with_its_person_and_can_be_taken_back_by_a_colleague(look: Any, visit: Any, db: Any, cast: Any) -> None:
    lead = cast.stages["Gulf"]["Lead"]
    with acting_as(cast.who("mona")) as session:
        done = apply(session, [Edit("stage", lead, {"target_days": 9}, 1)], source="configuration", label="Accounts <b>", on_conflict="refuse")
    assert "Accounts &lt;b&gt;</b><span>Mona, 1 record, now" in said(earlier(look, "mona"))
    page = earlier(look, "alma")
    press(page, f"x.earlier.{done.change_set_id}")
    assert db.value("select target_days from crm.stages where id = :id", id=lead) == 7
    assert f"x.earlier.{done.change_set_id}" not in [button.key for button in earlier(look, "alma").button]


def test_earlier_changes_are_told_only_to_those_who_shape_them_there(look: Any, cast: Any) -> None:
    with acting_as(cast.who("alma")) as session:
        for team in ("Gulf", "Levant"):
            edit = Edit("stage", cast.stages[team]["Lead"], {"target_days": 9}, 1)
            apply(session, [edit], source="configuration", label=f"Of {team}", on_conflict="refuse")
    told = said(earlier(look, "mona"))
    assert "Of Gulf" in told and "Of Levant" not in told
    for who, resource in (("ana", "pipeline"), ("mona", "role")):
        page = earlier(look, who, resource)
        assert f"{resource}: configure" in page.markdown[0].value and not page.button


def test_a_draft_outlives_the_page(visit: Any, cast: Any) -> None:
    page = visit("mona", PAGE)
    page.text_input(key=key(cast, "Lead", "name")).set_value("Fresh").run()
    assert visit("mona", PAGE).text_input(key=key(cast, "Lead", "name")).value == "Fresh"
    assert visit("alma", PAGE).text_input(key=key(cast, "Lead", "name")).value == "Lead"


def test_changing_it_back_leaves_no_draft(visit: Any, db: Any, cast: Any) -> None:
    page = visit("mona", PAGE)
    page.number_input(key=key(cast, "Lead", "chance")).set_value(30).run()
    assert draft_of(db, cast.people["mona"])
    page.number_input(key=key(cast, "Lead", "chance")).set_value(10).run()
    assert draft_of(db, cast.people["mona"]) is None


def test_a_stage_moves_up_by_a_button(visit: Any, db: Any, cast: Any) -> None:
    page = press(visit("mona", PAGE), key(cast, "Contacted", "up"))
    page = press(page, "pipelines.apply")
    assert not page.exception
    names = db.value("select string_agg(name, ' ' order by position) from crm.stages where pipeline_id = :p", p=cast.pipelines["Gulf"])
    assert names == "Contacted Lead Negotiation Won Lost"


def test_a_removed_stage_asks_where_its_leads_go(visit: Any, db: Any, cast: Any) -> None:
    page = press(visit("mona", PAGE), key(cast, "Lead", "remove"))
    assert not page.exception and "3 leads →" in said(page)
    page = press(page, "pipelines.apply")
    assert "3 leads sit in “Lead”: where to?" in said(page)
    page.selectbox(key=key(cast, "Lead", "place")).set_value(cast.stages["Gulf"]["Contacted"]).run()
    page = press(page, "pipelines.apply")
    assert not page.exception
    assert db.value("select count(*) from crm.leads where stage_id = :s", s=cast.stages["Gulf"]["Contacted"]) == 3


def test_a_new_stage_is_named_and_made(visit: Any, db: Any, cast: Any) -> None:
    page = press(visit("mona", PAGE), f"pipelines.{cast.pipelines['Gulf']}.add")
    page.text_input(key=f"pipelines.{cast.pipelines['Gulf']}.0.new1.name").set_value("Trial").run()
    page = press(page, "pipelines.apply")
    assert not page.exception
    names = db.value("select string_agg(name, ' ' order by position) from crm.stages where pipeline_id = :p", p=cast.pipelines["Gulf"])
    assert names == "Lead Contacted Negotiation Trial Won Lost"


def test_what_a_stage_asks_for_is_chosen_in_words(visit: Any, db: Any, cast: Any) -> None:
    page = visit("mona", PAGE)
    page.multiselect(key=key(cast, "Negotiation", "fields")).set_value(["expected_close_on"])
    page.selectbox(key=key(cast, "Negotiation", "activity")).set_value("call")
    page.text_area(key=key(cast, "Lost", "reasons")).set_value("Price\n\nPrice\nNo need").run()
    press(page, "pipelines.apply")
    asks = {row["name"]: row["requirements"] for row in db.rows("select name, requirements from crm.stages where pipeline_id = :p", p=cast.pipelines["Gulf"])}
    assert asks["Negotiation"] == {"fields": ["expected_close_on"], "activity": "call"} and asks["Lost"] == {"lost_reasons": ["Price", "No need"]}


def test_a_stage_asks_for_a_custom_field_by_its_name_and_no_other_teams_field_is_offered(visit: Any, db: Any, cast: Any) -> None:
    with acting_as(cast.who("alma")) as session:
        fields = [{"record_type": "lead", "label": "Shelf space", "kind": "number", "team_id": cast.teams[team]} for team in ("Gulf", "Levant")]
        apply(session, [Edit("custom_field", None, field) for field in fields], source="test", on_conflict="refuse")
    page = visit("mona", PAGE)
    offered = page.multiselect(key=key(cast, "Negotiation", "fields"))
    assert offered.options.count("“Shelf space”") == 1 and "“Size”" in offered.options
    offered.set_value(["custom.shelf_space"]).run()
    press(page, "pipelines.apply")
    asks = db.value("select requirements from crm.stages where id = :s", s=cast.stages["Gulf"]["Negotiation"])
    assert asks == {"fields": ["custom.shelf_space"]}


@pytest.mark.parametrize(("choice", "days"), [("mine", 9), ("theirs", 5)])
def test_two_at_once_the_second_decides_what_stands(visit: Any, db: Any, cast: Any, choice: str, days: int) -> None:
    page = visit("mona", PAGE)
    page.number_input(key=key(cast, "Lead", "days")).set_value(9)
    page.number_input(key=key(cast, "Lead", "chance")).set_value(15).run()
    with acting_as(cast.who("alma")) as session:
        apply(session, [Edit("stage", cast.stages["Gulf"]["Lead"], {"target_days": 5}, 1)], source="test", on_conflict="refuse")
    page = press(page, "pipelines.apply")
    assert "Alma changed the target days of “Lead”" in said(page)
    page = press(page, f"pipelines.stale.{choice}")
    page = press(page, "pipelines.apply")
    assert not page.exception
    row = db.rows("select target_days, probability::text from crm.stages where id = :id", id=cast.stages["Gulf"]["Lead"])[0]
    assert (row["target_days"], row["probability"]) == (days, "0.150")


def test_discarding_shows_what_stands(visit: Any, db: Any, cast: Any) -> None:
    page = visit("mona", PAGE)
    page.text_input(key=key(cast, "Lead", "name")).set_value("Fresh").run()
    page = press(page, "pipelines.discard")
    assert page.text_input(key=key(cast, "Lead", "name", generation=1)).value == "Lead"
    assert draft_of(db, cast.people["mona"]) is None


def test_names_are_text(visit: Any, db: Any, cast: Any) -> None:
    with db.owner().begin() as connection:
        connection.execute(text("update crm.stages set name = '<img src=x onerror=alert(1)>', version = version + 1 where name = 'Lead'"))
    page = press(visit("mona", PAGE), key(cast, "Lead", "remove"))
    page = press(page, "pipelines.apply")
    assert not page.exception and "<img" not in said(page)


def test_a_stage_that_is_dragged_takes_its_place_in_the_draft(visit: Any, db: Any, cast: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ["Negotiation", "Lead", "Contacted", "Won", "Lost"]
    page = visit("mona", PAGE)
    told = iter([[cast.stages["Gulf"][name] for name in wanted]])
    monkeypatch.setattr(order, "heard", lambda *_, **__: next(told, None))
    page = page.run()
    assert not page.exception and "Draft, 3 changes" in said(page)
    press(page, "pipelines.apply")
    names = db.value("select string_agg(name, ' ' order by position) from crm.stages where pipeline_id = :p", p=cast.pipelines["Gulf"])
    assert names == " ".join(wanted)
