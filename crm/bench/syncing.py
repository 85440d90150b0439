"""What reading a million orders costs: the whole command in a process of its own, its memory, and what the Leads page feels of it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psutil
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from crm import settings
from crm.access import Person, acting_as, as_system
from crm.bench import reports
from crm.bench.ground import Ground, point_to
from crm.bench.measure import Figure, percentile, times_ms
from crm.clock import now
from crm.db import engine as db_engine
from crm.db import roles
from crm.demo.rates import monday
from crm.leads import reads

ORDERS = 1_000_000
CHANGED = 1_000
DIFFERENCES = 3
CUSTOMERS = 83_000
KEY = "mb_bench"
PAUSE_SECONDS = 0.1  # between two looks at the Leads page
# The first difference brings a week's new rates: they come on Mondays.
BEGINS = datetime.combine(monday(now().date() - timedelta(days=2)), datetime.min.time(), UTC) - timedelta(minutes=ORDERS + CHANGED // 2)

# A ground that was filled before markets had teams.
_TEAMS = text("""
    update crm.markets as m
    set team_id = (select l.team_id from crm.leads as l where l.market = m.code group by l.team_id order by count(*) desc limit 1), version = m.version + 1
    where m.team_id is null and m.code in (select l.market from crm.leads as l)
""")

# A ground whose server has read the demo's own production meanwhile.
_EMPTY = text("truncate crm.orders, crm.customers, crm.lead_reasons, crm.sync_runs, crm.alarms")


def measure(ground: Ground) -> Iterator[Figure]:
    """A first full run, a difference of 1,000 orders, a full run that finds nothing new, and reports of them; on a copy of the ground, dropped afterwards."""
    person = ground.people["team"]
    with _copy_of(ground):
        quiet = _looks(person, 60)
        with _production(ORDERS) as environment:
            looks: list[float] = []
            facts, seconds, megabytes = _watched(environment, "--full", person, looks)
            _expect(facts, orders_changed=ORDERS)
            yield Figure("sync", f"full, {ORDERS:,} orders, {facts['leads_created']:,} leads made", "s", seconds, bar=120)
            yield Figure("sync", "memory of that run", "MB", megabytes, bar=512)
            ratio = percentile(looks, 0.5) / percentile(quiet, 0.5)
            yield Figure("sync", "leads page while it runs / before", "×", ratio, percentile(looks, 0.95) / percentile(quiet, 0.95), 1.3)
        taken, readings = [], []
        for turn in range(1, DIFFERENCES + 1):
            with _production(ORDERS + turn * CHANGED) as environment:
                facts, seconds, _ = _watched(environment, "", person, [])
                _expect(facts, orders_changed=CHANGED)
                taken.append(seconds)
                readings.append(_seconds_of(facts["run"]))
        read = f"{facts['orders_changed']:,} orders changed of {facts['orders_read']:,} read"
        yield Figure("sync", f"difference, {read}, the median of {DIFFERENCES}", "s", percentile(taken, 0.5), max(taken), 3)
        yield Figure("sync", "the same as the worker does it: without the start of a process", "s", percentile(readings, 0.5), max(readings))
        with _production(ORDERS + DIFFERENCES * CHANGED) as environment:
            facts, seconds, _ = _watched(environment, "--full", person, [])
            _expect(facts, orders_changed=0, customers_changed=0, leads_created=0, leads_changed=0)
            yield Figure("sync", "full again, nothing new, 0 rows written", "s", seconds, bar=120)
        yield from reports.in_every_scope(ground, reports.OF_ORDERS)


def _seconds_of(run_id: int) -> float:
    """From its first to its last line, as the run recorded it."""
    with as_system() as session:
        return float(session.scalar(text("select extract(epoch from finished_at - started_at) from crm.sync_runs where id = :id"), {"id": run_id}))


def _expect(facts: dict[str, Any], **counts: int) -> None:
    if {name: facts[name] for name in counts} != counts:
        raise RuntimeError(f"The run counted {facts}.")


def _looks(person: Person, runs: int) -> list[float]:
    """In the rhythm of those beside the sync: one after another, without a pause, each would find everything warm."""
    found: list[float] = []
    for _ in range(runs):
        time.sleep(PAUSE_SECONDS)
        found += times_ms(partial(_list, person), runs=1, warm_up=0)
    return found


def _list(person: Person) -> object:
    with acting_as(person) as session:
        return reads.list_leads(session, reads.LeadFilter(open_only=True), sort="-updated_at", limit=100)


def _watched(environment: dict[str, str], option: str, person: Person, looks: list[float]) -> tuple[dict[str, Any], float, float]:
    """(what the command says, its seconds, its largest MB); `looks` takes how long the Leads page took meanwhile, once every so often."""
    command = [sys.executable, "-m", "crm", "sync", "--json", *([option] if option else [])]
    is_over = threading.Event()

    largest = [0]

    def look() -> None:
        while not is_over.wait(PAUSE_SECONDS):
            looks.extend(times_ms(partial(_list, person), runs=1, warm_up=0))
            with suppress(psutil.Error):  # over by now; its own count of its largest size begins with that of whoever started it
                largest[0] = max(largest[0], psutil.Process(process.pid).memory_info().rss)

    started = time.perf_counter()
    # Compiled once, as in every installation after its first start; a workplace may forbid that to its own processes.
    given = {name: value for name, value in {**os.environ, **environment}.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(command, env=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # noqa: S603 - our own command
    watcher = threading.Thread(target=look)
    watcher.start()
    assert process.stdout is not None
    said = process.stdout.read()
    status = process.wait()
    seconds = time.perf_counter() - started
    is_over.set()
    watcher.join()
    if status:
        raise RuntimeError(f"python -m crm sync ended with {status}.")
    return json.loads(said), seconds, largest[0] / 2**20


@contextmanager
def _production(orders: int) -> Iterator[dict[str, str]]:
    """The stand-in with so many orders, in a process of its own; answers the environment that names it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {"METABASE_URL": f"http://127.0.0.1:{port}", "METABASE_API_KEY": KEY}
    command = [sys.executable, "-m", "crm.demo.metabase", "--port", str(port), "--orders", str(orders), "--begins", BEGINS.isoformat(),
               "--customers", str(CUSTOMERS)]  # fmt: skip
    process = subprocess.Popen(command, env={**os.environ, **environment})  # noqa: S603 - our own command
    try:
        for _ in range(300):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield environment
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _copy_of(ground: Ground) -> Iterator[None]:
    """This process's engine points to a copy meanwhile, so that every bench begins with an empty mirror."""
    owner = make_url(ground.url).set(drivername="postgresql+psycopg")
    name = f"{owner.database}_sync"
    url = owner.set(database=name).render_as_string(hide_password=False)
    installation = settings.current().installation or ""
    db_engine.runtime_engine().dispose()
    admin = create_engine(owner.set(database="postgres"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with admin.connect() as connection:
        connection.execute(text(f'drop database if exists "{name}"'))
        connection.execute(text(f'create database "{name}" template "{owner.database}"'))
    with create_engine(url, poolclass=NullPool).begin() as connection:
        roles.ensure(connection, roles.DbRoles(installation), roles.login_password(settings.current(), installation))
        connection.execute(_TEAMS)
        connection.execute(_EMPTY)
    point_to(url, installation)
    try:
        yield
    finally:
        db_engine.runtime_engine().dispose()
        point_to(ground.url, installation)
        with admin.connect() as connection:
            connection.execute(text(f'drop database if exists "{name}"'))
