"""On a phone the list comes first: filters wait behind one label. On a desk they are all in sight, and there is no label."""

from __future__ import annotations

import pytest

from tests.browser.conftest import DESKTOP, PHONE, Site
from tests.browser.parts import settle

FOLDED = {"/leads": ".st-key-leads_filters", "/board": ".st-key-whose", "/customers": ".st-key-customers_filters"}


@pytest.mark.parametrize("path", FOLDED)
def test_filters_wait_behind_one_label_on_a_phone(shared_site: Site, path: str) -> None:
    page = shared_site.open("ana", path, size=PHONE)
    label, filters, search = page.get_by_text("Filters", exact=False), page.locator(FOLDED[path]), page.locator(".st-key-q")
    label.wait_for()
    settle(page)
    assert search.is_visible() and not filters.is_visible()
    assert label.bounding_box()["y"] < search.bounding_box()["y"] + search.bounding_box()["height"]
    label.click()
    filters.wait_for(state="visible")
    settle(page)
    assert filters.is_visible()
    page.set_viewport_size(DESKTOP)
    label.wait_for(state="hidden")
    assert filters.is_visible()


def test_the_label_is_reached_and_pressed_by_keys(shared_site: Site) -> None:
    page = shared_site.open("ana", "/leads", size=PHONE)
    page.get_by_role("checkbox", name="Filters").focus()
    page.keyboard.press("Space")
    page.locator(FOLDED["/leads"]).wait_for(state="visible")
