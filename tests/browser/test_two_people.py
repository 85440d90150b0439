"""Two people at work on the same leads, each in a browser of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from crm.access import acting_as
from crm.changes import Edit, apply
from tests.browser import grid
from tests.browser.conftest import Site
from tests.browser.parts import change, new_leads, settle, stands, until, wait_until_stands


def open_list(site: Site, who: str, sought: str, *leads: str) -> Any:
    """The grid of the leads that `sought` finds, by name."""
    page = site.open(who, f"/leads?view=Team&sort=Name&q={sought}")
    grid.wait_for_rows(page, *leads)
    page.wait_for_function("() => window.__throughlineGuard")
    return page


def test_typed_cells_wait_in_the_bar_until_they_are_saved(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Marble One")
    page = open_list(shared_site, "ana", "marble", "Marble One")
    grid.type_over(page, "Marble One", "next_step", "send samples")
    grid.type_over(page, "Marble One", "value", "12400")
    grid.bar(page, "2 cells in 1 row changed, not saved")
    assert stands(shared_site, [lead], "next_step") == [None]
    grid.save(page)
    grid.bar(page, "1 saved.")
    assert stands(shared_site, [lead], "next_step") == ["send samples"]
    assert [str(amount) for amount in stands(shared_site, [lead], "value_amount")] == ["12400.00"]


HELD_UP = """() => {
  const holdUp = (ms) => { const end = performance.now() + ms; while (performance.now() < end); }
  window.addEventListener('keydown', (event) => { if (event.key === 's') setTimeout(holdUp, 0, 400) }, true)
  window.addEventListener('click', () => setTimeout(holdUp, 0, 1500), true)
}"""
"""A browser so slow that the editor's report of a cell is late, and Save long gone by if it did not wait for it."""


@pytest.mark.parametrize("is_held_up", [False, True])
@pytest.mark.parametrize("press", [lambda page: page.keyboard.press("Control+s"), grid.save], ids=["ctrl_s", "save"])
def test_saving_takes_along_the_cell_one_is_still_typing_in(shared_site: Site, press: Callable[[Any], None], is_held_up: bool) -> None:
    name = f"Basalt {press.__name__.strip('<>')} {is_held_up}"
    (lead,) = new_leads(shared_site, "ana", name)
    page = open_list(shared_site, "ana", name, name)
    if is_held_up:
        page.evaluate(HELD_UP)
    grid.type_over(page, name, "next_step", "call at ten", leave="")
    press(page)
    grid.bar(page, "1 saved.")
    assert stands(shared_site, [lead], "next_step") == ["call at ten"]


def test_discard_throws_away_what_is_typed_and_nothing_else(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Slate One", next_step="as it was")
    page = open_list(shared_site, "ana", "slate", "Slate One")
    grid.type_over(page, "Slate One", "next_step", "a slip")
    grid.bar(page, "1 cell in 1 row changed")
    page.get_by_role("button", name="Discard").click()
    grid.bar(page, "Type, paste or fill")
    settle(page)
    assert grid.cells(page, "next_step") == ["as it was"]
    assert stands(shared_site, [lead], "next_step") == ["as it was"]


def test_a_save_that_meets_a_colleagues_change_saves_the_rest_and_settles_the_conflict_in_a_dialog(shared_site: Site) -> None:
    names = [f"Copper {number:02}" for number in range(1, 13)]
    leads = new_leads(shared_site, "ana", *names, next_step="not yet")
    bruno = open_list(shared_site, "bruno", "copper", *names)
    ana = open_list(shared_site, "ana", "copper", *names)
    grid.type_over(ana, "Copper 03", "next_step", "hers")
    grid.bar(ana, "1 cell in 1 row changed")
    grid.save(ana)
    grid.bar(ana, "1 saved.")

    grid.paste(bruno, "Copper 01", "next_step", "\n".join(["his"] * 12))
    grid.bar(bruno, "12 cells in 12 rows changed")
    grid.save(bruno)
    grid.bar(bruno, "11 saved, 1 met a colleague's change.")
    assert stands(shared_site, leads, "next_step") == ["his", "his", "hers", *["his"] * 9]

    bruno.get_by_role("button", name="Look").click()
    dialog = bruno.get_by_role("dialog")
    dialog.get_by_text("was changed by Ana").wait_for()
    said = dialog.inner_text()
    assert all(words in said for words in ("Copper 03", "you saw", "not yet", "they made it", "hers", "you want", "his", "in the grid"))
    dialog.get_by_role("radio", name="Mine").click()
    settle(bruno)
    dialog.get_by_role("button", name="Apply").click()
    grid.bar(bruno, "Settled your way.")
    assert stands(shared_site, leads[2:3], "next_step") == ["his"]

    bruno.get_by_role("button", name="Undo").click()
    grid.bar(bruno, "Taken back: 1 record.")
    assert stands(shared_site, leads[2:3], "next_step") == ["hers"]


def test_fields_that_nobody_else_touched_are_saved_beside_a_colleagues(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Cobalt One")
    page = open_list(shared_site, "bruno", "cobalt", "Cobalt One")
    change(shared_site, "ana", lead, next_step="hers", stage_id=shared_site.cast.stages["Gulf"]["Contacted"])
    grid.type_over(page, "Cobalt One", "value", "900")
    grid.bar(page, "1 cell in 1 row changed")
    grid.save(page)
    grid.bar(page, "1 saved.")
    assert stands(shared_site, [lead], "next_step") == ["hers"]
    assert [str(amount) for amount in stands(shared_site, [lead], "value_amount")] == ["900.00"]


def test_a_conflict_kept_for_later_waits_on_its_own_page_and_theirs_can_stand(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Nickel One", next_step="not yet")
    page = open_list(shared_site, "bruno", "nickel", "Nickel One")
    change(shared_site, "ana", lead, next_step="hers")
    grid.type_over(page, "Nickel One", "next_step", "his")
    grid.bar(page, "1 cell in 1 row changed")
    grid.save(page)
    grid.bar(page, "1 met a colleague's change.")
    page.get_by_role("button", name="Look").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep for later").click()
    page.get_by_role("dialog").wait_for(state="detached")

    page.get_by_role("link", name="Conflicts").click()
    page.get_by_text("Nickel One", exact=True).wait_for()
    page.get_by_text("1 field waiting").wait_for()
    settle(page)
    page.get_by_role("button", name="Apply").click()
    page.get_by_text("Settled: theirs stands.").wait_for()
    page.get_by_text("Nothing waits for you.").wait_for()
    assert stands(shared_site, [lead], "next_step") == ["hers"]


def test_undo_leaves_alone_what_a_colleague_changed_since(shared_site: Site) -> None:
    leads = new_leads(shared_site, "ana", "Zinc One", "Zinc Two", next_step="before")
    page = open_list(shared_site, "bruno", "zinc", "Zinc One", "Zinc Two")
    grid.paste(page, "Zinc One", "next_step", "his\nhis")
    grid.bar(page, "2 cells in 2 rows changed")
    grid.save(page)
    grid.bar(page, "2 saved.")
    change(shared_site, "ana", leads[1], next_step="hers")
    page.get_by_role("button", name="Undo").click()
    grid.bar(page, "Taken back: 1 record.")
    page.get_by_text("Next step was changed since").wait_for()
    assert stands(shared_site, leads, "next_step") == ["before", "hers"]


def test_a_save_can_be_taken_back_later_from_the_list_of_saves(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Quartz One", next_step="before")
    page = open_list(shared_site, "ana", "quartz", "Quartz One")
    grid.type_over(page, "Quartz One", "next_step", "after")
    grid.bar(page, "1 cell in 1 row changed")
    grid.save(page)
    grid.bar(page, "1 saved.")
    page.reload()
    grid.wait_for_rows(page, "Quartz One")
    page.get_by_role("button", name="Saves").click()
    page.locator(".st-key-recent_saves, [data-testid=stPopoverBody]").get_by_role("button", name="Undo").first.click()
    wait_until_stands(shared_site, {lead: "before"}, "next_step")
    grid.bar(page, "Taken back: 1 record.")


def test_a_block_is_pasted_and_a_cell_filled_down(shared_site: Site) -> None:
    names = ["Granite One", "Granite Two", "Granite Three", "Granite Four"]
    leads = new_leads(shared_site, "ana", *names)
    page = open_list(shared_site, "ana", "granite", *names)
    order = grid.names(page)
    by_place = [leads[names.index(name)] for name in order]
    grid.paste(page, order[0], "next_step", "send a sample\t2027-01-05\nask for terms\t2027-01-06")
    grid.bar(page, "4 cells in 2 rows changed")
    grid.select(page, order[1], order[3], "next_step")
    page.keyboard.press("Control+d")
    grid.bar(page, "6 cells in 4 rows changed")
    grid.save(page)
    grid.bar(page, "4 saved.")
    assert stands(shared_site, by_place, "next_step") == ["send a sample", "ask for terms", "ask for terms", "ask for terms"]
    assert [day and day.isoformat() for day in stands(shared_site, by_place, "expected_close_on")] == ["2027-01-05", "2027-01-06", None, None]


def test_a_cell_that_cannot_be_taken_stays_typed_and_says_why(shared_site: Site) -> None:
    stages = shared_site.cast.stages["Gulf"]
    with acting_as(shared_site.cast.who("mona")) as session:
        apply(session, [Edit("stage", stages["Won"], {"requirements": {"fields": ["value"]}}, 1)], source="test", on_conflict="refuse")
    leads = new_leads(shared_site, "ana", "Chalk One", "Chalk Two")
    page = open_list(shared_site, "ana", "chalk", "Chalk One", "Chalk Two")
    grid.paste(page, "Chalk One", "stage", "Won\nContacted")
    grid.type_over(page, "Chalk One", "next_step", "sign the contract")
    grid.bar(page, "3 cells in 2 rows changed")
    grid.save(page)
    grid.bar(page, "2 saved, 1 not taken, still in the grid.")
    page.get_by_text("Won needs a value.").wait_for()
    assert stands(shared_site, leads, "stage_id") == [stages["Lead"], stages["Contacted"]]
    assert stands(shared_site, leads, "next_step") == ["sign the contract", None]
    settle(page)
    assert grid.cells(page, "stage") == ["Won", "Contacted"]


def test_what_is_typed_outlives_another_filter_and_another_page(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Amber One", "Amber Two")[:1]
    page = open_list(shared_site, "ana", "amber", "Amber One", "Amber Two")
    grid.type_over(page, "Amber One", "next_step", "still here")
    grid.bar(page, "1 cell in 1 row changed")
    page.get_by_placeholder("Search name").fill("amber two")
    page.get_by_text("1–1 of 1").wait_for()
    grid.bar(page, "1 cell in 1 row changed")
    page.get_by_role("link", name="Conflicts").click()
    page.get_by_role("heading", name="Conflicts").wait_for()
    page.get_by_role("link", name="Leads").click()
    grid.bar(page, "1 cell in 1 row changed")
    settle(page)
    page.keyboard.press("Control+s")
    grid.bar(page, "1 saved.")
    assert stands(shared_site, [lead], "next_step") == ["still here"]


def test_closing_the_tab_over_unsaved_cells_asks_first(shared_site: Site) -> None:
    new_leads(shared_site, "ana", "Onyx One")
    page = open_list(shared_site, "ana", "onyx", "Onyx One")
    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    grid.type_over(page, "Onyx One", "next_step", "unsaved")
    grid.bar(page, "1 cell in 1 row changed")
    settle(page)
    page.close(run_before_unload=True)
    until(page, lambda: asked, "the browser to ask")
    assert asked == ["beforeunload"] and not page.is_closed()


def test_filters_live_in_the_address_and_open_the_same_list_for_a_colleague(shared_site: Site) -> None:
    stages = shared_site.cast.stages["Gulf"]
    new_leads(shared_site, "ana", "Topaz One", stage_id=stages["Negotiation"])
    new_leads(shared_site, "bruno", "Topaz Two")
    page = shared_site.open("ana", "/leads")
    grid.wait_for_rows(page)
    page.get_by_role("radio", name="Team").click()
    page.get_by_placeholder("Search name").fill("topaz")
    grid.wait_for_rows(page, "Topaz One", "Topaz Two")
    page.locator(".st-key-stage input").click()
    page.get_by_role("option", name="Negotiation").click()
    page.get_by_text("1–1 of 1").wait_for()
    settle(page)
    asked = parse_qs(urlsplit(page.url).query)
    assert (asked["view"], asked["q"], asked["stage"]) == (["Team"], ["topaz"], ["Negotiation"])

    page.reload()
    grid.wait_for_rows(page, "Topaz One")
    assert page.get_by_placeholder("Search name").input_value() == "topaz"
    assert grid.names(page) == ["Topaz One"]
    colleague = shared_site.open("bruno", urlsplit(page.url)._replace(scheme="", netloc="").geturl())
    grid.wait_for_rows(colleague, "Topaz One")
    assert grid.names(colleague) == ["Topaz One"]


def test_the_arrow_of_a_row_opens_the_lead_and_the_way_back_keeps_the_list(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Pearl One")
    page = open_list(shared_site, "ana", "pearl", "Pearl One")
    grid.click(page, "Pearl One", "open")
    page.get_by_role("heading", name="Pearl One").wait_for()
    assert parse_qs(urlsplit(page.url).query)["id"] == [str(lead)]
    page.get_by_test_id("stMain").get_by_role("link", name="Leads").click()
    grid.wait_for_rows(page, "Pearl One")
    assert parse_qs(urlsplit(page.url).query)["q"] == ["pearl"]
    assert grid.names(page) == ["Pearl One"]
