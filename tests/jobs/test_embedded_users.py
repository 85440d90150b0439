"""The embedded server stops with its last user, also when an earlier one was killed and never signed off; one that was killed itself is brought back."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from tests.jobs.waiting import eventually, is_gone

USER = """
import sys, time
from pathlib import Path
from crm.db import embedded
embedded.start(Path(sys.argv[1]))
print("ready", flush=True)
for line in sys.stdin:
    print(embedded.bring_back(Path(sys.argv[1])), flush=True)
"""


@pytest.fixture
def user():
    """Starts processes that use one embedded server of their own, until their standard input ends."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # the server's system user must get in
        started = []

        def start():
            process = subprocess.Popen([sys.executable, "-c", USER, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            started.append(process)
            assert process.stdout.readline() == "ready\n"
            return process, psutil.Process(int((Path(folder) / "postgres" / "postmaster.pid").read_text().splitlines()[0]))

        yield start
        for process in started:
            process.communicate()


def test_neither_a_killed_user_nor_one_that_left_keeps_the_server_and_a_living_one_does(user):
    killed, server = user()
    leaving, _ = user()
    staying, _ = user()
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    leaving.communicate()
    assert server.is_running()
    staying.communicate()
    eventually(lambda: is_gone(server.pid))


def brings_back(user_process):
    user_process.stdin.write("look\n")
    user_process.stdin.flush()
    return user_process.stdout.readline() == "True\n"


def test_a_killed_server_is_brought_back_once_and_stops_with_its_last_user_all_the_same(user):
    watching, server = user()
    staying, _ = user()
    assert not brings_back(watching)
    server.kill()
    eventually(lambda: is_gone(server.pid))
    assert brings_back(watching)
    assert not brings_back(watching)
    late, again = user()
    assert again.pid != server.pid and again.is_running()
    watching.communicate()
    late.communicate()
    assert again.is_running()
    staying.communicate()  # knew the first server only
    eventually(lambda: is_gone(again.pid))
