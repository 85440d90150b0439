"""The demo's stand-in for Metabase as a child process, so that orders come in by the same connector as anywhere else."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from crm import settings
from crm.access import OPERATOR, acting_as
from crm.clock import now
from crm.jobs.supervisor import Supervisor
from crm.people import reads as people
from crm.settings import Settings

SEED = 7


def is_due() -> bool:
    """Not outside of a demo, beside a Metabase of one's own, or for a database that is not (or no longer) the demo's."""
    current = settings.current()
    return current.is_demo and not current.metabase_url and bool(people.demo_cast())


@contextmanager
def stand_in_production() -> Iterator[None]:
    """While entered, METABASE_URL and METABASE_API_KEY name the stand-in, for this process and those it starts; nothing where it is not due."""
    if not is_due():
        yield
        return
    current = settings.current()
    from crm.demo.buyers import connect_production  # a command beside a real production begins a tenth of a second sooner
    from crm.demo.production import FILE

    if not (current.data_dir / FILE).exists():  # a demo from before there was production, or a data folder that lost it
        with acting_as(OPERATOR) as session:
            connect_production(session, current.data_dir, seed=SEED, now=now())
    with socket.create_server(("127.0.0.1", 0)) as listening:  # ours, so that who asks before it is up, or up again, only waits
        given = {"METABASE_URL": f"http://127.0.0.1:{listening.getsockname()[1]}", "METABASE_API_KEY": f"mb_{current.derive('stand-in production')}"}
        before = {name: os.environ.get(name) for name in given}
        _set(given)
        try:
            with Supervisor(command=_command(current, listening), name="stand-in production", grace_seconds=2, pass_fds=[listening.fileno()]):
                yield
        finally:
            _set(before)


def _command(current: Settings, listening: socket.socket) -> list[str]:
    folder = str(current.data_dir.resolve())
    return [sys.executable, "-m", "crm.demo.metabase", "--socket", str(listening.fileno()), "--data-dir", folder, "--parent", str(os.getpid())]


def _set(variables: dict[str, str] | dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    settings.current.cache_clear()
