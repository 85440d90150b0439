"""The server that HTTP and page benches talk to: a real `serve` on loopback, started here and stopped here."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
from sqlalchemy import text

from crm.bench.ground import Ground

START_SECONDS = 60
FIRST_ORDERS_SECONDS = 300
CALM_SECONDS = 5
_IS_CALM = text("""
    select exists (select from crm.sync_runs where state = 'done') and not exists (select from crm.sync_runs where state = 'running')
        and not exists (select from jobs.procrastinate_jobs where status = 'doing')
        and not exists (select from pg_stat_activity where backend_type = 'autovacuum worker')
""")


@dataclass(frozen=True, slots=True)
class Served:
    port: int
    process_id: int

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def memory_mb(self) -> float:
        """Memory of the web process and its worker that no other process shares, in MB (USS)."""
        web = psutil.Process(self.process_id)
        mine = [web, *(child for child in web.children(recursive=True) if "postgres" not in child.name())]
        return sum(process.memory_full_info().uss for process in mine) / 1e6


@contextmanager
def served() -> Iterator[Served]:
    """`serve` with its worker, against this process's database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "CRM_HOST": "127.0.0.1", "CRM_PORT": str(port), "CRM_BASE_URL": f"http://127.0.0.1:{port}"}
    process = subprocess.Popen([sys.executable, "-m", "crm", "serve"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/healthz", process)
        yield Served(port, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def wait_until_calm(ground: Ground) -> None:
    """Until the demo's production has been read and a worker has done what waited for it: nobody's day is measured by a server's first minute."""
    ends, calm_since = time.monotonic() + FIRST_ORDERS_SECONDS, None
    with ground.owner().connect() as connection:
        while time.monotonic() < ends:
            is_calm = connection.scalar(_IS_CALM)
            connection.rollback()
            calm_since = (calm_since or time.monotonic()) if is_calm else None
            if calm_since and time.monotonic() - calm_since > CALM_SECONDS:
                return
            time.sleep(0.5)
    raise RuntimeError("The demo's production was not read in time.")


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        if process.poll() is not None:
            raise RuntimeError(f"The server stopped with code {process.returncode} before it answered.")
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("The server did not answer in time.")
