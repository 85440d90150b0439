"""Tabs of one browser that tests sit down at one after another. Who comes next finds the app's scripts compiled, which is most of the work of a
page, and nothing of who was there before: no cookie, nothing stored, nothing permitted, no other tab.

Playwright keeps an event loop running in this thread while it is open, and other tests run loops of their own: tests/conftest.py closes it before them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu-rasterization",
]
RUNS = Path(__file__).with_name("runs.js")
PARKED = "/favicon.png"
"""Of the same address, so that the tab keeps what it compiled; it runs no script and asks for nothing."""
_opened: list[Seats] = []


class Seats:
    """A browser that starts when the first page is asked for; `patience_seconds` is what anything in it may take."""

    def __init__(self, executable: str, patience_seconds: float) -> None:
        self._executable, self._patience = executable, patience_seconds * 1000
        self._playwright: Any = None
        self._browser: Any = None
        self._free: dict[str, list[Any]] = {}

    def context(self, url: str, **options: Any) -> Any:
        """A browser of somebody's own, without cookies, whose pages are of that address."""
        made = self._started().new_context(base_url=url, **options)
        made.set_default_timeout(self._patience)
        made.add_init_script(path=RUNS)
        return made

    def take(self, url: str) -> Any:
        """A page nobody sits at."""
        free = self._free.setdefault(url, [])
        return free.pop() if free else self.context(url).new_page()

    def give_back(self, page: Any) -> None:
        """Whoever sat there has left; a page that cannot be cleared is closed for good."""
        from playwright.sync_api import Error

        context = page.context
        try:
            for other in context.pages:
                if other is not page:
                    other.close()
            page.mouse.move(1, 1)
            page.goto(PARKED)
            page.evaluate("() => { localStorage.clear(); sessionStorage.clear() }")
            context.clear_cookies()
            context.clear_permissions()
        except Error:
            context.close()
        else:
            self._free[_address(page)].append(page)

    def close(self) -> None:
        if self._playwright:
            self._browser.close()
            self._playwright.stop()
            self._playwright, self._browser = None, None
            self._free.clear()
            _opened.remove(self)

    def _started(self) -> Any:
        if not self._playwright:
            from playwright.sync_api import sync_playwright

            self._playwright = sync_playwright().start()
            self._browser = self._playwright.chromium.launch(executable_path=self._executable, args=ARGUMENTS)
            _opened.append(self)
        return self._browser


def _address(page: Any) -> str:
    return str(page.url).removesuffix(PARKED)


def close_all() -> None:
    """Before a test that runs an event loop of its own."""
    for seats in list(_opened):
        seats.close()
