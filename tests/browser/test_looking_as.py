"""An admin looks at the app as a rep: a line on every page, nothing can be changed, and one press leads back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from crm.access import OPERATOR, acting_as
from crm.exports import making
from crm.people.use_cases import disable_person
from tests.browser.conftest import Site, wait_for
from tests.browser.parts import settle
from tests.browser.test_screenshots import look

LINE = "You see what Carla sees. Nothing can be changed."


def begin(site: Site) -> Any:
    page = site.open("alma", "/access?person=Carla")
    page.get_by_role("button", name="Look as Carla").click()
    page.get_by_text(LINE).wait_for()
    return page


def test_start_look_refusal_and_back(site: Site) -> None:
    page = begin(site)
    page.goto("/leads?view=Team")
    page.get_by_text(LINE).wait_for()
    page.get_by_text("of 1").first.wait_for()  # Nile Mart is all that Carla sees
    page.goto(f"/lead?id={site.cast.leads['Nile Mart']}")
    page.get_by_text("Nile Mart").first.wait_for()
    settle(page)
    look(page, "looking-as-lead")
    page.goto(f"/lead?id={site.cast.leads['Petra Supplies']}")
    page.get_by_text("no such lead").wait_for()
    page.goto("/account")
    page.get_by_text("This page is Carla's own").wait_for()
    page.get_by_text(LINE).wait_for()
    settle(page)
    look(page, "looking-as-account")
    page.get_by_role("button", name="Back to yourself").click()
    page.get_by_text(LINE).wait_for(state="detached")
    page.goto("/account")
    page.get_by_text("Where you are signed in").wait_for()
    kinds = [row["kind"] for row in site.db.rows("select kind from crm.audit_events where kind like 'view_as.%' order by id")]
    assert kinds == ["view_as.started", "view_as.ended"]


def test_another_open_tab_follows_and_disabling_brings_one_back(site: Site) -> None:
    page = begin(site)
    other = page.context.new_page()
    other.goto("/leads")
    other.get_by_text(LINE).wait_for()
    with acting_as(OPERATOR) as session:
        disable_person(session, site.cast.people["carla"], 1, source="test")
    for each in (page, other):
        each.get_by_text(LINE).wait_for(state="detached")
    page.get_by_role("button", name="Sign out").wait_for(state="attached")


def test_the_audit_is_fetched_as_a_file_by_pressing_export(site: Site) -> None:
    page = site.open("alma", "/audit")
    page.get_by_text("Signed in").first.wait_for()
    with page.expect_download() as fetched:
        page.get_by_role("button", name="Export").click()
        making.make(wait_for(lambda: site.db.value("select max(id) from crm.exports where state = 'waiting'"), "the export to wait"))
    assert fetched.value.suggested_filename == "audit.csv"
    assert b"Signed in" in Path(fetched.value.path()).read_bytes()
