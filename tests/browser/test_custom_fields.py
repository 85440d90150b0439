"""Pictures of custom fields where they are shaped and worked with; nothing sticks out, the console stays quiet."""

from __future__ import annotations

from typing import Any

import pytest

from crm.access import acting_as
from crm.changes import Edit, apply
from tests.browser.conftest import Site
from tests.browser.parts import settle
from tests.browser.pictures import picture
from tests.browser.test_screenshots import complaints, look, watched

__all__ = ["complaints"]
FIELDS: tuple[dict[str, Any], ...] = (
    {"label": "Tier", "kind": "choice", "options": ["Gold", "Silver", "Bronze"], "is_required": True, "help": "How much they buy in a year"},
    {"label": "Buyer", "kind": "person"}, {"label": "Customer since", "kind": "date"}, {"label": "Credit limit", "kind": "money"},
    {"label": "Interested in", "kind": "choices", "options": ["Tea", "Coffee", "Oil", "Rice"]}, {"label": "Web shop", "kind": "link"},
    {"label": "Own trucks", "kind": "flag"},
)  # fmt: skip
VALUES = {
    "tier": "Gold", "buyer": "Bruno", "customer_since": "2021-03-01", "credit_limit": "AED 25000", "interested_in": ["Tea", "Oil"],
    "web_shop": "delta.example", "own_trucks": True, "size": 1250, "color": "green",
}  # fmt: skip


@pytest.fixture(scope="module")
def shaped(_shared: Site) -> Site:
    with acting_as(_shared.cast.who("alma")) as session:
        fields = [{"record_type": "lead", "team_id": _shared.cast.teams["Gulf"], **field} for field in FIELDS]
        apply(session, [Edit("custom_field", None, field) for field in fields], source="test", on_conflict="refuse")
    with acting_as(_shared.cast.who("ana")) as session:
        edit = Edit("lead", _shared.cast.leads["Delta Foods"], {f"custom.{key}": value for key, value in VALUES.items()}, 1)
        apply(session, [edit], source="test", on_conflict="refuse")
    return _shared


def test_the_page_that_shapes_them(shaped: Site, shared_site: Site, complaints: list[str]) -> None:
    page = watched(shared_site.open("mona", "/fields"), complaints)
    page.get_by_test_id("stMain").get_by_text("From every team").wait_for()
    settle(page)
    look(page, "fields")
    page.goto("/fields?on=Contacts")
    page.get_by_text("No fields here yet.").wait_for()
    settle(page)
    look(page, "fields-none")


def test_where_people_work_with_them(shaped: Site, shared_site: Site, complaints: list[str]) -> None:
    page = watched(shared_site.open("ana", f"/lead?id={shared_site.cast.leads['Delta Foods']}"), complaints)
    page.get_by_test_id("stMain").get_by_label("Credit limit").wait_for()
    settle(page)
    look(page, "lead-fields")
    columns = ("Lead", "Tier", "Buyer", "Customer+since", "Credit+limit", "Interested+in", "Own+trucks", "Size")
    page.goto("/leads?view=Team&" + "&".join(f"columns={name}" for name in columns))
    page.get_by_test_id("stMain").get_by_text("of 3").first.wait_for()
    settle(page)
    look(page, "leads-fields")
    page.get_by_role("button", name="Fields").click()
    page.get_by_text("Size from").wait_for()
    settle(page)
    picture(page, "leads-fields-filter")
