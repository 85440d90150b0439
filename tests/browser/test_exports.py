"""Files in a browser: they come by themselves while one goes on; charts as pictures, by the worker and by the browser itself."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any

from crm.exports import making
from tests.browser import grid
from tests.browser.conftest import Site, wait_for
from tests.browser.parts import settle
from tests.browser.test_reports import ended, tile

__all__ = ["ended"]


def make(site: Site, state: str = "waiting") -> None:
    """What the worker would do."""
    making.make(wait_for(lambda: site.db.value("select max(id) from crm.exports where state = :s", s=state), "an export to wait"))


def open_menu(page: Any) -> None:
    tile(page, "Leads won").wait_for()
    settle(page)
    page.get_by_role("button", name="Export").click()


def waiting(page: Any) -> None:
    """The file is in line, however long the page took to say so."""
    page.locator(".st-key-files_tray").get_by_text(re.compile("Is about to be made|In line")).wait_for()


def test_a_file_comes_while_one_goes_on_elsewhere(shared_site: Site, ended: None, tmp_path: Path) -> None:
    page = shared_site.open("mona", "/win-loss")
    open_menu(page)
    page.get_by_role("button", name="CSV").first.click()
    waiting(page)
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Leads", exact=True).first.click()
    page.wait_for_url("**/leads**")
    with page.expect_download() as download:
        make(shared_site)
    assert download.value.suggested_filename.startswith("win_rate-")
    assert Path(download.value.path()).read_text().startswith("group_id,")
    page.locator(".st-key-files_tray").get_by_text("Went to your downloads").wait_for()
    assert shared_site.db.value("select count(*) from crm.exports where state = 'fetched'") == 1
    page.locator(".st-key-files_tray").get_by_role("button").click()
    page.locator(".st-key-files_tray").wait_for(state="detached")


def test_a_file_comes_also_after_the_page_was_loaded_anew(shared_site: Site, ended: None) -> None:
    page = shared_site.open("mona", "/win-loss")
    open_menu(page)
    page.get_by_role("button", name="CSV").first.click()
    waiting(page)
    page.reload()
    waiting(page)
    with page.expect_download() as download:
        make(shared_site)
    assert download.value.suggested_filename.startswith("win_rate-")


def test_on_leads_a_file_comes_beside_a_cell_that_is_typed_also_after_a_reload(shared_site: Site, ended: None) -> None:
    page = shared_site.open("mona", "/win-loss")
    open_menu(page)
    page.get_by_role("button", name="CSV").first.click()
    tray = page.locator(".st-key-files_tray")
    waiting(page)
    page.goto("/leads?view=Team")
    grid.wait_for_rows(page, "Sahara", "Oasis")
    waiting(page)
    grid.type_over(page, "Oasis", "next_step", "send samples")
    grid.bar(page, "1 cell in 1 row changed, not saved")
    with page.expect_download():
        make(shared_site)
    tray.get_by_text("Went to your downloads").wait_for()
    settle(page)
    assert tray.get_by_text("Went to your downloads").is_visible()
    grid.bar(page, "1 cell in 1 row changed, not saved")


def test_a_file_that_was_made_meanwhile_comes_when_leads_are_opened(shared_site: Site, ended: None) -> None:
    page = shared_site.open("mona", "/win-loss")
    open_menu(page)
    page.get_by_role("button", name="CSV").first.click()
    tray = page.locator(".st-key-files_tray")
    waiting(page)
    page.goto("about:blank")
    make(shared_site)
    with page.expect_download():
        page.goto("/leads?view=Team")
    grid.wait_for_rows(page, "Sahara", "Oasis")
    tray.get_by_text("Went to your downloads").wait_for()


def test_a_chart_comes_as_a_picture(shared_site: Site, ended: None, tmp_path: Path) -> None:
    page = shared_site.open("mona", "/win-loss")
    open_menu(page)
    with page.expect_download() as download:
        page.locator(".st-key-report_chart_1").get_by_role("button", name="Picture").click()
        make(shared_site)
    file = tmp_path / "chart.png"
    download.value.save_as(file)
    assert download.value.suggested_filename.startswith("win_rate-")
    content = file.read_bytes()
    assert content.startswith(b"\x89PNG") and struct.unpack(">I", content[16:20])[0] == 1920
