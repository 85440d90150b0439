"""Everything between "start" and the first request: database, schema, first data, worker. Undone in reverse at the end."""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from streamlit import config

from crm import logs, settings
from crm.access import as_system, links
from crm.db import embedded, engine
from crm.db.migrate import migrate
from crm.errors import BadSetting
from crm.people import reads as people
from crm.settings import Settings
from crm.web import hosts, sockets

Say = Callable[[str], None]
DATABASE_CHECK_SECONDS = 2.0


@dataclass
class Options:
    """What the command line asks of this process; `streamlit run serve.py` takes the defaults."""

    with_worker: bool = True
    is_prepared: bool = False
    is_by_command: bool = False


options = Options()


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def prepare(say: Say = say) -> None:
    """Database up, schema current, demo filled or the set-up link printed. Once per process. Raises `CrmError`."""
    if options.is_prepared:
        return
    now = settings.current()
    owner_url = engine.owner_url()
    migrate(now, owner_url)
    if now.is_demo and people.is_empty():
        _fill_demo(say)
    _refuse_demo_people_in_public(now)
    options.is_prepared = True


def adopt_streamlits_address() -> None:
    """`streamlit run serve.py` has bound Streamlit's own address and port by now: they become this process's settings."""
    if options.is_by_command:
        return
    bound = {"CRM_HOST": config.get_option("server.address") or "0.0.0.0", "CRM_PORT": config.get_option("server.port")}  # noqa: S104
    os.environ.update({name: str(value) for name, value in bound.items()})
    settings.current.cache_clear()
    if bind_address(settings.current()) != settings.current().host:
        raise BadSetting("Demo data is for this machine only: run with --server.address 127.0.0.1, or with CRM_DEMO=0 and a database of your own.")


def bind_address(now: Settings) -> str:
    """CRM_HOST; the demo's passwords are public, so a demo listens on this machine only."""
    return now.host if not now.is_demo or hosts.is_loopback(now.host) else "127.0.0.1"


def announce(say: Say = say) -> None:
    """The address, and how to get in: demo people and their password, or the first admin's link."""
    now = settings.current()
    say("")
    say(f"  Throughline is at {now.address}")
    if now.is_demo:
        if bind_address(now) != now.host:
            say(f"  Demo data: listening on 127.0.0.1 only, not on {now.host}.")
        cast = people.demo_cast()
        if cast:
            say(f"  Demo people, password {people.DEMO_PASSWORD}:")
            for member in cast:
                say(f"    {member.email:<22} {member.name}, {member.places}")
    elif people.is_empty():
        with as_system() as session:
            token = links.issue(session, "setup", None)
        say("  Nobody can sign in yet. This link, valid for 24 hours and once, makes the first admin:")
        say(f"    {now.address}/?setup={token}")
    say("")


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """Around the serving: prepare, one supervised worker, the watch over open pages."""
    logs.set_up()
    adopt_streamlits_address()
    await asyncio.to_thread(prepare)
    with stopping_the_database(), stand_in_production(), supervised_worker() if options.with_worker else nullcontext():
        await asyncio.to_thread(announce)
        beside = {"watch open pages": sockets.watch(), "warm up": asyncio.to_thread(_warm_up), "watch the database": watch_the_database()}
        tasks = [asyncio.create_task(work, name=name) for name, work in beside.items()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def watch_the_database() -> None:
    """Until cancelled: an embedded server that died is started again. One of one's own is for whoever runs it."""
    now = settings.current()
    while now.database_url is None:
        await asyncio.sleep(DATABASE_CHECK_SECONDS)
        try:
            if await asyncio.to_thread(embedded.bring_back, now.data_dir):
                logs.log.warning("database_brought_back")
        except Exception as error:  # its disk is full, or its recovery takes longer than the wrapper waits: look again
            logs.log.error("database_not_started", error=type(error).__name__)


def _warm_up() -> None:
    """Load what the first page would have to wait for. What is loaded never becomes garbage: keeping it out of collections
    makes each run of a page several times faster."""
    notes = logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context")
    notes.disabled = True  # it would remark on each module that no page is running
    for module in ("pandas", "pyarrow", "crm.ui.navigation"):
        importlib.import_module(module)
    notes.disabled = False
    gc.collect()
    gc.freeze()


def supervised_worker() -> AbstractContextManager[Any]:
    from crm.jobs.supervisor import Supervisor

    return Supervisor()


def stand_in_production() -> AbstractContextManager[Any]:
    """A demo without a Metabase of its own gets one; before the worker, which reads where it is from the environment."""
    from crm.jobs.stand_in import stand_in_production

    return stand_in_production()


@contextmanager
def stopping_the_database() -> Iterator[None]:
    """The embedded server stops with its last user, also when a signal ends the process before Python's own end."""
    try:
        yield
    finally:
        if settings.current().database_url is None:
            engine.runtime_engine().dispose()
            embedded.stop(settings.current().data_dir)


def _fill_demo(say: Say) -> None:
    say("First start: making a demo organisation. This takes less than a minute and happens once.")
    fill = importlib.import_module("crm.demo.fill").fill
    fill(progress=lambda line: say(f"  {line}"))


def _refuse_demo_people_in_public(now: Settings) -> None:
    if not now.is_demo and not hosts.is_loopback(now.host) and people.demo_cast():
        raise BadSetting(
            "CRM_DEMO=0 and CRM_HOST open this server to others, but its database holds the demo people, whose password everybody knows. "
            "Use a database of your own (CRM_DATA_DIR or DATABASE_URL), or disable those people first."
        )
