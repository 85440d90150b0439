"""Configuration in the browser: stages dragged into order, fields drafted in their grid, all of it a file."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Site, wait_for
from tests.browser.parts import message, settle
from tests.browser.test_screenshots import complaints, look, watched

__all__ = ["complaints"]


def order_of(site: Site) -> str:
    found: str = site.db.value(
        "select string_agg(name, ' ' order by position) from crm.stages where deleted_at is null and pipeline_id = :p", p=site.cast.pipelines["Gulf"]
    )
    return found


def test_a_stage_is_dragged_to_another_place(site: Site, complaints: list[str]) -> None:
    page = watched(site.open("mona", "/pipelines"), complaints)
    settle(page)
    grips = page.locator(".tl-grip")
    grips.nth(2).drag_to(grips.nth(0), target_position={"x": 4, "y": 1})
    page.get_by_text("Draft, 3 changes").wait_for()
    page.get_by_role("button", name="Apply", exact=True).click()
    message(page, "is changed")
    assert order_of(site) == "Negotiation Lead Contacted Won Lost"
    message(page, "is changed").get_by_role("button", name="Undo").click()
    wait_for(lambda: order_of(site) == "Lead Contacted Negotiation Won Lost", "the order to be taken back")


@pytest.mark.parametrize("who", ["alma"])
def test_the_file_and_the_fields_as_one_sees_them(site: Site, complaints: list[str], who: str) -> None:
    page = watched(site.open(who, "/fields"), complaints)
    settle(page)
    look(page, "fields-all")
    page.get_by_role("button", name="More").click()
    page.get_by_text("Save as a file…").click()
    page.get_by_text("throughline").first.wait_for()
    settle(page)
    look(page, "fields-file")
    page.goto("/fields")
    page.get_by_role("button", name="More").click()
    page.get_by_text("Read a file…").click()
    content = "throughline: 1\nfields: {everybody: {leads: [{field: Headcount, key: size, kind: text}, {field: Since, kind: date}]}}\n"
    page.get_by_label("Or paste it here").fill(content)
    page.get_by_label("Or paste it here").press("Control+Enter")
    page.get_by_text("“Color” is removed").wait_for()
    settle(page)
    look(page, "fields-file-read")
    page.get_by_role("button", name="Apply", exact=True).click()
    message(page, "The file is applied.")
    settle(page)
    look(page, "fields-applied")
    kinds = site.db.rows("select label, kind from crm.custom_fields where deleted_at is null and record_type = 'lead' order by position")
    assert [tuple(row.values()) for row in kinds] == [("Headcount", "text"), ("Since", "date")]
