"""A lead's page: facts, story, past days, and what is said where there is no lead to show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from crm.access import acting_as
from crm.activities.use_cases import add_activity
from crm.changes import Edit, apply
from crm.leads.use_cases import delete_leads, edit_leads
from tests.pages.parts import press, said

PAGE = "pages/lead.py"


@pytest.fixture
def open_lead(visit: Callable[..., AppTest], cast: Any) -> Callable[..., AppTest]:
    def opened(who: str, lead: str, **query: str) -> AppTest:
        return visit(who, PAGE, id=str(cast.leads[lead]), **query)

    return opened


def edit(cast: Any, who: str, lead: str, seen: int, **wanted: Any) -> None:
    with acting_as(cast.who(who)) as session:
        edit_leads(session, [(cast.leads[lead], seen, wanted)], source="grid")


def field(page: AppTest, kind: str, label: str) -> Any:
    return next(widget for widget in getattr(page, kind) if widget.label == label)


def send(page: AppTest, label: str) -> AppTest:
    return next(button for button in page.button if button.label == label).click().run()


def row(db: Any, cast: Any, lead: str) -> Any:
    return db.rows("select * from crm.leads where id = :id", id=cast.leads[lead])[0]


def test_the_head_says_where_it_stands_and_whose_it_is(open_lead: Any) -> None:
    page = open_lead("ana", "Al Noor Trading")
    assert not page.exception
    for words in ("Al Noor Trading", "Lead</span><span class='tl-days '>0 d of 7", "yours", "$12,400"):
        assert words in said(page)
    assert "Bruno" in said(open_lead("ana", "Petra Supplies"))


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(("who", "given"), [("carla", None), ("ana", "999999"), ("ana", "abc"), ("ana", ""), ("ana", "99999999999999999999")])
def test_hidden_missing_and_malformed_are_told_alike(visit: Any, cast: Any, who: str, given: str | None) -> None:
    page = visit(who, PAGE, id=str(cast.leads["Petra Supplies"]) if given is None else given)
    assert not page.exception
    assert "There is no such lead, or it is not yours to see." in said(page)
    assert "Petra" not in said(page)


def test_only_what_differs_is_saved(open_lead: Any, db: Any, cast: Any) -> None:
    page = open_lead("ana", "Al Noor Trading")
    field(page, "text_input", "Next step").set_value("send samples")
    field(page, "text_input", "Value").set_value("13,000.50")
    send(page, "Save")
    assert "Saved: next step, value." in said(page)
    change = db.rows("select fields, source from crm.changes where record_type = 'lead' and record_id = :id and version = 2", id=cast.leads["Al Noor Trading"])[
        0
    ]
    assert change["fields"] == {
        "next_step": [None, "send samples"], "value": [{"amount": "12400.00", "currency": "USD"}, {"amount": "13000.50", "currency": "USD"}],
    }  # fmt: skip
    assert change["source"] == "form"


def test_saving_nothing_writes_nothing(open_lead: Any, db: Any, cast: Any) -> None:
    page = send(open_lead("ana", "Al Noor Trading"), "Save")
    assert "Nothing differs" in said(page)
    assert row(db, cast, "Al Noor Trading")["version"] == 1


def test_a_colleagues_change_of_another_field_is_kept_beside_ones_own(open_lead: Any, db: Any, cast: Any) -> None:
    page = open_lead("ana", "Petra Supplies")
    edit(cast, "bruno", "Petra Supplies", 1, source="fair")
    field(page, "text_input", "Next step").set_value("call")
    send(page, "Save")
    after = row(db, cast, "Petra Supplies")
    assert (after["source"], after["next_step"]) == ("fair", "call")


def test_a_colleagues_change_of_the_same_field_opens_the_conflict(open_lead: Any, db: Any, cast: Any) -> None:
    page = open_lead("ana", "Petra Supplies")
    edit(cast, "bruno", "Petra Supplies", 1, next_step="his")
    field(page, "text_input", "Next step").set_value("hers")
    send(page, "Save")
    assert row(db, cast, "Petra Supplies")["next_step"] == "his"
    for words in ("was changed by Bruno", "<small>they made it</small>his", "<small>you want</small>hers"):
        assert words in said(page)


def test_a_reload_of_a_changed_lead_keeps_the_forms_base_and_says_so(open_lead: Any, cast: Any) -> None:
    page = open_lead("ana", "Petra Supplies")
    edit(cast, "bruno", "Petra Supplies", 1, next_step="his")
    page.run()
    assert "Changed since you opened it: next step." in said(page)
    press(page, "lead.show_now")
    assert field(page, "text_input", "Next step").value == "his"


def test_a_refused_value_is_explained_and_nothing_is_lost(open_lead: Any, db: Any, cast: Any) -> None:
    page = open_lead("ana", "Al Noor Trading")
    field(page, "text_input", "Value").set_value("a lot")
    field(page, "text_input", "Next step").set_value("call")
    send(page, "Save")
    assert "“a lot” is not an amount" in page.error[0].value
    assert field(page, "text_input", "Next step").value == "call"
    assert row(db, cast, "Al Noor Trading")["version"] == 1


def test_a_call_is_noted_with_its_minutes_and_counts_as_contact(open_lead: Any, db: Any, cast: Any) -> None:
    page = open_lead("ana", "Al Noor Trading")
    field(page, "text_area", "What happened").set_value("wants <b>samples</b>")
    next(w for w in page.get("segmented_control") if w.label == "Kind").set_value("call")
    field(page, "text_input", "Minutes").set_value("4")
    send(page, "Add")
    assert "Call, 4 min" in said(page)
    assert "wants &lt;b&gt;samples&lt;/b&gt;" in said(page)
    assert row(db, cast, "Al Noor Trading")["last_contacted_at"] is not None
    assert field(page, "text_area", "What happened").value == ""


def test_a_note_that_cannot_be_taken_is_kept(open_lead: Any, db: Any) -> None:
    page = open_lead("ana", "Al Noor Trading")
    field(page, "text_area", "What happened").set_value("wants samples")
    field(page, "text_input", "Minutes").set_value("four")
    send(page, "Add")
    assert "whole number" in page.error[0].value
    assert field(page, "text_area", "What happened").value == "wants samples"
    assert db.value("select count(*) from crm.activities") == 0


def test_the_story_tells_changes_in_words_and_takes_one_back(open_lead: Any, db: Any, cast: Any) -> None:
    edit(cast, "ana", "Al Noor Trading", 1, stage_id=cast.stages["Gulf"]["Contacted"], owner_id=cast.people["bruno"])
    page = open_lead("ana", "Al Noor Trading")
    assert "Stage: Lead → Contacted" in said(page)
    assert "Owner: Ana → Bruno" in said(page)
    assert "you, in the grid" in said(page)
    send(page, "undo")
    assert "Taken back." in said(page)
    after = row(db, cast, "Al Noor Trading")
    assert (after["stage_id"], after["owner_id"]) == (cast.stages["Gulf"]["Lead"], cast.people["ana"])


def test_the_story_can_be_narrowed_from_the_address(open_lead: Any, cast: Any) -> None:
    with acting_as(cast.who("ana")) as session:
        add_activity(session, cast.leads["Al Noor Trading"], {"kind": "note", "body": "likes tea"}, source="test")
    assert "likes tea" in said(open_lead("ana", "Al Noor Trading", story="Notes"))
    assert "likes tea" not in said(open_lead("ana", "Al Noor Trading", story="Changes"))


def test_a_past_day_shows_the_page_as_it_was(open_lead: Any, cast: Any, db: Any) -> None:
    now = datetime.now(UTC)
    days = [now - timedelta(days=n) for n in (30, 10)]
    with acting_as(cast.who("ana")) as session:
        made = apply(
            session, [Edit("lead", None, {"name": "Old Souk", "team_id": cast.teams["Gulf"], "next_step": "first"}, effective_at=days[0])], source="test"
        )
        lead_id = made.results[0].record_id or 0
        apply(session, [Edit("lead", lead_id, {"next_step": "second", "stage_id": cast.stages["Gulf"]["Contacted"]}, 1, effective_at=days[1])], source="test")
        add_activity(session, lead_id, {"kind": "note", "body": "written lately"}, source="test")
    cast.leads["Old Souk"] = lead_id
    page = open_lead("ana", "Old Souk", as_of=(now - timedelta(days=20)).date().isoformat())
    assert not page.exception
    assert "This is the page as it was at the end of" in said(page)
    assert "first" in said(page)
    assert "second" not in said(page)
    assert "written lately" not in said(page)
    assert not [button for button in page.button if button.label in ("Save", "Add", "undo")]
    unknown = open_lead("ana", "Old Souk", as_of=(now - timedelta(days=20)).date().isoformat(), known_on=(now - timedelta(days=19)).date().isoformat())
    assert "as we knew it on" in said(unknown) and "this lead did not exist" in said(unknown)
    with db.owner().begin() as connection:
        connection.execute(text("update crm.postings set posted_at = effective_at where lead_id = :id and kind = 'created'"), {"id": lead_id})
        connection.execute(text("update crm.changes set at = effective_at where record_type = 'lead' and record_id = :id and version = 1"), {"id": lead_id})
    known = open_lead("ana", "Old Souk", as_of=(now - timedelta(days=5)).date().isoformat(), known_on=(now - timedelta(days=5)).date().isoformat())
    assert not known.exception and "first" in said(known) and "second" not in said(known)
    early = open_lead("ana", "Old Souk", as_of=(now - timedelta(days=40)).date().isoformat())
    assert "this lead did not exist" in said(early)


def test_a_deleted_lead_says_who_and_comes_back(open_lead: Any, db: Any, cast: Any) -> None:
    with acting_as(cast.who("ana")) as session:
        delete_leads(session, [(cast.leads["Al Noor Trading"], 1)], source="form")
    page = open_lead("ana", "Al Noor Trading")
    assert "This lead was deleted by you" in said(page)
    press(page, "lead.undelete")
    assert row(db, cast, "Al Noor Trading")["deleted_at"] is None
    assert "Taken back" in said(page)


def test_a_merged_lead_points_to_the_one_it_is_part_of(open_lead: Any, cast: Any) -> None:
    edit(cast, "ana", "Al Noor Trading", 1, merged_into_id=cast.leads["Delta Foods"])
    page = open_lead("ana", "Al Noor Trading")
    assert "This lead was merged into another one." in said(page)


def test_a_viewer_reads_and_can_change_nothing(open_lead: Any) -> None:
    page = open_lead("vera", "Al Noor Trading")
    assert "$12,400" in said(page)
    assert not page.text_input
    assert not page.text_area
    assert not [button for button in page.button if button.label in ("Save", "Add", "undo")]


def test_markup_in_names_is_shown_as_text(open_lead: Any, cast: Any) -> None:
    edit(cast, "ana", "Al Noor Trading", 1, name="<img src=x onerror=alert(1)>", next_step="<script>x</script>")
    page = open_lead("ana", "Al Noor Trading")
    assert "<img" not in said(page)
    assert "<script" not in said(page)
