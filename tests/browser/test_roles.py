"""A role is narrowed in the grid: kept as a draft over a reload, previewed in numbers, and it holds on a colleague's open page by itself."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import Site, wait_for
from tests.browser.grid import names
from tests.browser.parts import settle
from tests.browser.pictures import picture

HEADER, ROW, NAMES_WIDTH = 37, 35, 92


def grants(page: Any) -> Any:
    """Where the grid of grants stands: the left one of two canvases that are drawn in their own time."""

    def both() -> Any:
        boxes = [found.bounding_box() for found in page.locator(".st-key-roles_work [data-testid=data-grid-canvas]").all()]
        return min((box for box in boxes if box), key=lambda box: box["x"]) if len(boxes) == 2 else None

    return wait_for(both, "both grids")


def choose(page: Any, row: int, scope: str) -> None:
    """Another scope in the row's first column, `view`."""
    box = grants(page)
    page.mouse.click(box["x"] + NAMES_WIDTH + 30, box["y"] + HEADER + ROW * row + ROW / 2)
    page.wait_for_timeout(300)
    page.keyboard.press("Enter")
    page.locator("#portal input").first.wait_for()
    page.keyboard.type(scope)
    page.wait_for_timeout(300)
    page.keyboard.press("Enter")


def test_a_narrowed_role_is_a_draft_first_and_then_holds_on_open_pages(site: Site) -> None:
    ana = site.open("ana", "/leads?view=Team")
    wait_for(lambda: "Petra Supplies" in names(ana), "the team's leads")
    alma = site.open("alma", "/roles")
    alma.get_by_text("What it may do").first.wait_for()
    settle(alma)
    choose(alma, 0, "own")
    alma.get_by_text("draft, 1 change").wait_for()
    alma.reload()
    alma.get_by_text("draft, 1 change").wait_for()
    settle(alma)
    alma.get_by_role("button", name="Preview").click()
    alma.get_by_text("2 people lose sight of 3 leads.").wait_for()
    settle(alma)
    picture(alma, "roles-preview-1440-light")
    assert "Petra Supplies" in names(ana)
    alma.locator(".st-key-roles-apply button").click()
    alma.locator(".st-key-message", has_text="The role “rep” is changed").wait_for()
    wait_for(lambda: set(names(ana)) == {"Al Noor Trading", "Delta Foods"}, "ana's page to show her own leads only")
