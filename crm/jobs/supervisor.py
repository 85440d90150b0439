"""A process beside the web process: restarted when it dies, stopped with it, gone when it is gone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from crm.logs import log

STEADY_SECONDS = 60.0
"""A process that lived this long began well: the next pause is the shortest again."""


class Supervisor:
    """Runs `command` (by default `python -m crm worker`) from entering to leaving; `name` is what logs call it, `pass_fds` what it keeps open of ours.

    Leaving sends SIGTERM, waits `grace_seconds` for what is still going on and then kills. A pause before each
    restart grows from `first_pause_seconds`, doubling up to `longest_pause_seconds`.
    """

    def __init__(
        self, *, command: Sequence[str] | None = None, name: str = "worker", grace_seconds: float = 10.0,
        first_pause_seconds: float = 1.0, longest_pause_seconds: float = 60.0, pass_fds: Sequence[int] = (),
    ) -> None:  # fmt: skip
        self.name, self.pass_fds = name, tuple(pass_fds)
        self.command = list(command or (sys.executable, "-m", "crm", "worker", "--parent", str(os.getpid())))
        self.grace_seconds = grace_seconds
        self.first_pause_seconds = first_pause_seconds
        self.longest_pause_seconds = longest_pause_seconds
        self.restarts = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._is_leaving = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name=f"{name} supervisor", daemon=True)

    @property
    def pid(self) -> int | None:
        """The child's process id; None while there is none."""
        child = self._child
        return child.pid if child and child.poll() is None else None

    def __enter__(self) -> Self:
        self._begin()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            self._is_leaving.set()
            child = self._child
        if child and child.poll() is None:
            child.terminate()
            try:
                child.wait(self.grace_seconds)
            except subprocess.TimeoutExpired:
                log.warning("child_killed", child=self.name, pid=child.pid)
                child.kill()
                child.wait()
        self._thread.join(self.grace_seconds)

    def _begin(self) -> None:
        """Its own session, so that a Ctrl+C at the terminal reaches it through us only, and once."""
        with self._lock:
            if self._is_leaving.is_set():
                return
            self._child = subprocess.Popen(self.command, env=_environment(), start_new_session=True, pass_fds=self.pass_fds)  # noqa: S603 - our own command
        log.info("child_started", child=self.name, pid=self._child.pid)

    def _watch(self) -> None:
        pause, began = self.first_pause_seconds, time.monotonic()
        while True:
            code = self._child.wait() if self._child else None
            if time.monotonic() - began >= STEADY_SECONDS:
                pause = self.first_pause_seconds
            if self._is_leaving.is_set():
                return
            log.warning("child_died", child=self.name, exit_code=code, restart_in_seconds=pause)
            if self._is_leaving.wait(pause):
                return
            pause, began = min(pause * 2, self.longest_pause_seconds), time.monotonic()
            self.restarts += 1
            try:
                self._begin()
            except OSError as error:  # out of memory or processes: the next pause is longer
                log.error("child_not_started", child=self.name, error=type(error).__name__)


def _environment() -> dict[str, str]:
    """This process's environment, handed on as it is; the child finds this very code whatever the folder it starts in."""
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
