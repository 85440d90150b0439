"""Explore in a browser: what is chosen is in the address, a number opens its leads, a click in the chart says what it stands for; pictures."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from crm.access import acting_as
from crm.changes import Edit, apply
from tests.browser import grid
from tests.browser.conftest import Site
from tests.browser.parts import days_ago, new_leads, settle
from tests.browser.test_screenshots import complaints, look, watched

__all__ = ["complaints"]
LONG = "An exhibition of fine food, drinks and hotel supplies with a name that goes on for longer than anybody would read aloud"


@pytest.fixture(scope="module")
def year(_shared: Site) -> None:
    """Leads of a year from many sources, some won, some lost; one source has a very long name."""
    stages = _shared.cast.stages["Gulf"]
    for number in range(30):
        source = LONG if number == 0 else f"Source {number:02}"
        money = {"amount": str(400 * (30 - number)), "currency": "USD"}
        owner = ("ana", "bruno")[number % 2]
        made = new_leads(
            _shared, owner, f"Lead {number} a", f"Lead {number} b", at=days_ago(12 * number + 1), value=money, source=source,
            stage_id=stages[("Lead", "Contacted", "Negotiation")[number % 3]],
        )  # fmt: skip
        end = Edit("lead", made[0], {"stage_id": stages["Won" if number % 3 else "Lost"]}, 1, effective_at=days_ago(12 * number))
        with acting_as(_shared.cast.who(owner)) as session:
            apply(session, [end], source="test", on_conflict="refuse")


def explored(site: Site, **asked: str) -> Any:
    page = site.open("mona", f"/explore?{urlencode(asked)}")
    page.locator(".tl-headline").wait_for()
    settle(page)
    return page


def test_a_number_opens_its_leads_in_the_grid(shared_site: Site, year: None) -> None:
    page = explored(shared_site, measure="Leads", which="Open leads", by="Source", split="Owner", chart="Table")
    page.locator(".tl-pivot tbody tr").filter(has_text="Source 03").locator("a").first.click()
    grid.wait_for_rows(page, "Lead 3 b")
    page.get_by_role("button", name="Source Source 03").wait_for()


def test_a_click_in_the_chart_says_what_it_stands_for(shared_site: Site, year: None) -> None:
    page = explored(shared_site, measure="Leads", which="Open leads", by="Owner")
    bars = page.locator(".st-key-report_block_explore .barlayer .point path")
    bars.first.wait_for()
    bars.first.click(force=True)
    page.get_by_role("link", name="Open what is behind Ana").click()
    page.get_by_role("button", name="Open leads").wait_for()
    assert "owner=Ana" in page.url


def test_what_is_chosen_is_in_the_address(shared_site: Site, year: None) -> None:
    page = explored(shared_site)
    page.get_by_role("combobox", name="Show").click()
    page.get_by_role("option", name="Win rate").click()
    page.get_by_text("that ended were won").wait_for()
    page.wait_for_url("**measure=Win+rate**")


PICTURES = {
    "explore-bars": {"measure": "Value", "which": "All leads", "by": "Source"},
    "explore-grouped": {"measure": "Leads", "which": "All leads", "by": "Stage", "split": "Owner"},
    "explore-stacked": {"measure": "Value", "which": "Leads that ended", "by": "Month of close", "split": "Kind of stage", "chart": "Stacked"},
    "explore-lines": {"measure": "Win rate", "by": "Month of close", "split": "Owner", "chart": "Lines"},
    "explore-months": {"measure": "Leads", "which": "Leads that began", "by": "Month of creation", "split": "Source", "chart": "Stacked"},
    "explore-table": {"measure": "Value", "which": "All leads", "by": "Source", "split": "Stage", "chart": "Table"},
    "explore-wide": {"measure": "Leads", "which": "Leads that began", "by": "Owner", "split": "Source", "chart": "Table"},
    "explore-one": {"measure": "Days to close", "which": "Leads that were won", "by": "Team"},
    "explore-revenue": {"measure": "Revenue"},
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures(shared_site: Site, year: None, complaints: list[str], name: str) -> None:
    page = watched(explored(shared_site, **PICTURES[name]), complaints)
    look(page, name)
