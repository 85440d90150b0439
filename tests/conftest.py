"""One Postgres for the whole run; a template database with the cast, cloned for each test that asks for `db`."""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import shutil
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import pytest
from filelock import FileLock
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from sqlalchemy import URL, Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

INSTALLATION = "throughline_test"
TEMPLATE = "throughline_test_template"
Made = TypeVar("Made")
IN_MEMORY = "THROUGHLINE_TESTS_IN_MEMORY"
PICTURES = "THROUGHLINE_TESTS_PICTURES"
ROOM_IN_MEMORY = 4 * 2**30
SECRET = "test-secret-key-of-more-than-thirty-two-characters"

# A law holds or does not, however long the machine took over an example.
hypothesis_settings.register_profile("throughline", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("throughline")


@pytest.fixture(scope="session", autouse=True)
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads the developer's own settings."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("CRM_") and name not in ("CRM_CHROMIUM", "CRM_TEST_POSTGRES")}
    kept.update({name: os.environ.pop(name) for name in ("DATABASE_URL", "REPORTS_DATABASE_URL") if name in os.environ})
    os.environ.update(CRM_SECRET_KEY=SECRET, CRM_INSTALLATION=INSTALLATION, CRM_DEMO="0", CRM_DATA_DIR=str(tmp_path_factory.mktemp("data")))
    yield
    os.environ.update(kept)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", action="store_true", help="browser tests leave pictures to look at in tests/screenshots/")


def pytest_xdist_auto_num_workers() -> int:
    """Browser tests wait for a good part of their time; one worker more uses it."""
    return (os.cpu_count() or 1) + 1


def pytest_configure(config: pytest.Config) -> None:
    """The run's Postgres lives in memory where there is room: each test copies a database of three hundred files."""
    if config.getoption("pictures"):
        os.environ[PICTURES] = "1"
    memory = Path("/dev/shm")
    if hasattr(config, "workerinput") or not memory.is_dir() or shutil.disk_usage(memory).free < ROOM_IN_MEMORY:
        return
    folder = tempfile.mkdtemp(prefix="throughline-tests-", dir=memory)
    os.environ[IN_MEMORY] = folder
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # registered first, so it runs after the server has stopped


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A browser outlives its file, but not the browser tests (tests/browser/seats.py)."""
    seats = sys.modules.get("tests.browser.seats")
    if seats and not item.path.is_relative_to(Path(__file__).parent / "browser"):
        seats.close_all()


def _shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@dataclass(frozen=True)
class Server:
    """The test run's Postgres: URL of its owner, for any database name."""

    owner_url: str
    folder: Path

    def url(self, database: str) -> str:
        return make_url(self.owner_url).set(database=database).render_as_string(hide_password=False)

    def run(self, *statements: str, database: str = "throughline") -> None:
        with _own_connection(self.url(database)).connect() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def drop(self, database: str) -> None:
        """As the embedded server's superuser, who may end a connection that is still closing; elsewhere such a database stays behind."""
        if os.environ.get("CRM_TEST_POSTGRES"):
            with contextlib.suppress(OperationalError):
                self.run(f'drop database if exists "{database}"')
            return
        superuser = make_url(self.owner_url).set(username="postgres")
        with _own_connection(superuser).connect() as connection:
            connection.execute(text(f'drop database if exists "{database}" with (force)'))


@lru_cache(maxsize=4)
def _own_connection(url: str | URL) -> Engine:
    """One connection that outlives its test: each of thousands of tests makes and drops a database over it."""
    return create_engine(url, isolation_level="AUTOCOMMIT", pool_size=1)


@pytest.fixture(scope="session")
def server(environment: None, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """An embedded Postgres of this run's own, shared by its workers; CRM_TEST_POSTGRES names another server's owner."""
    from crm.db import embedded

    folder = _shared_folder(tmp_path_factory)
    embedded.TUNING.update(fsync="off", synchronous_commit="off", full_page_writes="off")  # nothing here outlives the run
    embedded.TUNING.update(shared_buffers="128MB", autovacuum="off")  # each database made or dropped walks through all buffers; none lives for long
    given = os.environ.get("CRM_TEST_POSTGRES")
    with FileLock(folder / "server.lock"):
        return Server(given or embedded.start(Path(os.environ.get(IN_MEMORY, folder))), folder)


@pytest.fixture(scope="session")
def template(server: Server):  # type: ignore[no-untyped-def]
    """The migrated database with the cast in it, made once per run; answers the cast."""
    from tests import cast

    return made_once(server, TEMPLATE, cast.set_up)


def made_once(server: Server, name: str, set_up: Callable[[Engine], Made]) -> Made:
    """A migrated database called `name`, filled by `set_up` by the run's first worker; answers what that answered."""
    from crm import settings
    from crm.db import engine, migrate

    made = server.folder / f"{name}.pickle"
    with FileLock(server.folder / f"{name}.lock"):
        if made.exists():
            return pickle.loads(made.read_bytes())
        server.run(f'drop database if exists "{name}"')
        server.run(f'create database "{name}"')
        migrate.migrate(settings.read(), server.url(name))
        outer = os.environ.get("DATABASE_URL")
        point_to(server.url(name))
        found = set_up(engine.runtime_engine())
        point_to(outer)
        made.write_bytes(pickle.dumps(found))
        return found


@lru_cache(maxsize=8)
def _owner_engine(url: str) -> Engine:
    return create_engine(make_url(url).set(drivername="postgresql+psycopg"), pool_size=2)


@dataclass(frozen=True)
class Database:
    """A database of one test's own: the owner's URL and the runtime login's engine."""

    url: str
    engine: Engine

    def owner(self) -> Engine:
        """For arranging and looking past the walls; never for what is being tested."""
        return _owner_engine(self.url)

    def rows(self, statement: str, **parameters: object) -> list:  # type: ignore[type-arg]
        with self.owner().connect() as connection:
            return list(connection.execute(text(statement), parameters).mappings())

    def value(self, statement: str, **parameters: object) -> object:
        with self.owner().connect() as connection:
            return connection.scalar(text(statement), parameters)


def point_to(url: str | None) -> None:
    """This process's engine belongs to that database from now on."""
    from crm import settings
    from crm.db import engine

    if url is None:
        os.environ.pop("DATABASE_URL", None)
    else:
        os.environ["DATABASE_URL"] = url
    if engine.runtime_engine.cache_info().currsize:
        engine.runtime_engine().dispose()
    for cache in (settings.current, engine.owner_url, engine.runtime_engine, engine.role_names):
        cache.cache_clear()


@contextmanager
def clone(server: Server, template: str = TEMPLATE) -> Iterator[Database]:
    """A fresh clone of the template; the process's engine points to it meanwhile."""
    from crm.db import engine, roles

    name = f"tl_{uuid.uuid4().hex[:12]}"
    ours = roles.DbRoles(INSTALLATION)
    with FileLock(server.folder / "clone.lock"):
        server.run(
            f'create database "{name}" template "{template}" strategy file_copy',
            f'revoke all on database "{name}" from public; grant connect on database "{name}" to "{ours.login}";'
            f' grant temporary on database "{name}" to "{ours.system}"',
        )
    outer, url = os.environ.get("DATABASE_URL"), server.url(name)
    point_to(url)
    found = Database(url, engine.runtime_engine())
    yield found
    found.engine.dispose()
    found.owner().dispose()
    point_to(outer)
    server.drop(name)


@pytest.fixture
def db(request: pytest.FixtureRequest, server: Server, template: object) -> Iterator[Database]:
    """A database of this test's own; one for all those of its module that are marked `leaves_no_trace`."""
    if request.node.get_closest_marker("leaves_no_trace"):
        yield request.getfixturevalue("module_db")
        return
    with clone(server) as found:
        yield found


@pytest.fixture
def cast(db: Database, template):  # type: ignore[no-untyped-def]
    """The cast of this test's database."""
    return pickle.loads(pickle.dumps(template))


@pytest.fixture(scope="module")
def module_db(server: Server, template: object) -> Iterator[Database]:
    """One database for the tests of a module that leave no trace in it."""
    with clone(server) as found:
        yield found


@pytest.fixture(scope="module")
def module_cast(module_db: Database, template):  # type: ignore[no-untyped-def]
    """The cast of the module's database."""
    return pickle.loads(pickle.dumps(template))
