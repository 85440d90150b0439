"""What one rep waits for in a browser: between Leads and Board, a lead, a reload, a drag. Headless Chromium, on this same machine."""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from crm.access import as_system, sessions
from crm.bench.ground import Ground
from crm.bench.measure import Figure, percentile
from crm.bench.serving import Served

RUNS = 12
SIZE = {"width": 1440, "height": 900}
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"]
CARD = ".card[data-lead]"
GRID = "[data-testid=stDataFrame] canvas"
IS_STILL = "() => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'"
IS_SEEN = """selector => {
  const hosts = [...document.querySelectorAll('[data-testid=stBidiComponentIsolated], [data-testid=stBidiComponentIsolated] *')]
  const found = [document, ...hosts.map(host => host.shadowRoot)].flatMap(root => root ? [...root.querySelectorAll(selector)] : [])
  return found.some(element => element.getClientRects().length)
}"""
"""Asked in each frame of the page itself: Playwright's own waiting looks again only after half a second."""


def measure(ground: Ground, served: Served) -> Iterator[Figure]:
    with _page(ground, served) as page:
        page.goto(f"{served.origin}/leads")
        there, back = _switches(page)
        yield _figure("from Leads to Board", there, 0.6)
        yield _figure("from Board to Leads", back, 0.4)
        page.goto(f"{served.origin}/board")
        page.locator(CARD).first.wait_for()
        yield _figure("open a lead beside the board", _opened(page), 0.3)
        yield _figure("drag to confirmed", _dragged(page), 0.4)
        yield _figure("reload Board", _times(page, page.reload, lambda: _see(page, CARD)), 1.2)


@contextmanager
def _page(ground: Ground, served: Served) -> Iterator[Any]:
    """A page of a manager's, signed in."""
    from playwright.sync_api import sync_playwright

    executable = os.environ.get("CRM_CHROMIUM") or shutil.which("chromium")
    with as_system() as session:
        token = sessions.start(session, ground.people["team"].id, address="127.0.0.1", device="bench")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        context = browser.new_context(viewport=SIZE)  # type: ignore[arg-type]
        context.add_cookies([{"name": f"throughline_{served.port}", "value": token, "url": served.origin, "httpOnly": True, "sameSite": "Lax"}])
        yield context.new_page()
        browser.close()


def _figure(work: str, taken: list[float], bar: float) -> Figure:
    return Figure("browser", work, "s", statistics.median(taken), percentile(taken, 0.95), bar)


def _times(page: Any, act: Callable[[], object], is_there: Callable[[], object]) -> list[float]:
    """Seconds from the act until what it is for is on the screen; the first, which loads everything, is not counted."""
    taken = []
    for _ in range(RUNS + 1):
        _rest(page)
        started = time.perf_counter()
        act()
        is_there()
        taken.append(time.perf_counter() - started)
    return taken[1:]


def _see(page: Any, selector: str) -> None:
    """Until something of that is drawn, also inside the board's own root."""
    page.wait_for_function(IS_SEEN, arg=selector, polling="raf")


def _rest(page: Any) -> None:
    page.wait_for_function(IS_STILL)
    page.wait_for_timeout(400)


def _switches(page: Any) -> tuple[list[float], list[float]]:
    there, back = list[float](), list[float]()
    for _ in range(RUNS + 1):
        for link, shown, taken in (("Board", CARD, there), ("Leads", GRID, back)):
            _see(page, GRID if link == "Board" else CARD)
            _rest(page)
            menu = page.get_by_test_id("stSidebarNav").get_by_role("link", name=link, exact=True)
            started = time.perf_counter()
            menu.evaluate("link => link.click()")
            _see(page, shown)
            taken.append(time.perf_counter() - started)
    return there[1:], back[1:]


def _opened(page: Any) -> list[float]:
    """Another card each time, until the panel names its lead."""
    taken = []
    for number in range(RUNS + 1):
        _rest(page)
        card = page.locator(CARD).nth(number)
        lead = card.get_attribute("data-lead")
        started = time.perf_counter()
        card.evaluate("card => card.click()")
        _see(page, f".st-key-board_lead a[href*='id={lead}']")
        _see(page, ".st-key-board_lead .tl-entry")
        taken.append(time.perf_counter() - started)
    page.locator(".st-key-board-close button").first.click()
    return taken[1:]


def _dragged(page: Any) -> list[float]:
    """From letting go of a card until it stands in the next column, confirmed."""
    taken: list[float] = []
    columns = page.locator(".column[data-stage]")
    for turn in range(RUNS + 1):
        _rest(page)
        source, target = (columns.nth(0), columns.nth(1)) if turn % 2 == 0 else (columns.nth(1), columns.nth(0))
        card = source.locator(CARD).first
        lead = card.get_attribute("data-lead")
        place, stage = target.bounding_box() or {}, target.get_attribute("data-stage")
        card.hover()
        page.mouse.down()
        page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2, steps=5)
        started = time.perf_counter()
        page.mouse.up()
        _see(page, f".column[data-stage='{stage}'] .card[data-lead='{lead}']:not(.pending)")
        taken.append(time.perf_counter() - started)
    return taken[1:]
