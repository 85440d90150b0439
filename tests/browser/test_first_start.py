"""The very first start without a demo, and what the first visit costs."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.browser.conftest import Site, fill_in, wait_for
from tests.cast import PASSWORD

ONE_MEGABYTE = 1024 * 1024


def test_an_empty_installation_prints_a_link_that_makes_the_first_admin_once(site: Site) -> None:
    with site.db.owner().begin() as owner:
        owner.exec_driver_sql("truncate crm.people cascade")
    site.stop()
    site.start(from_nothing=True)
    link = wait_for(lambda: re.search(r"/\?setup=\S+", site.log()), "the set-up link")[0]
    page = site.visit(link)
    page.get_by_label("Your name").fill("Olga")
    page.get_by_label("Your mail address").fill("Olga@Example.org")
    page.get_by_label("Password", exact=True).fill("three blind mice")
    page.get_by_label("Password again").fill("three blind mice")
    page.get_by_role("button", name="Create admin").click()
    page.get_by_role("link", name="People").wait_for(state="attached")
    assert page.url == f"{site.url}/"
    site.visit(link).get_by_text("no longer works").wait_for()
    again = site.visit()
    fill_in(again, "olga@example.org", "three blind mice")
    again.get_by_role("button", name="Sign out").wait_for(state="attached")


def test_a_first_visit_stays_under_a_megabyte_and_asks_nobody_else(shared_site: Site) -> None:
    page = shared_site.context().new_page()
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    bytes_by_request: dict[str, float] = {}
    asked: list[str] = []
    session.on("Network.loadingFinished", lambda event: bytes_by_request.update({event["requestId"]: event["encodedDataLength"]}))
    session.on("Network.requestWillBeSent", lambda event: asked.append(event["request"]["url"]))
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto("/leads")
    fill_in(page, "ana@demo.example", PASSWORD)
    page.get_by_role("button", name="Sign out").wait_for(state="attached")
    page.get_by_role("heading", name="Leads").wait_for()
    page.wait_for_load_state("networkidle")
    assert sum(bytes_by_request.values()) < ONE_MEGABYTE
    assert {urlsplit(url).netloc for url in asked if url.startswith("http")} == {f"localhost:{shared_site.port}"}
    assert complaints == []


def test_every_path_of_a_page_answers_with_our_first_page(shared_site: Site) -> None:
    from crm.ui.navigation import PAGES

    for entry in PAGES:
        answer = httpx.get(f"{shared_site.url}/{entry.url}")
        assert answer.status_code == 200 and "<title>Throughline</title>" in answer.text
        assert 'rel="preload"' not in answer.text


def test_the_icons_in_use_are_in_the_icon_font() -> None:
    """A page whose icon is not in the font would show the icon's name instead."""
    root = Path(__file__).resolve().parents[2]
    have = set((root / "crm" / "web" / "icons.txt").read_text().split())
    sources = [*(root / "crm").rglob("*.py"), *(root / "pages").glob("*.py")]
    used = {name for file in sources for name in re.findall(r":material/(\w+):", file.read_text())}
    assert used and used <= have
