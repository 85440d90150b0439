"""The Leads page: what is shown to whom, and what becomes of edits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from crm import clock
from crm.access import acting_as
from crm.leads.use_cases import edit_leads
from crm.ui import grid_bar
from tests.pages.parts import press, said

PAGE = "pages/leads.py"


@pytest.fixture
def open_leads(visit: Callable[..., AppTest]) -> Callable[..., AppTest]:
    def opened(who: str, **query: str) -> AppTest:
        return visit(who, PAGE, **query)

    return opened


def frame(page: AppTest) -> Any:
    return page.data_editor[0].value


def names(page: AppTest) -> set[str]:
    return set(frame(page)["name"]) if page.data_editor else set()


def position(page: AppTest, lead: str) -> int:
    return list(frame(page)["name"]).index(lead)


def type_cells(page: AppTest, cells: dict[int, dict[str, Any]]) -> AppTest:
    generation = page.session_state["leads.sheet"].generation
    page.session_state[f"leads.grid.{generation}"] = {"edited_rows": cells, "added_rows": [], "deleted_rows": []}
    return page.run()


def saved_by(cast: Any, who: str, lead: str, seen: int, **wanted: Any) -> None:
    with acting_as(cast.who(who)) as session:
        edit_leads(session, [(cast.leads[lead], seen, wanted)], source="form")


def lead(db: Any, cast: Any, name: str) -> Any:
    return db.rows("select * from crm.leads where id = :id", id=cast.leads[name])[0]


def test_a_rep_begins_with_her_own_leads_and_a_manager_with_the_teams(open_leads: Any) -> None:
    assert names(open_leads("ana")) == {"Al Noor Trading", "Delta Foods"}
    assert names(open_leads("mona")) == {"Al Noor Trading", "Delta Foods", "Petra Supplies"}


def test_save_takes_along_a_cell_that_is_told_of_a_moment_later_only(open_leads: Any, db: Any, cast: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    page, now = open_leads("ana"), clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    press(page, "leads.save")
    type_cells(page, {position(page, "Delta Foods"): {"next_step": "call at ten"}})
    assert lead(db, cast, "Delta Foods")["next_step"] == "call at ten"
    press(page, "leads.save")
    now += grid_bar.LATE
    type_cells(page, {position(page, "Delta Foods"): {"next_step": "call at noon"}})
    assert lead(db, cast, "Delta Foods")["next_step"] == "call at ten"
    assert "1 cell in 1 row changed" in said(page)


def test_another_teams_leads_are_not_there_whatever_the_address_asks(open_leads: Any) -> None:
    for query in ({"view": "Team"}, {"view": "Team", "q": "nile"}, {"view": "Team", "pipeline": "All pipelines"}, {"view": "Team", "owner": "Carla"}):
        page = open_leads("ana", **query)
        assert not page.exception
        assert "Nile Mart" not in names(page)


def test_filters_come_from_the_address(open_leads: Any) -> None:
    assert names(open_leads("ana", view="Team", owner="Bruno")) == {"Petra Supplies"}
    assert names(open_leads("ana", view="Team", q="noor")) == {"Al Noor Trading"}
    assert names(open_leads("ana", view="Team", stage="Won")) == set()


def test_an_admin_sees_all_pipelines_apart_by_their_teams(open_leads: Any) -> None:
    page = open_leads("alma", pipeline="All pipelines")
    assert names(page) == {"Al Noor Trading", "Delta Foods", "Petra Supplies", "Nile Mart"}
    assert "Accounts · Gulf" in page.selectbox(key="pipeline").options


def test_an_empty_list_says_what_to_do_next(open_leads: Any) -> None:
    page = open_leads("ana", q="zebra")
    assert not page.data_editor
    assert "Nothing found for “zebra”." in said(page)


def test_typed_cells_are_counted_and_saved_with_the_lead_they_were_typed_over(open_leads: Any, db: Any, cast: Any) -> None:
    page = open_leads("ana")
    at = position(page, "Al Noor Trading")
    type_cells(page, {at: {"next_step": "send samples", "value": 12000}})
    assert "2 cells in 1 row changed, not saved" in said(page)
    press(page, "leads.save")
    assert "1 saved." in said(page)
    row = lead(db, cast, "Al Noor Trading")
    assert (row["next_step"], int(row["value_amount"]), row["version"]) == ("send samples", 12000, 2)
    assert db.value("select source from crm.changes where record_type = 'lead' and record_id = :id and version = 2", id=cast.leads["Al Noor Trading"]) == "grid"


def test_discard_writes_nothing(open_leads: Any, db: Any, cast: Any) -> None:
    page = open_leads("ana")
    type_cells(page, {0: {"next_step": "send samples"}})
    press(page, "leads.discard")
    assert "not saved" not in said(page)
    assert db.value("select count(*) from crm.leads where next_step is not null") == 0


def test_an_edit_survives_a_filter_that_hides_its_row(open_leads: Any, db: Any, cast: Any) -> None:
    page = open_leads("ana")
    type_cells(page, {position(page, "Delta Foods"): {"next_step": "call"}})
    page.text_input(key="q").set_value("noor").run()
    assert names(page) == {"Al Noor Trading"}
    assert "1 cell in 1 row changed, not saved" in said(page)
    press(page, "leads.save")
    assert lead(db, cast, "Delta Foods")["next_step"] == "call"


def test_an_edit_survives_another_page(open_leads: Any, db: Any, cast: Any) -> None:
    page = open_leads("ana")
    type_cells(page, {position(page, "Delta Foods"): {"next_step": "call"}})
    page.switch_page("pages/conflicts.py").run()
    page.switch_page(PAGE).run()
    assert frame(page)["next_step"].iloc[position(page, "Delta Foods")] == "call"
    press(page, "leads.save")
    assert lead(db, cast, "Delta Foods")["next_step"] == "call"


def test_the_same_cell_saved_by_two_becomes_a_conflict_and_the_rest_is_saved(open_leads: Any, db: Any, cast: Any) -> None:
    page = open_leads("bruno", view="Team")
    at = position(page, "Petra Supplies")
    saved_by(cast, "ana", "Petra Supplies", 1, next_step="hers")
    type_cells(page, {at: {"next_step": "his", "value": 9000}})
    press(page, "leads.save")
    assert "1 met a colleague&#x27;s change" in said(page)
    row = lead(db, cast, "Petra Supplies")
    assert (row["next_step"], int(row["value_amount"])) == ("hers", 9000)
    assert db.value("select count(*) from crm.conflicts where resolved_at is null") == 1


def test_undo_in_the_bar_takes_the_save_back(open_leads: Any, db: Any, cast: Any) -> None:
    page = open_leads("ana")
    type_cells(page, {position(page, "Delta Foods"): {"next_step": "call"}})
    press(page, "leads.save")
    press(page, "leads.undo")
    assert "Taken back: 1 record." in said(page)
    assert lead(db, cast, "Delta Foods")["next_step"] is None


def test_a_refused_cell_stays_typed_and_says_why(open_leads: Any, db: Any, cast: Any) -> None:
    with db.owner().begin() as connection:
        connection.execute(
            text('update crm.stages set requirements = \'{"fields": ["expected_close_on"]}\', version = version + 1 where id = :id'),
            {"id": cast.stages["Gulf"]["Negotiation"]},
        )
    page = open_leads("ana")
    at = position(page, "Delta Foods")
    type_cells(page, {at: {"stage": "Negotiation", "next_step": "call"}})
    press(page, "leads.save")
    assert "Negotiation needs an expected close date" in said(page)
    assert "1 cell in 1 row changed, not saved" in said(page)
    assert frame(page)["stage"].iloc[at] == "Negotiation"
    row = lead(db, cast, "Delta Foods")
    assert (row["next_step"], row["stage_id"]) == ("call", cast.stages["Gulf"]["Lead"])


def test_a_value_that_was_never_an_option_is_refused_by_the_server(open_leads: Any, db: Any, cast: Any) -> None:
    page = open_leads("ana")
    type_cells(page, {position(page, "Delta Foods"): {"stage": "Godmode", "owner": "Nemo"}})
    press(page, "leads.save")
    assert "Godmode" in said(page)
    assert "Nobody here is called “Nemo”." in said(page)
    assert lead(db, cast, "Delta Foods")["version"] == 1


def test_columns_that_are_only_shown_cannot_be_written(open_leads: Any, db: Any, cast: Any) -> None:
    page = open_leads("ana")
    type_cells(page, {0: {"lifetime_usd": 99, "version": 77, "team": "Levant"}})
    assert "not saved" not in said(page)


def test_a_viewer_sees_the_grid_without_a_way_to_save(open_leads: Any) -> None:
    page = open_leads("vera")
    assert names(page) == {"Al Noor Trading", "Delta Foods", "Petra Supplies"}
    assert not [button for button in page.button if button.key in ("leads.save", "leads.discard", "leads.new")]


def test_hiding_a_column_keeps_what_was_typed_in_it(open_leads: Any, db: Any, cast: Any) -> None:
    page = open_leads("ana")
    type_cells(page, {position(page, "Delta Foods"): {"next_step": "call"}})
    page.get("pills")[0].set_value(["name", "stage"]).run()
    assert list(frame(page).columns) == ["open", "name", "stage"]
    press(page, "leads.save")
    assert lead(db, cast, "Delta Foods")["next_step"] == "call"


def test_words_that_are_too_short_do_not_search(open_leads: Any) -> None:
    page = open_leads("ana", q="no")
    assert names(page) == {"Al Noor Trading", "Delta Foods"}
    assert "search begins at 3 letters" in said(page)


def test_the_context_says_what_one_looks_at(open_leads: Any) -> None:
    assert "Gulf · Accounts pipeline · my leads · USD · now" in said(open_leads("ana"))
    assert "leads of everybody" in said(open_leads("mona"))


def address(page: AppTest) -> dict[str, list[str]]:
    return {name: value if isinstance(value, list) else [value] for name, value in page.query_params.items()}


@pytest.mark.leaves_no_trace
def test_a_link_means_the_same_leads_to_those_who_see_more_or_fewer(visit: Any, cast: Any) -> None:
    sent = {"view": "Team", "pipeline": "Accounts · Gulf", "stage": "Lead", "owner": "Ana"}
    page = visit("mona", "pages/leads.py", **sent)
    assert not page.exception and "The link also asks for" not in said(page)
    assert address(page)["stage"] == ["Lead"] and page.multiselect(key="owner").value == [cast.people["ana"]]


@pytest.mark.leaves_no_trace
def test_a_link_to_leads_out_of_sight_says_that_it_shows_others(visit: Any, cast: Any) -> None:
    page = visit("mona", "pages/leads.py", view="Team", pipeline="Accounts · Levant", stage="<b>Gone")
    assert not page.exception and "The link also asks for pipeline “Accounts · Levant” and stage “&lt;b&gt;Gone”" in said(page)
    assert "pipeline" not in page.query_params and "stage" not in page.query_params


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("view", ["Team", "All mine", "Overdue"])
def test_the_address_keeps_what_it_asks_for_though_it_is_usual_for_whoever_looks(visit: Any, view: str) -> None:
    page = visit("alma", "pages/leads.py", view=view, pipeline="All pipelines")
    assert not page.exception and address(page) == {"view": [view], "pipeline": ["All pipelines"]}
    assert page.selectbox(key="pipeline").options[-1] == "All pipelines" and "all pipelines" in said(page)


@pytest.mark.leaves_no_trace
def test_a_viewer_narrows_leads_and_reports_to_a_colleague_though_they_give_nobody_leads(visit: Any, cast: Any) -> None:
    page = visit("vera", "pages/leads.py", view="Team", owner="Bruno")
    assert not page.exception and [row["name"] for row in page.session_state["leads.sheet"].rows] == ["Petra Supplies"]
    report = visit("vera", "pages/team_report.py", of_owner="Bruno")
    assert not report.exception and "Gulf · Bruno" in said(report) and report.selectbox(key="of_owner").value == cast.people["bruno"]


def test_a_link_to_the_leads_of_somebody_who_has_left_opens_them(visit: Any, db: Any, cast: Any) -> None:
    with db.owner().begin() as connection:
        connection.execute(text("delete from crm.memberships where person_id = :bruno"), {"bruno": cast.people["bruno"]})
        connection.execute(text("update crm.people set disabled_at = now(), version = version + 1 where id = :bruno"), {"bruno": cast.people["bruno"]})
        connection.execute(text("update crm.access_stamps set version = version + 1"))
    page = visit("ana", "pages/leads.py", view="Team", owner="Bruno")
    assert not page.exception and [row["name"] for row in page.session_state["leads.sheet"].rows] == ["Petra Supplies"]
