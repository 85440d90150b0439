"""A real server on a loopback port, against this test's own database, and people with browsers of their own.

    def test_x(site, sign_in):
        page = sign_in("ana", "/leads")     # a Playwright page, signed in, in a browser context of ana's own

`site.open("ana", "/leads")` spares the form; `site.start()` starts a stopped server again; `site.visit("/leads")` is a
stranger's page, not signed in. `shared_site` is one server for a whole file. Pages come from tabs that were used before (tests/browser/seats.py);
`site.context()` is a browser that nobody has used.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from crm.access import as_system, passwords, sessions
from crm.access.sign_in import set_password_hash
from tests.browser.forking import Nursery
from tests.browser.seats import Seats
from tests.cast import PASSWORD
from tests.conftest import clone, point_to

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "tests" / "screenshots"
PATIENCE_SECONDS = 180
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def find_chromium() -> str | None:
    """CRM_CHROMIUM, or one on the PATH."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    return os.environ.get("CRM_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def seats() -> Iterator[Seats]:
    executable = find_chromium()
    if not executable:
        pytest.skip("No Chromium found: install one or name it in CRM_CHROMIUM to run the browser tests.")
    made = Seats(executable, PATIENCE_SECONDS)
    yield made
    made.close()


def free_port() -> int:
    """Below those that a system gives to outgoing connections, so that none of them has taken it when a server starts."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@dataclass(frozen=True)
class Ports:
    """Where this worker's servers listen, one after the other: an address that the browser knows is drawn sooner."""

    own: int = field(default_factory=free_port)
    shared: int = field(default_factory=free_port)


@pytest.fixture(scope="session")
def ports() -> Ports:
    return Ports()


@dataclass
class Site:
    """The running app of one test."""

    port: int
    db: Any
    cast: Any
    seats: Seats
    folder: Path
    nursery: Nursery
    environment: dict[str, str] = field(default_factory=dict)
    process: psutil.Process | None = None
    pages: list[Any] = field(default_factory=list)
    contexts: list[Any] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def start(self, *, from_nothing: bool = False) -> None:
        """`from_nothing`: by the very command, which then imports all that it needs for itself."""
        log = self.folder / "serve.log"
        if from_nothing:
            command = [sys.executable, "-m", "crm", "serve", "--no-worker"]
            with log.open("ab") as out:
                self.process = psutil.Popen(command, cwd=ROOT, env=self._environment(), stdout=out, stderr=out)
        else:
            self.process = self.nursery.start(self._environment(), log)
        wait_for(self._answers, "the server to answer")

    def close_pages(self) -> None:
        while self.contexts:
            self.contexts.pop().close()
        while self.pages:
            self.seats.give_back(self.pages.pop())

    def stop(self) -> None:
        if self.process and self.process.is_running():
            self.process.terminate()
            self.process.wait(PATIENCE_SECONDS)

    def log(self) -> str:
        return (self.folder / "serve.log").read_text()

    def context(self) -> Any:
        """A browser without cookies, that nobody has used and nobody will use again."""
        made = self.seats.context(self.url, viewport=DESKTOP)
        self.contexts.append(made)
        return made

    def page(self, *, size: dict[str, int] = DESKTOP, scheme: str = "light") -> Any:
        """A page that shows nothing yet, in a browser without cookies."""
        page = self.seats.take(self.url)
        self.pages.append(page)
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        return page

    def visit(self, path: str = "/", **options: Any) -> Any:
        """A stranger's page."""
        page = self.page(**options)
        page.goto(path)
        return page

    def sign_in(self, who: str, path: str = "/", *, password: str = PASSWORD, **options: Any) -> Any:
        """A page of somebody of the cast, signed in through the form, in a context of their own."""
        page = self.visit(path, **options)
        fill_in(page, f"{who}@demo.example", password)
        page.get_by_role("button", name="Sign out").wait_for(state="attached")
        return page

    def open(self, who: str | int, path: str = "/", **options: Any) -> Any:
        """The same without the form: a page with the cookie of a session that is begun for them. `who` may be somebody's id."""
        person_id = self.cast.people[who] if isinstance(who, str) else who
        with as_system() as session:
            token = sessions.start(session, person_id, address="127.0.0.1", device="Chromium")
        page = self.page(**options)
        page.context.add_cookies([{"name": f"throughline_{self.port}", "value": token, "url": self.url, "httpOnly": True, "sameSite": "Lax"}])
        page.goto(path)
        page.get_by_role("button", name="Sign out").wait_for(state="attached")
        return page

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.is_running() and self.process.status() != psutil.STATUS_ZOMBIE, f"The server stopped:\n{self.log()}"
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "CRM_PORT": str(self.port), "CRM_HOST": "127.0.0.1", "CRM_DATA_DIR": str(self.folder), **self.environment}


def fill_in(page: Any, email: str, password: str) -> None:
    """Send the sign-in form."""
    page.get_by_label("Mail", exact=True).fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def wait_for(condition: Callable[[], Any], what: str, *, seconds: float = PATIENCE_SECONDS) -> Any:
    """The first true answer of `condition`, asked again and again; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"Waited {seconds} seconds for {what}.")


@pytest.fixture(scope="session")
def password_hash() -> str:
    return passwords.hashed(PASSWORD)


@pytest.fixture(scope="session")
def nursery(environment: None) -> Iterator[Nursery]:
    made = Nursery(ROOT)
    yield made
    made.close()


@dataclass(frozen=True)
class House:
    """What every server of this worker needs."""

    seats: Seats
    nursery: Nursery
    ports: Ports
    password_hash: str


@pytest.fixture(scope="session")
def house(seats: Seats, nursery: Nursery, ports: Ports, password_hash: str) -> House:
    return House(seats, nursery, ports, password_hash)


@contextmanager
def served(house: House, port: int, database: Any, cast: Any, folder: Path) -> Iterator[Site]:
    """The app over this database; each one's password is `throughline-demo`."""
    with as_system() as session:
        for person_id in cast.people.values():
            set_password_hash(session, person_id, house.password_hash)
    made = Site(port, database, cast, house.seats, folder, house.nursery)
    made.start()
    try:
        yield made
    finally:
        made.close_pages()
        made.stop()


@pytest.fixture
def site(house: House, db: Any, cast: Any, tmp_path: Path) -> Iterator[Site]:
    """The app of one test's own, served, with the cast in it."""
    with served(house, house.ports.own, db, cast, tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def _shared(house: House, server: Any, template: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("served")
    with clone(server) as database, served(house, house.ports.shared, database, template, folder) as made:
        yield made


@pytest.fixture
def shared_site(_shared: Site) -> Iterator[Site]:
    """One app for the tests of a file: quicker, where each changes people or records of its own. Never together with `db`."""
    point_to(_shared.db.url)  # a test with a database of its own may have come in between
    yield _shared
    _shared.close_pages()


@pytest.fixture
def sign_in(site: Site) -> Callable[..., Any]:
    """`sign_in("ana", "/leads")`: ana's page, in a browser context of her own."""
    return site.sign_in
