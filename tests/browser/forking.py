"""Servers for the browser tests, each forked from one process that has imported what every start imports: a start costs no seconds of that.

A server that has begun so has read no setting and served nobody; `serve.py` and the pages themselves it imports like any other.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

IMPORTED = (
    "streamlit", "uvicorn", "crm.__main__", "crm.commands.serve", "crm.web.start", "crm.web.routes", "crm.api.app", "pandas", "pyarrow",
    "plotly.graph_objects",
)  # fmt: skip


class Nursery:
    """The process that servers are forked from; they end with it."""

    def __init__(self, root: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.browser.forking"], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def start(self, environment: dict[str, str], log: Path) -> psutil.Process:
        """`python -m crm serve --no-worker` with that environment and nothing else of this one's."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"environment": environment, "log": str(log)}) + "\n")
        return psutil.Process(int(self._process.stdout.readline()))

    def close(self) -> None:
        self._process.communicate()


def main() -> None:
    for name in IMPORTED:
        importlib.import_module(name)
    from crm import settings

    assert not settings.current.cache_info().currsize, "a server has to read its own settings"
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who has ended is gone at once
    servers = []
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _serve(asked["environment"], asked["log"])
        servers.append(pid)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
    for server in psutil.Process().children():
        server.terminate()


def _serve(environment: dict[str, str], log: str) -> None:
    from crm.__main__ import main as command

    for number, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY | os.O_APPEND | os.O_CREAT)):
        opened = os.open(os.devnull if number == 0 else log, flags, 0o644)
        os.dup2(opened, number)
    os.dup2(1, 2)
    os.environ.clear()
    os.environ.update(environment)
    sys.exit(command(["serve", "--no-worker"]))


if __name__ == "__main__":
    main()
