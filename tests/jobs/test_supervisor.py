"""`serve` always has one worker, and never leaves one behind. Real processes throughout."""

import os
import signal
import subprocess
import sys

import pytest

from crm.jobs.supervisor import Supervisor
from tests.jobs.waiting import LONG_SECONDS, eventually, is_gone

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"]
WEB_PROCESS = """
import time
from crm import logs
from crm.jobs.supervisor import Supervisor
logs.set_up()
with Supervisor() as supervisor:
    print(supervisor.pid, flush=True)
    time.sleep(600)
"""


def heartbeats(db):
    return db.value("select count(*) from jobs.procrastinate_workers")


def test_a_worker_that_dies_is_started_again():
    with Supervisor(command=SLEEPER, first_pause_seconds=0.05) as supervisor:
        first = supervisor.pid
        os.kill(first, signal.SIGKILL)
        second = eventually(lambda: supervisor.pid if supervisor.pid != first else None)
    assert supervisor.restarts == 1
    assert is_gone(first)
    assert is_gone(second)


def test_the_pause_before_a_restart_grows_and_has_an_end():
    pauses = []
    supervisor = Supervisor(command=[sys.executable, "-c", "pass"], first_pause_seconds=1, longest_pause_seconds=4)
    supervisor._is_leaving.wait = lambda pause: pauses.append(pause) or len(pauses) == 5
    with supervisor:
        supervisor._thread.join(60)
    assert pauses == [1, 2, 4, 4, 4]


def test_a_worker_that_ignores_the_signal_is_killed():
    with Supervisor(command=STUBBORN, grace_seconds=0.5) as supervisor:
        pid = supervisor.pid
    assert is_gone(pid)


def test_the_worker_registers_and_says_goodbye(db):
    with Supervisor() as supervisor:
        pid = supervisor.pid
        eventually(lambda: heartbeats(db) == 1)
    assert is_gone(pid)
    assert heartbeats(db) == 0
    assert supervisor.restarts == 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_no_worker_outlives_its_web_process(db, how):
    web = subprocess.Popen([sys.executable, "-c", WEB_PROCESS], stdout=subprocess.PIPE, text=True)
    try:
        worker = int(web.stdout.readline())
        eventually(lambda: heartbeats(db) == 1)
        web.send_signal(how)
        web.wait(LONG_SECONDS)
        eventually(lambda: is_gone(worker))
    finally:
        web.kill()
    assert heartbeats(db) == 0
