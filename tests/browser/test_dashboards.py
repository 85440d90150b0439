"""A dashboard in a browser: made and shared, pinned to from Explore, and live while a colleague works."""

from __future__ import annotations

from typing import Any

import pytest

from crm.access import acting_as
from crm.dashboards import reads, use_cases
from tests.browser.conftest import Site, wait_for
from tests.browser.parts import change, message, new_leads, settle
from tests.browser.test_reports import tile
from tests.browser.test_screenshots import complaints, watched

__all__ = ["complaints"]


def dashboard(site: Site, who: str, name: str) -> reads.Dashboard | None:
    with acting_as(site.cast.who(who)) as session:
        return next((found for found in reads.dashboards(session) if found.name == name), None)


def titles(site: Site, who: str, name: str) -> list[str]:
    """The blocks in their order: their own title, or what they show."""
    found = dashboard(site, who, name)
    assert found is not None
    with acting_as(site.cast.who(who)) as session:
        return [block.title or block.what for block in reads.blocks_of(session, [found.id])[found.id]]


def made(site: Site, who: str, name: str, *figures: str, **values: Any) -> int:
    with acting_as(site.cast.who(who)) as session:
        blocks = [{"what": figure} for figure in figures]
        return use_cases.make_dashboard(session, {"name": name, **values}, blocks, source="test").results[0].record_id or 0


def test_a_dashboard_is_made_shared_and_pinned_to_from_explore(shared_site: Site, complaints: list[str]) -> None:
    new_leads(shared_site, "ana", "Sahara", source="Fair")
    page = watched(shared_site.open("mona", "/dashboards"), complaints)
    page.get_by_role("button", name="What to look at this week").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Gulf, weekly")
    dialog.get_by_role("combobox", name="Who sees it").click()
    page.get_by_role("option", name="Team Gulf").click()
    dialog.get_by_role("button", name="Make dashboard").click()
    message(page, "“Gulf, weekly” is made.")
    page.get_by_text("Which leads wait?").wait_for()

    page.goto("/explore?measure=Leads&which=Open+leads&by=Source")
    page.get_by_role("button", name="Pin to a dashboard").click()
    page.get_by_role("dialog").get_by_label("Title").fill("Leads by source")
    page.get_by_role("dialog").get_by_role("button", name="Pin it").click()
    message(page, "stands on the dashboard “Gulf, weekly” now")
    assert titles(shared_site, "mona", "Gulf, weekly")[-1] == "Leads by source"

    found = dashboard(shared_site, "bruno", "Gulf, weekly")
    assert found is not None
    colleague = shared_site.open("bruno", f"/dashboards?dashboard={found.id}")
    colleague.get_by_role("heading", name="Leads by source").wait_for()
    assert colleague.get_by_role("button", name="Edit", exact=True).count() == 0
    assert dashboard(shared_site, "carla", "Gulf, weekly") is None


def test_a_colleagues_change_appears_while_the_page_stands_as_it_is(shared_site: Site, complaints: list[str]) -> None:
    (lead,) = new_leads(shared_site, "bruno", "Corniche", value={"amount": "1000", "currency": "USD"})
    number = made(shared_site, "mona", "Live", "wins.summary")
    page = watched(shared_site.open("mona", f"/dashboards?dashboard={number}&of_owner=Bruno"), complaints)
    page.get_by_text("Nothing was won or lost in this time.").first.wait_for()
    settle(page)
    page.evaluate("document.querySelector('.st-key-dashboards_bar').dataset.stood = 'yes'")
    change(shared_site, "bruno", lead, stage_id=shared_site.cast.stages["Gulf"]["Won"])
    tile(page, "Leads won").get_by_text("1", exact=True).wait_for()
    assert page.locator(".st-key-dashboards_bar[data-stood=yes]").count() == 1


@pytest.mark.parametrize("width", [390, 1440])
def test_putting_one_together_fits_the_screen(shared_site: Site, complaints: list[str], width: int) -> None:
    number = made(shared_site, "mona", f"At {width}", "forecast.summary", "pipeline.movement")
    page = watched(shared_site.open("mona", f"/dashboards?dashboard={number}", size={"width": width, "height": 900}), complaints)
    page.get_by_role("button", name="Edit", exact=True).click()
    page.get_by_role("button", name="Add a block").wait_for()
    settle(page)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth <= innerWidth")


def test_blocks_are_dragged_with_a_mouse_and_moved_with_keys(shared_site: Site, complaints: list[str]) -> None:
    number = made(shared_site, "mona", "In order", "wins.months", "wins.owners", "stale.leads")
    page = watched(shared_site.open("mona", f"/dashboards?dashboard={number}"), complaints)
    page.get_by_role("button", name="Edit", exact=True).click()
    grips = page.locator(".st-key-dashboards_blocks .tl-grip")
    grips.nth(2).wait_for()
    settle(page)
    grips.nth(2).drag_to(grips.nth(0), target_position={"x": 4, "y": 1})
    message(page, "stand in another order")
    assert titles(shared_site, "mona", "In order") == ["stale.leads", "wins.months", "wins.owners"]
    settle(page)
    for order in (["wins.months", "stale.leads", "wins.owners"], ["wins.months", "wins.owners", "stale.leads"]):  # the keys go on with the same block
        grips.nth(order.index("stale.leads") - 1).focus()
        page.keyboard.press("ArrowDown")
        wait_for(lambda order=order: titles(shared_site, "mona", "In order") == order, "the block to be moved by a key")
        settle(page)
