"""A dialog begins anew each time, whatever stood in it, or in another one, when it was closed; and its keys are its own."""

from __future__ import annotations

from typing import Any

from crm.access import acting_as
from crm.assignment.use_cases import save_rule
from tests.browser import grid
from tests.browser.conftest import Site, wait_for
from tests.browser.parts import message, settle


def open_rule(page: Any, number: int) -> Any:
    page.get_by_role("button", name="Edit").nth(number).click()
    found = page.get_by_role("dialog").get_by_label("Name")
    found.wait_for()
    settle(page)
    return found


def test_what_was_typed_for_one_rule_never_stands_in_anothers_dialog(site: Site) -> None:
    with acting_as(site.cast.who("mona")) as session:
        for position, name in enumerate(("First", "Second")):
            values = {"team_id": site.cast.teams["Gulf"], "name": name, "method": "round_robin", "position": position, "conditions": {}}
            save_rule(session, None, None, values, source="test")
    page = site.open("mona", "/assignment")
    first = open_rule(page, 0)
    assert first.input_value() == "First"
    first.fill("Typed and left")
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    settle(page)
    assert open_rule(page, 1).input_value() == "Second"
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    settle(page)
    assert open_rule(page, 0).input_value() == "First"


def test_a_pipeline_is_made_with_the_keyboard_alone(site: Site) -> None:
    page = site.open("mona", "/pipelines")
    settle(page)
    page.get_by_role("button", name="New pipeline").focus()
    page.keyboard.press("Enter")
    name = page.get_by_role("dialog").get_by_label("Name")
    name.wait_for()
    settle(page)
    name.focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("By keyboard")
    page.keyboard.press("Enter")
    message(page, "“By keyboard” is ready.")
    assert site.db.value("select count(*) from crm.pipelines where name = 'By keyboard'") == 1


def test_ctrl_s_in_a_dialog_saves_the_dialog_and_not_what_lies_behind_it(site: Site) -> None:
    page = site.open("ana", "/leads?view=Team")
    grid.wait_for_rows(page, "Delta Foods")
    grid.type_over(page, "Delta Foods", "next_step", "Not saved yet")
    settle(page)
    page.locator(".st-key-leads-new button").click()
    name = page.get_by_role("dialog").get_by_placeholder("Petra Supplies")
    name.fill("Added by a key")
    page.keyboard.press("Control+s")
    wait_for(lambda: site.db.value("select count(*) from crm.leads where name = 'Added by a key'") == 1, "the lead to be added")
    settle(page)
    assert site.db.value("select next_step from crm.leads where name = 'Delta Foods'") != "Not saved yet"


def test_the_list_of_views_gives_way_to_the_dialog_that_keeps_one(site: Site) -> None:
    page = site.open("ana", "/leads?view=Team")
    grid.wait_for_rows(page, "Delta Foods")
    page.get_by_role("button", name="Views").click()
    page.get_by_role("button", name="Save this view").click()
    dialog = page.locator("[data-testid=stDialog]")
    dialog.get_by_label("Name").fill("All of us")
    page.locator("[data-testid=stPopoverBody]").wait_for(state="detached")
    dialog.get_by_role("button", name="Save view").click()
    wait_for(lambda: site.db.value("select count(*) from crm.views where name = 'All of us' and deleted_at is null"), "the view to be kept")
    page.get_by_role("button", name="All of us").first.wait_for()
