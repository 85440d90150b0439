"""Reports in a browser: a click in a chart narrows the others, the slider goes to a past day, a number opens its leads, a file comes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from crm import clock
from crm.exports import making
from tests.browser import grid
from tests.browser.conftest import Site, wait_for
from tests.browser.parts import change, new_leads, settle


@pytest.fixture(scope="module")
def ended(_shared: Site) -> None:
    """Ana wins two of three leads, Bruno one of two."""
    stages = _shared.cast.stages["Gulf"]
    for owner, names in (("ana", ("Sahara", "Corniche", "Harbour")), ("bruno", ("Oasis", "Silver"))):
        leads = new_leads(_shared, owner, *names, value={"amount": "1000", "currency": "USD"}, source="Fair")
        for lead in leads[:-1]:
            change(_shared, owner, lead, stage_id=stages["Won"])
        change(_shared, owner, leads[-1], stage_id=stages["Lost"], lost_reason="Price")


def tile(page: Any, label: str) -> Any:
    return page.get_by_test_id("stMetric").filter(has_text=label)


def test_a_click_in_a_chart_narrows_the_others_until_all_are_asked_for(shared_site: Site, ended: None) -> None:
    page = shared_site.open("mona", "/win-loss")
    tile(page, "Leads won").get_by_text("3", exact=True).wait_for()
    bars = page.locator(".st-key-report_block_win_owners .barlayer .point path")
    bars.first.wait_for()
    settle(page)
    bars.first.click(force=True)
    page.get_by_text("Owner: Ana").wait_for()
    tile(page, "Leads won").get_by_text("2", exact=True).wait_for()
    assert page.locator(".st-key-report_block_win_owners").get_by_role("link", name="Bruno").count() == 1
    page.get_by_role("button", name="Show all").click()
    tile(page, "Leads won").get_by_text("3", exact=True).wait_for()


def test_a_click_on_a_month_narrows_the_page_to_it_and_its_numbers_open_what_ended_then(shared_site: Site, ended: None) -> None:
    page = shared_site.open("mona", "/win-loss")
    bars = page.locator(".st-key-report_block_win_months .barlayer .point path:visible")
    bars.first.wait_for()
    settle(page)
    bars.first.click(force=True)
    today = clock.today("UTC")
    page.get_by_text(f"Month: {today:%b %Y}").wait_for()
    settle(page)
    page.locator(".st-key-report_block_win_owners").get_by_role("link", name="Bruno").click()
    grid.wait_for_rows(page, "Oasis", "Silver")
    assert f"entered={today.replace(day=1)}..{today}" in page.url


def test_what_is_clicked_can_be_sent_and_gone_back_from(shared_site: Site, ended: None) -> None:
    page = shared_site.open("mona", "/win-loss")
    bars = page.locator(".st-key-report_block_win_reasons .barlayer .point path:visible")
    bars.first.wait_for()
    settle(page)
    bars.first.click(force=True)
    page.get_by_text("Reason of loss: Price").wait_for()
    page.get_by_role("heading", name="Lost for “Price”, by owner").wait_for()
    assert page.url.endswith("only_reasons=Price")
    colleague = shared_site.open("mona", page.url.partition(shared_site.url)[2])
    colleague.get_by_text("Reason of loss: Price").wait_for()
    settle(page)
    page.go_back()
    page.get_by_text("Click a bar, and the other charts show only what it stands for.").wait_for()
    assert "only_reasons" not in page.url
    page.get_by_role("heading", name="Who wins?").wait_for()


def test_a_number_opens_its_leads_in_the_grid(shared_site: Site, ended: None) -> None:
    page = shared_site.open("mona", "/win-loss")
    page.locator(".st-key-report_block_win_owners").get_by_role("link", name="Bruno").click()
    grid.wait_for_rows(page, "Oasis", "Silver")
    page.get_by_role("button", name="Ended leads").wait_for()
    assert "kind=ended" in page.url and "owner=Bruno" in page.url


def test_the_slider_goes_to_a_past_day_that_can_be_sent(shared_site: Site, ended: None) -> None:
    page = shared_site.open("mona", "/win-loss")
    tile(page, "Leads won").wait_for()
    settle(page)
    page.locator(".st-key-past_day").get_by_role("slider").press("ArrowLeft")
    yesterday = clock.today("UTC") - timedelta(days=1)
    page.wait_for_url(f"**as_of={yesterday}**")
    page.get_by_text("Nothing was won or lost in this time.").first.wait_for()
    other = shared_site.open("mona", f"/win-loss?as_of={yesterday}")
    other.get_by_text("Nothing was won or lost in this time.").first.wait_for()


def test_a_report_leaves_as_a_spreadsheet(shared_site: Site, ended: None, tmp_path: Path) -> None:
    page = shared_site.open("mona", "/win-loss")
    tile(page, "Leads won").wait_for()
    settle(page)
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Excel").first.click()
        making.make(wait_for(lambda: shared_site.db.value("select max(id) from crm.exports where state = 'waiting'"), "the export to wait"))
    file = tmp_path / "report.xlsx"
    download.value.save_as(file)
    assert download.value.suggested_filename.startswith("win_rate-")
    head, *rows = CalamineWorkbook.from_path(str(file)).get_sheet_by_name("Report").to_python()
    assert [dict(zip(head, row, strict=True))["won"] for row in rows] == [3]
