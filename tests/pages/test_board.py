"""The Board page: what it shows to whom, what its filters ask, and what is heard from the wall."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text

from crm.access import acting_as
from crm.leads.use_cases import edit_leads
from crm.ui.board import wall, work
from tests.browser.parts import days_ago
from tests.db.ledgers import add_lead
from tests.pages.parts import said

PAGE = "pages/board.py"


def stages(page: Any) -> dict[str, Any]:
    """What the wall was given, by the stages' names."""
    assert not page.exception
    return {stage["name"]: stage for stage in json.loads(page.session_state[work.STATE].whole())["stages"]}


def names(page: Any, stage: str = "Lead") -> set[str]:
    return {card["title"] for card in stages(page)[stage]["cards"]}


def moved(cast: Any, who: str, lead: str, stage: str, **values: Any) -> None:
    with acting_as(cast.who(who)) as session:
        version = session.scalar(text("select version from crm.leads where id = :id"), {"id": cast.leads[lead]})
        edit_leads(session, [(cast.leads[lead], version, {"stage_id": cast.stages["Gulf"][stage], **values})], source="grid", on_conflict="refuse")


def ask(page: Any, monkeypatch: pytest.MonkeyPatch, **given: Any) -> Any:
    """The page's next run hears this from the wall, as if the browser had sent it."""
    monkeypatch.setattr(wall, "heard", lambda: given)
    page.run()
    monkeypatch.setattr(wall, "heard", dict)
    return page


def test_a_reps_board_begins_with_her_own_leads_and_a_managers_with_the_teams(visit: Any) -> None:
    assert names(visit("ana", PAGE)) == {"Al Noor Trading", "Delta Foods"}
    assert names(visit("mona", PAGE)) == {"Al Noor Trading", "Delta Foods", "Petra Supplies"}


def test_filters_come_from_the_address(visit: Any) -> None:
    assert names(visit("ana", PAGE, whose="Bruno")) == {"Petra Supplies"}
    assert names(visit("ana", PAGE, whose="Everybody", q="noor")) == {"Al Noor Trading"}
    assert names(visit("ana", PAGE, whose="Nobody yet")) == set()


def test_another_teams_leads_are_not_there_whatever_the_address_asks(visit: Any, cast: Any) -> None:
    for query in ({"whose": "Carla"}, {"whose": "Everybody", "q": "nile"}, {"pipeline": "Accounts · Levant"}, {"lead": str(cast.leads["Nile Mart"])}):
        page = visit("ana", PAGE, **query)
        assert "Nile Mart" not in str(stages(page)) and "Nile Mart" not in said(page)


def test_an_admin_chooses_among_the_pipelines_of_all_teams(visit: Any) -> None:
    page = visit("alma", PAGE, pipeline="Accounts · Levant")
    assert names(page) == {"Nile Mart"}
    assert page.selectbox(key="pipeline").options == ["Accounts · Gulf", "Accounts · Levant"]


def test_a_card_says_that_its_owner_is_away(visit: Any, cast: Any, db: Any) -> None:
    with db.owner().begin() as connection:
        connection.execute(text("update crm.people set absent_from = '2020-01-01', version = version + 1 where id = :id"), {"id": cast.people["bruno"]})
    cards = {card["title"]: card for card in stages(visit("mona", PAGE))["Lead"]["cards"]}
    assert (cards["Petra Supplies"]["owner"], cards["Petra Supplies"]["away"]) == ("Bruno, away", True)
    assert cards["Delta Foods"]["owner"] == "Ana" and "away" not in cards["Delta Foods"]


def test_a_column_says_how_many_leads_it_has_and_their_value(visit: Any) -> None:
    found = stages(visit("mona", PAGE))
    assert (found["Lead"]["leads"], found["Lead"]["sum"], found["Won"]["leads"], found["Won"]["sum"]) == (3, "$21.9k", 0, "")
    assert [stage["folds"] for stage in found.values()] == [False, False, False, False, True]


def test_a_card_says_what_the_lead_is_worth_and_how_long_it_stands_there(visit: Any, cast: Any) -> None:
    moved(cast, "ana", "Delta Foods", "Contacted", value={"amount": "52500", "currency": "AED"}, market="AE")
    (card,) = stages(visit("mona", PAGE))["Contacted"]["cards"]
    assert {name: card.get(name, "") for name in ("title", "value", "own", "days", "mood", "last", "market", "who", "owner", "moves")} == {
        "title": "Delta Foods", "value": "$14.3k", "own": "AED 52.5k", "days": "0/7 d", "mood": "", "last": "no contact", "market": "AE", "who": "AN",
        "owner": "Ana", "moves": True,
    }  # fmt: skip


def test_a_viewer_sees_the_board_and_moves_nothing(visit: Any) -> None:
    page = visit("vera", PAGE)
    assert not any(card.get("moves") for stage in stages(page).values() for card in stage["cards"])
    assert not [button for button in page.button if button.key == "board.new"]


def test_an_empty_board_says_what_to_do_next(visit: Any) -> None:
    data = json.loads(visit("ana", PAGE, q="zebra").session_state[work.STATE].whole())
    assert data["empty"][0] == "No leads here."


def test_the_context_says_what_one_looks_at(visit: Any) -> None:
    assert "Gulf · Accounts pipeline · my leads · USD · now" in said(visit("ana", PAGE))
    assert "leads of Bruno" in said(visit("mona", PAGE, whose="Bruno"))


def test_the_grid_of_the_same_leads_is_one_click_away(visit: Any) -> None:
    (link,) = [link for link in visit("mona", PAGE, whose="Bruno", q="petra").page_link if link.label == "Grid"]
    assert (link.page, link.proto.query_string) == ("leads", "pipeline=Accounts&view=Team&owner=Bruno&q=petra")
    (link,) = [link for link in visit("ana", "pages/leads.py", q="noor").page_link if link.label == "Board"]
    assert (link.page, link.proto.query_string) == ("board", "pipeline=Accounts&whose=Mine&q=noor")


def test_the_board_and_the_grid_hand_each_other_the_team(visit: Any, db: Any, cast: Any) -> None:
    with db.owner().begin() as connection:
        connection.execute(text("insert into crm.teams (name, parent_id) values ('Doha', :gulf)"), {"gulf": cast.teams["Gulf"]})
        connection.execute(text("update crm.access_stamps set version = version + 1"))
    board = visit("mona", PAGE, team="Doha")
    assert names(board) == set()
    (link,) = [link for link in board.page_link if link.label == "Grid"]
    assert link.proto.query_string == "pipeline=Accounts&view=Team&team=Doha"
    grid = visit("mona", "pages/leads.py", team="Doha")
    assert not grid.exception and not grid.data_editor
    (link,) = [link for link in grid.page_link if link.label == "Board"]
    assert link.proto.query_string == "pipeline=Accounts&whose=Everybody&team=Doha"


def test_a_past_day_shows_the_board_as_it_was_and_moves_nothing(visit: Any, db: Any, cast: Any) -> None:
    with db.owner().begin() as connection:
        for table, column in (("stays", "entered_at"), ("leads", "effective_at"), ("changes", "at")):
            connection.execute(text(f"alter table crm.{table} disable trigger user"))
            connection.execute(text(f"update crm.{table} set {column} = {column} - interval '5 days'"))
            connection.execute(text(f"alter table crm.{table} enable trigger user"))
    moved(cast, "ana", "Delta Foods", "Won")
    page = visit("mona", PAGE, as_of=f"{days_ago(2):%Y-%m-%d}")
    assert names(page) == {"Al Noor Trading", "Delta Foods", "Petra Supplies"}
    assert not any(card.get("moves") for stage in stages(page).values() for card in stage["cards"])
    assert "This is the board as it was at the end of" in said(page)


@pytest.mark.parametrize("who", ["alma", "mona", "ana", "vera"])
def test_as_we_knew_it_leaves_out_what_was_entered_later(visit: Any, db: Any, cast: Any, who: str) -> None:
    add_lead(cast, "Gulf", "ana", when=days_ago(20), name="Old Mill")
    day = f"{days_ago(10):%Y-%m-%d}"
    assert names(visit(who, PAGE, whose="Everybody", as_of=day)) == {"Old Mill"}
    page = visit(who, PAGE, whose="Everybody", as_of=day, known_on=f"{days_ago(5):%Y-%m-%d}")
    assert names(page) == set()
    assert "as we knew it on" in said(page) and "as far as was known" in page.session_state[work.STATE].whole().decode()
    with db.owner().begin() as connection:
        connection.execute(text("update crm.postings set posted_at = effective_at where effective_at < now() - interval '1 day'"))
    known = visit(who, PAGE, whose="Everybody", known_on=day)
    assert names(known) == {"Old Mill"}
    assert not any(card.get("moves") for stage in stages(known).values() for card in stage["cards"])


@pytest.mark.parametrize("query", [{"as_of": "2026-01-10", "known_on": "2026-01-09"}, {"known_on": "9999-99-99"}, {"known_on": "'; drop table"}])
def test_a_day_on_which_nobody_knew_shows_the_board_as_it_is_known_now(visit: Any, query: dict[str, str]) -> None:
    page = visit("mona", PAGE, **query)
    assert not page.exception and "as we knew it on" not in said(page)


def test_a_move_is_written_answered_and_offered_for_undo(visit: Any, db: Any, cast: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    page = visit("ana", PAGE)
    move = {"n": 1, "id": cast.leads["Delta Foods"], "version": 1, "to": cast.stages["Gulf"]["Won"]}
    ask(page, monkeypatch, moves={"mount": "here", "moves": [move]})
    assert names(page, "Won") == {"Delta Foods"}
    assert json.loads(page.session_state[work.STATE].whole())["answers"] == {
        "mount": "here", "of": {"1": {"ok": True, "version": 2, "said": "Delta Foods → Won, saved"}}
    }  # fmt: skip
    assert "Delta Foods → Won." in said(page)
    ask(page, monkeypatch, moves={"mount": "here", "moves": [move]})  # the wall repeats what it has no answer to yet
    assert db.value("select version from crm.leads where id = :id", id=cast.leads["Delta Foods"]) == 2
    page.button(key="message.undo").click().run()
    assert names(page) == {"Al Noor Trading", "Delta Foods"}


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(
    "given", [None, [], "x", {"moves": []}, {"mount": 1, "moves": [{}]}, {"mount": "x", "moves": [{"n": 1, "id": "1", "version": 1, "to": 1}]}]
)
def test_what_no_wall_would_send_changes_nothing_and_is_said_kindly(visit: Any, db: Any, monkeypatch: pytest.MonkeyPatch, given: Any) -> None:
    page = visit("ana", PAGE)
    ask(page, monkeypatch, moves=given)
    assert "That move could not be read, so nothing was changed." in said(page)
    assert db.value("select count(*) from crm.leads where version > 1") == 0


def test_show_more_is_only_for_stages_of_this_board(visit: Any, cast: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    page = visit("ana", PAGE)
    ask(page, monkeypatch, more={"stage": cast.stages["Levant"]["Lead"]})
    assert page.session_state[work.STATE].most == {}
    ask(page, monkeypatch, more={"stage": cast.stages["Gulf"]["Lead"]})
    assert page.session_state[work.STATE].most == {cast.stages["Gulf"]["Lead"]: 100}


def test_the_lead_in_the_address_is_open_beside_the_board(visit: Any, cast: Any) -> None:
    page = visit("ana", PAGE, lead=str(cast.leads["Petra Supplies"]))
    assert "<h2>Petra Supplies</h2>" in said(page)
    assert [link.label for link in page.page_link].count("Open the page") == 1


@pytest.mark.parametrize(("who", "to_do"), [("ana", "Ask an admin to add one to your team."), ("alma", "Make the first one under Pipelines.")])
def test_somebody_without_a_pipeline_reads_what_to_do(visit: Any, db: Any, who: str, to_do: str) -> None:
    with db.owner().begin() as connection:
        connection.execute(text("update crm.pipelines set deleted_at = now(), version = version + 1"))
        connection.execute(text("update crm.access_stamps set version = version + 1"))
        connection.execute(text("update crm.leads set deleted_at = now(), version = version + 1"))
    for path in (PAGE, "pages/leads.py"):
        page = said(visit(who, path))
        assert "There is no pipeline in your sight yet." in page and to_do in page
