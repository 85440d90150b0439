"""A dialog begins anew each time, whatever stood in it, or in another one, when it was closed."""

from __future__ import annotations

from typing import Any

from crm.access import acting_as
from crm.assignment.use_cases import save_rule
from tests.browser.conftest import Site
from tests.browser.parts import settle


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
