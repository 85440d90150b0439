"""The board as people use it: by mouse, by keyboard, on a phone, and two at once."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text

from tests.browser.conftest import PHONE, Site, wait_for
from tests.browser.parts import change, days_ago, message, new_leads, settle, stands, wait_until_stands

TWO_STEPS = """card => {
  const step = () => card.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', altKey: true, bubbles: true, composed: true }))
  step()
  step()
}"""
"""Both at once: a busy machine may take longer between two keys than the board waits for a second one."""


def stage(site: Site, name: str) -> int:
    return int(site.cast.stages["Gulf"][name])


def open_board(site: Site, who: str, sought: str, *leads: int, **options: Any) -> Any:
    """The board of the leads that `sought` finds, everybody's."""
    page = site.open(who, f"/board?whose=Everybody&q={sought}", **options)
    for lead in leads:
        card(page, lead).wait_for(state="attached")
    settle(page)
    return page


def card(page: Any, lead: int) -> Any:
    return page.locator(f".card[data-lead='{lead}']")


def column(page: Any, site: Site, name: str) -> Any:
    return page.locator(f".column[data-stage='{stage(site, name)}']")


def wait_for_card(page: Any, site: Site, lead: int, name: str) -> Any:
    """Until the card is in that column, confirmed."""
    found = column(page, site, name).locator(f".card[data-lead='{lead}']:not(.pending)")
    found.wait_for(state="attached")
    return found


def drag(page: Any, site: Site, lead: int, name: str) -> None:
    card(page, lead).drag_to(column(page, site, name))


def require(site: Site, name: str, *fields: str) -> None:
    with site.db.owner().begin() as connection:
        connection.execute(
            text("update crm.stages set requirements = cast(:r as jsonb), version = version + 1 where id = :id"),
            {"id": stage(site, name), "r": json.dumps({"fields": fields}) if fields else "{}"},
        )
        connection.execute(text("update crm.access_stamps set version = version + 1"))


def test_a_card_dragged_to_another_stage_is_moved_and_the_move_can_be_taken_back(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Fig One", value={"amount": "12400", "currency": "USD"})
    page = open_board(shared_site, "ana", "fig", lead)
    drag(page, shared_site, lead, "Negotiation")
    said = message(page, "Fig One → Negotiation.")
    wait_for_card(page, shared_site, lead, "Negotiation")
    assert stands(shared_site, [lead], "stage_id") == [stage(shared_site, "Negotiation")]
    assert column(page, shared_site, "Negotiation").locator("header").inner_text().split() == ["Negotiation", "1", "$12.4k"]
    said.get_by_role("button", name="Undo").click()
    wait_for_card(page, shared_site, lead, "Lead")
    assert stands(shared_site, [lead], "stage_id") == [stage(shared_site, "Lead")]


def test_a_colleagues_move_appears_by_itself_and_keeps_focus_scroll_and_what_is_open(shared_site: Site) -> None:
    leads = new_leads(shared_site, "ana", *[f"Elm {number:02}" for number in range(1, 25)])
    ana, bruno = open_board(shared_site, "ana", "elm", *leads), open_board(shared_site, "bruno", "elm", *leads)
    body = column(ana, shared_site, "Lead").locator(".body")
    body.evaluate("(el) => el.scrollTo(0, 300)")
    card(ana, leads[5]).focus()
    ana.evaluate("() => { window.stayed = true }")
    before = body.evaluate("(el) => el.scrollTop")
    drag(bruno, shared_site, leads[0], "Contacted")
    wait_for_card(bruno, shared_site, leads[0], "Contacted")
    wait_for_card(ana, shared_site, leads[0], "Contacted")
    assert ana.evaluate("() => window.stayed")
    assert card(ana, leads[5]).evaluate("(el) => el.getRootNode().activeElement === el")
    assert abs(body.evaluate("(el) => el.scrollTop") - before) < 200
    change(shared_site, "bruno", leads[1], name="Elm renamed")
    card(ana, leads[1]).get_by_text("Elm renamed").wait_for()


def test_a_refused_move_slides_back_with_its_reason_and_the_way_to_fill_it_in(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Holly One")
    require(shared_site, "Won", "expected_close_on")
    page = open_board(shared_site, "ana", "holly", lead)
    drag(page, shared_site, lead, "Won")
    note = card(page, lead).locator(".note")
    note.get_by_text("Won needs an expected close date.").wait_for()
    wait_for_card(page, shared_site, lead, "Lead")
    assert stands(shared_site, [lead], "version") == [1]
    note.get_by_role("button", name="Fill in").click()
    beside = page.locator(".st-key-board_lead")
    beside.get_by_role("spinbutton", name="year, Expected close").click()
    page.keyboard.type("20270105")
    beside.get_by_role("button", name="Save").click()
    message(page, "Saved: expected close.")
    settle(page)
    beside.get_by_role("button", name="Close").click()
    beside.wait_for(state="detached")
    drag(page, shared_site, lead, "Won")
    wait_for_card(page, shared_site, lead, "Won")
    wait_until_stands(shared_site, {lead: stage(shared_site, "Won")}, "stage_id")
    require(shared_site, "Won")


def test_a_drag_that_meets_a_colleagues_move_asks_what_stands(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Rowan One")
    page = open_board(shared_site, "ana", "rowan", lead)
    page.evaluate("() => { window.__throughlineBoard.hear = () => {} }")  # no news meanwhile
    change(shared_site, "bruno", lead, stage_id=stage(shared_site, "Contacted"))
    drag(page, shared_site, lead, "Negotiation")
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("was changed by Bruno").wait_for()
    wait_for_card(page, shared_site, lead, "Contacted")
    dialog.get_by_role("radio", name="Mine").click()
    settle(page)
    dialog.get_by_role("button", name="Apply").click()
    message(page, "Settled your way.")
    wait_for_card(page, shared_site, lead, "Negotiation")
    assert stands(shared_site, [lead], "stage_id") == [stage(shared_site, "Negotiation")]


def test_the_keyboard_moves_the_focused_card_and_keeps_it_focused(shared_site: Site) -> None:
    leads = new_leads(shared_site, "ana", "Sorrel One", "Sorrel Two")
    page = open_board(shared_site, "ana", "sorrel", *leads)
    card(page, leads[0]).focus()
    card(page, leads[0]).evaluate(TWO_STEPS)
    wait_until_stands(shared_site, {leads[0]: stage(shared_site, "Negotiation")}, "stage_id")
    wait_for_card(page, shared_site, leads[0], "Negotiation")
    assert stands(shared_site, [leads[0]], "version") == [2]  # two steps, one move
    assert card(page, leads[0]).evaluate("(el) => el.getRootNode().activeElement === el")
    page.keyboard.press("Alt+ArrowLeft")
    wait_until_stands(shared_site, {leads[0]: stage(shared_site, "Contacted")}, "stage_id")
    page.keyboard.press("ArrowLeft")
    assert card(page, leads[1]).evaluate("(el) => el.getRootNode().activeElement === el")
    page.keyboard.press("m")
    page.get_by_role("menuitem", name="Negotiation").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    wait_until_stands(shared_site, {leads[1]: stage(shared_site, "Negotiation")}, "stage_id")
    page.keyboard.press("Enter")
    page.locator(".st-key-board_lead h2", has_text="Sorrel Two").wait_for()


def test_a_phone_shows_one_column_at_a_time_and_moves_by_the_menu(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Hazel One")
    page = open_board(shared_site, "ana", "hazel", lead, size=PHONE)
    assert column(page, shared_site, "Lead").bounding_box()["width"] > 320
    card(page, lead).get_by_role("button", name="Move Hazel One to another stage").click()
    page.get_by_role("menuitem", name="Contacted").click()
    wait_until_stands(shared_site, {lead: stage(shared_site, "Contacted")}, "stage_id")
    page.get_by_role("navigation", name="Stages").get_by_role("button", name="Contacted").click()
    wait_for(lambda: 0 <= column(page, shared_site, "Contacted").bounding_box()["x"] < 60, "the column to come into view")
    card(page, lead).click()
    beside = page.locator(".st-key-board_lead")
    beside.get_by_role("heading", name="Hazel One").wait_for()
    assert beside.bounding_box()["width"] == PHONE["width"]


def test_the_open_lead_is_in_the_address_and_a_call_is_noted_beside_the_board(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Laurel One", at=days_ago(3))
    page = open_board(shared_site, "ana", "laurel", lead)
    card(page, lead).click()
    beside = page.locator(".st-key-board_lead")
    beside.get_by_role("heading", name="Laurel One").wait_for()
    wait_for(lambda: parse_qs(urlsplit(page.url).query).get("lead") == [str(lead)], "the address to name the lead")
    settle(page)
    beside.get_by_placeholder("Write a note").fill("Wants samples.")
    beside.get_by_role("radio", name="Call", exact=True).first.click()
    beside.get_by_role("button", name="Add").click()
    beside.locator(".tl-entry", has_text="Wants samples.").wait_for()
    card(page, lead).get_by_text("now").wait_for()  # the card hears of the call by itself
    page.reload()
    page.locator(".st-key-board_lead").get_by_role("heading", name="Laurel One").wait_for()
    card(page, lead).and_(page.locator(".open")).wait_for()


def test_facts_saved_beside_the_board_meet_a_colleagues_change_in_the_dialog(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Myrtle One", next_step="not yet")
    page = open_board(shared_site, "ana", "myrtle", lead)
    card(page, lead).click()
    beside = page.locator(".st-key-board_lead")
    beside.get_by_role("button", name="Edit").click()
    beside.get_by_label("Next step").fill("mine")
    change(shared_site, "bruno", lead, next_step="his")
    beside.get_by_role("button", name="Save").click()
    page.get_by_role("dialog").get_by_text("was changed by Bruno").wait_for()
    page.get_by_role("dialog").get_by_role("button", name="Keep for later").click()
    beside.get_by_text("his", exact=True).wait_for()
    assert stands(shared_site, [lead], "next_step") == ["his"]


def test_names_are_shown_as_they_were_typed_whatever_they_are(shared_site: Site) -> None:
    name = "<img src=x onerror='window.hit=1'>Yew\"'</script>"
    (lead,) = new_leads(shared_site, "ana", name)
    page = open_board(shared_site, "ana", "yew", lead)
    assert card(page, lead).locator("strong").inner_text() == name
    card(page, lead).click()
    page.locator(".st-key-board_lead h2").wait_for()
    settle(page)
    drag(page, shared_site, lead, "Contacted")
    wait_until_stands(shared_site, {lead: stage(shared_site, "Contacted")}, "stage_id")
    settle(page)
    assert page.evaluate("() => window.hit") is None


FORGED = {
    "a hidden lead": lambda site, mine: {"mount": "x", "moves": [{"n": 1, "id": site.cast.leads["Nile Mart"], "version": 1, "to": stage(site, "Won")}]},
    "a stage elsewhere": lambda site, mine: {"mount": "x", "moves": [{"n": 1, "id": mine, "version": 1, "to": site.cast.stages["Levant"]["Won"]}]},
    "words": lambda site, mine: {"mount": "x", "moves": [{"n": "1", "id": "1; drop table crm.leads", "version": 1, "to": "Won"}]},
    "a crowd": lambda site, mine: {"mount": "x", "moves": [{"n": n, "id": mine, "version": 1, "to": stage(site, "Won")} for n in range(5000)]},
    "too large": lambda site, mine: {"mount": "x", "moves": [{"n": 1, "id": 2**70, "version": 1, "to": 1}]},
    "a later version": lambda site, mine: {"mount": "x", "moves": [{"n": 1, "id": mine, "version": 99, "to": stage(site, "Won")}]},
    "a list": lambda site, mine: [1, 2, 3],
    "true": lambda site, mine: {"mount": "x", "moves": [{"n": True, "id": True, "version": True, "to": True}]},
}  # fmt: skip


@pytest.mark.parametrize("what", FORGED)
def test_a_forged_move_changes_nothing_and_the_page_stays(shared_site: Site, what: str) -> None:
    (mine,) = new_leads(shared_site, "ana", "Aspen One")
    page = open_board(shared_site, "ana", "aspen", mine)
    before = everything(shared_site)
    page.evaluate("(sent) => window.__throughlineBoard.emit('moves', sent)", FORGED[what](shared_site, mine))
    settle(page)
    if what in ("words", "a crowd", "too large", "a list", "true"):
        message(page, "That move could not be read, so nothing was changed.")
    for value in ({"stage": -1}, {"stage": 10**9}, [], "50"):
        page.evaluate("(value) => window.__throughlineBoard.emit('more', value)", value)
        settle(page)
    for value in ("<b>", -1, 2**70, [1]):
        page.evaluate("(value) => window.__throughlineBeside.ask(value)", value)
        settle(page)
    assert everything(shared_site) == before
    assert page.locator("[data-testid=stException]").count() == 0
    card(page, mine).wait_for()


def everything(site: Site) -> Any:
    return site.db.rows("select id, version, stage_id from crm.leads order by id"), site.db.value("select count(*) from crm.changes")


def test_a_lead_named_in_the_address_that_is_hidden_shows_nothing_of_itself(shared_site: Site) -> None:
    page = shared_site.open("ana", f"/board?lead={shared_site.cast.leads['Nile Mart']}")
    page.get_by_text("This lead is not here.").wait_for()
    assert "Nile" not in page.content()
